"""Answer keys as people write them: letters, numbers or the option's text, one or several.

A way of reading is a function of the key cell and the options that gives 0-based indices, or
nothing where it cannot read the cell. Where the recipe does not say how keys are written, the file
must leave only one way, or all ways must agree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from schemas.item import LETTERS
from sources.table.settings import KeyBase

Indices = tuple[int, ...]
Read = Callable[[str, Sequence[str]], Indices]

_RUSSIAN = "АБВГДЕЖЗИК"
_KANA = "アイウエオカキクケコ"

# Cyrillic and Greek capitals that look Latin; a key typed on such a keyboard means the letter seen.
_LOOK_ALIKES = str.maketrans("АВСЕНКМОРТХΑΒΕΗΙΚΜΝΟΡΤΧΥΖ", "ABCEHKMOPTXABEHIKMNOPTXYZ")

_SEVERAL = re.compile(r"[,;，；、+&\s]+(?:(?:AND|Y|ET|И)\s+)?|和|及|与|と")
_EITHER = re.compile(r"\s(?:OR|O|OU|ИЛИ)\s|或者?|または|又は|もしくは")
_AROUND = " .。:：()（）[]「」\"'"
_ENDS = _AROUND + ",;、"
_LABEL_AND_TEXT = re.compile(r"[(（\[]?(\w)[.．。:：)）\]、-]\s*(\S.*)", re.DOTALL)

_DIGITS = 4  # a longer number names no option
_ENOUGH = 0.9  # of the keys must be readable in one way, so that typing errors do not hide it


@dataclass(frozen=True, slots=True)
class KeyCell:
    """A key that is not empty, with the options of its row and where it stands."""

    text: str
    options: Sequence[str]
    place: str


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper()


def as_latin(text: str) -> str:
    """Return a label in capitals, full-width and look-alike letters as the Latin ones they show."""
    return _folded(text).translate(_LOOK_ALIKES)


def _letters(alphabet: str, fold: Callable[[str], str]) -> Read:
    def read(cell: str, options: Sequence[str]) -> Indices:
        labelled = _LABEL_AND_TEXT.fullmatch(cell)
        named = alphabet.find(fold(labelled[1])) if labelled else -1
        if labelled and _comparable(labelled[2]) == _comparable(_at(options, named)):
            return (named,)
        parts = [part.strip(_AROUND) for part in _SEVERAL.split(fold(cell).strip(_ENDS))]
        letters = "".join(parts)
        if not all(parts) or len(set(letters)) < len(letters) or not set(letters) <= set(alphabet):
            return ()
        return tuple(sorted(map(alphabet.index, letters)))

    return read


def _numbers(first: int) -> Read:
    def read(cell: str, _options: Sequence[str]) -> Indices:
        parts = [part.strip(_AROUND) for part in _SEVERAL.split(_folded(cell).strip(_ENDS))]
        # A csv written by pandas holds 2.0 where any other key of the column is empty.
        parts = [part.removesuffix(".0") for part in parts]
        if not all(part.isdecimal() and len(part) < _DIGITS for part in parts):
            return ()
        return tuple(sorted({int(part) - first for part in parts}))

    return read


def _texts(cell: str, options: Sequence[str]) -> Indices:
    known = [_comparable(option) for option in options]
    if _comparable(cell) in known:
        return (known.index(_comparable(cell)),)
    for parts in (cell.splitlines(), re.split(r"[;|]", cell)):
        wanted = [_comparable(part) for part in parts if part.strip()]
        if len(wanted) > 1 and all(part in known for part in wanted):
            return tuple(sorted({known.index(part) for part in wanted}))
    return ()


def _comparable(text: str) -> str:
    return " ".join(_folded(text).split()).rstrip(".。")


def _at(options: Sequence[str], index: int) -> str:
    return options[index] if 0 <= index < len(options) else ""


_latin = _letters(LETTERS, as_latin)
_russian = _letters(_RUSSIAN, _folded)
_kana = _letters(_KANA, _folded)

# In the order in which ways of reading that agree are preferred.
WAYS: Mapping[str, Read] = {
    "letters": _latin,
    "Russian letters (А, Б, В)": _russian,
    "kana (ア, イ, ウ)": _kana,
    "numbers from 1": _numbers(1),
    "numbers from 0": _numbers(0),
    "option texts": _texts,
}
_BASES: Mapping[str, KeyBase] = {
    "letters": "letter",
    "Russian letters (А, Б, В)": "letter",
    "kana (ア, イ, ウ)": "letter",
    "numbers from 1": "one",
    "numbers from 0": "zero",
    "option texts": "text",
}
_OPTION_COLUMNS_DECIDE = "name the option columns А, Б, В"


def is_alternative(cell: str) -> bool:
    """Tell whether a key offers a choice ("A or D") of what are letters or numbers on each side."""
    parts = _EITHER.split(as_latin(cell))
    return len(parts) > 1 and all(len(part.strip(_AROUND)) in (1, 2) for part in parts)


def fits(indices: Indices, options: Sequence[str]) -> bool:
    """Tell whether a key could be read and names options that exist."""
    return bool(indices) and all(0 <= index < len(options) for index in indices)


def choose_way(
    keys: Sequence[KeyCell], base: KeyBase | None, column: str, labels: Collection[str]
) -> str:
    """Return the one way in which a file's keys are written; a `ValueError` asks if several fit.

    `labels` name the options (columns or prefixes). They decide where Latin and Russian letters
    would both do: В is the third option beside А and Б, the second one beside A and B.
    """
    ways = [way for way in WAYS if base in (None, _BASES[way])]
    readings = {way: [WAYS[way](key.text, key.options) for key in keys] for way in ways}
    num_fit = {
        way: sum(fits(indices, key.options) for indices, key in zip(read, keys, strict=True))
        for way, read in readings.items()
    }
    if base is not None:  # declared: the alphabet alone is open, and Latin comes first
        return max(ways, key=lambda way: (num_fit[way], not _is_denied(way, labels)))
    enough = [w for w in ways if num_fit[w] == len(keys)] or [
        w for w in ways if num_fit[w] >= _ENOUGH * len(keys)
    ]
    enough = [way for way in enough if not _is_denied(way, labels)] or enough
    if not enough:
        raise ValueError(_unreadable(keys, num_fit, column))
    for way in enough[1:]:
        pairs = zip(readings[enough[0]], readings[way], keys, strict=True)
        for first, other, key in pairs:
            if first != other:
                raise ValueError(_ambiguous(key, {enough[0]: first, way: other}, column))
    return enough[0]


def _is_denied(way: str, labels: Collection[str]) -> bool:
    letters = {re.split(r"[\W_]+", _folded(label).strip(_AROUND))[-1] for label in labels}
    if way == "letters":
        return letters >= {"А", "Б"}  # Cyrillic
    return way.startswith("Russian") and letters >= {"A", "B"}  # Latin


def _unreadable(keys: Sequence[KeyCell], num_fit: Mapping[str, int], column: str) -> str:
    best = max(num_fit, key=lambda way: num_fit[way])
    wrong = next(key for key in keys if not fits(WAYS[best](key.text, key.options), key.options))
    return (
        f"the keys in column {column!r} are not all letters, numbers or option texts: as {best} "
        f"{num_fit[best]} of {len(keys)} name an option of their row, and {wrong.place} holds "
        f"{wrong.text[:60]!r}. Write `key_base: letter`, `one`, `zero` or `text` in the recipe; "
        "keys that do not fit are then refused one by one."
    )


def _ambiguous(key: KeyCell, readings: Mapping[str, Indices], column: str) -> str:
    shown = [
        f"{way} ({_how(way)}) it is {_at(key.options, indices[0])[:40]!r}"
        for way, indices in readings.items()
        if indices
    ]
    return (
        f"the keys in column {column!r} can be read in several ways: {key.place} holds "
        f"{key.text[:60]!r}; as {', as '.join(shown)}. Say in the recipe which it is."
    )


def _how(way: str) -> str:
    return _OPTION_COLUMNS_DECIDE if way.startswith("Russian") else f"`key_base: {_BASES[way]}`"
