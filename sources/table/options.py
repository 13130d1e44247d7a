"""Options packed in one cell, and the labels ("A.", "2)") that stand before them."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from sources.table.cells import as_cell
from sources.table.keys import as_latin

_LABELS = ("ABCDEFGHIJ", "АБВГДЕЖЗИК", "アイウエオカキクケコ", "123456789")
# No digit may follow: "1.5 mg", "1 - 2 days". A hyphen needs a space: "B-lymphocytes" is a name.
_LABELLED = re.compile(
    r"[(（\[]?\s*(\w)\s*(?:[.．。:：)）\]、](?!\d)|[-–]\s+(?!\d))\s*(.*)", re.DOTALL
)
_LETTER_AND_SPACE = re.compile(r"([^\W\d_])\s+(.*)", re.DOTALL)
# Keys under which upstream formats put the text of an option that is itself a mapping.
_TEXT_KEYS = ("text", "value", "content")


def split_options(cell: Any, separator: str | None) -> list[str]:  # noqa: ANN401
    """Return the options of one cell: a list, a mapping by letter, or text with a separator.

    Without a declared separator, text is a list in brackets or has one option a line.
    """
    if isinstance(cell, dict):
        return _of_mapping(cell, separator)
    if isinstance(cell, list):
        return [_of_entry(entry) for entry in cell]
    if separator is not None:
        return [part.strip() for part in str(cell).split(separator)]
    if str(cell)[:1] in ("[", "{"):
        literal = _literal(str(cell))
        if isinstance(literal, (list, dict)):
            return split_options(literal, separator)
    # Some exports write a line break as a backslash and an n.
    lines = str(cell).splitlines() if "\n" in str(cell) else str(cell).split(r"\n")
    return [part.strip() for part in lines if part.strip()]


def _literal(text: str) -> Any:  # noqa: ANN401
    """Return a list or mapping that csv holds as JSON or, written by pandas, as Python text."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return as_cell(parse(text))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def _of_mapping(cell: dict[str, Any], separator: str | None) -> list[str]:
    if isinstance(cell.get("text"), list):  # {"label": [...], "text": [...]}
        return split_options(cell["text"], separator)
    by_letter = sorted(cell) if all(len(key) == 1 for key in cell) else list(cell)
    return [_of_entry(cell[key]) for key in by_letter]


def _of_entry(entry: Any) -> str:  # noqa: ANN401
    if isinstance(entry, dict):
        entry = next((entry[key] for key in _TEXT_KEYS if key in entry), "")
    return entry if isinstance(entry, str) else ""


def unlabelled(options: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the options without their labels, and the labels.

    Labels are taken off only where every option carries that of its own place ("A. fumigatus" in
    the third place is a name) and where the rest still differs ("A 群", "B 群" are no labels).
    """
    for pattern in (_LABELLED, _LETTER_AND_SPACE):
        matches = [pattern.fullmatch(option) for option in options]
        written = [unicodedata.normalize("NFKC", m[1]).upper() if m else "" for m in matches]
        rest = tuple(m[2].strip() for m in matches if m)
        for found in (written, [as_latin(label) for label in written]):
            if _are_in_order(found) and len(set(rest)) == len(options):
                return rest, tuple(found)
    return tuple(options), ()


def _are_in_order(found: Sequence[str]) -> bool:
    return len(found) > 1 and any(list(found) == list(line[: len(found)]) for line in _LABELS)
