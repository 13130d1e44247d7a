"""The word lists of the guard, one YAML file per language, folded as the compared texts are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from pipeline.text.folded import fold_words
from pipeline.text.lexicon import lexicon as text_lexicon
from schemas.item import LANGUAGES


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What the guard knows of a language."""

    function_words: frozenset[str]
    function_pattern: re.Pattern[str]  # any of them, longest first, for zh and ja
    contrasts: dict[frozenset[str], str]  # two members of a group -> the group's category
    groups: tuple[tuple[str, ...], ...]  # of contrasts
    contrasting: dict[str, str]  # a member -> its category
    prefixes: tuple[str, ...]  # longest first
    suffixes: tuple[str, ...]
    lookalikes: frozenset[frozenset[str]]  # pairs of real words that a misprint could make
    telling: frozenset[str]  # whatever is in a contrast or looks like another
    equivalents: dict[str, str]  # a spelling -> the first spelling of its group
    equivalent_pattern: re.Pattern[str]  # any of them, longest first, for zh and ja


@cache
def lexicon(language: str) -> Lexicon:
    """Return the word lists of a language; another than the six has none."""
    lists = _read(language) if language in LANGUAGES else {}
    words = [*_words(lists)]
    fold = dict(zip(words, fold_words(words, language), strict=True)).__getitem__
    groups = {
        category: [[fold(word) for word in group] for group in found]
        for category, found in lists.get("contrasts", {}).items()
    }
    equivalents = {
        fold(word): fold(group[0]) for group in lists.get("equivalents", ()) for word in group
    }
    affixes = [fold(affix) if affix[:1] != "*" else affix for affix in lists.get("affixes", ())]
    function_words = lists.get("function_words", ())
    return Lexicon(
        function_words=frozenset(map(fold, function_words)),
        function_pattern=_any_of(function_words),
        contrasts={
            frozenset(pair): category
            for category, found in groups.items()
            for group in found
            for pair in product(group, group)
        },
        groups=tuple(tuple(group) for found in groups.values() for group in found),
        contrasting={w: c for c, found in groups.items() for group in found for w in group},
        prefixes=_longest_first(a.rstrip("*") for a in affixes if not a.startswith("*")),
        suffixes=_longest_first(a.lstrip("*") for a in affixes if a.startswith("*")),
        lookalikes=frozenset(
            frozenset((fold(one), fold(other)))
            for group in lists.get("lookalikes", ())
            for one, other in product(group, group)
        ),
        telling=frozenset(
            fold(word)
            for found in (*lists.get("contrasts", {}).values(), lists.get("lookalikes", ()))
            for group in found
            for word in group
        ),
        equivalents=equivalents,
        equivalent_pattern=_any_of([*equivalents]),
    )


def _read(language: str) -> dict[str, Any]:
    import yaml

    path = files("pipeline.dedup").joinpath("lexicons", f"{language}.yaml")
    # Every scalar stays text: YAML would read "no" as false. It builds no objects.
    # Of the two loaders the one in C, where it is, takes a tenth of the time.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    lists: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
    return {**lists, "function_words": text_lexicon("function_words")[language]}


def _words(lists: Any) -> Iterator[str]:  # noqa: ANN401 - lists of lists, by name or not
    if isinstance(lists, str):
        yield lists
        return
    for one in lists.values() if isinstance(lists, dict) else lists:
        yield from _words(one)


def _any_of(words: list[str] | tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))) or r"(?!)")


def _longest_first(words: Any) -> tuple[str, ...]:  # noqa: ANN401 - any iterable of words
    return tuple(sorted(set(words), key=lambda word: (-len(word), word)))
