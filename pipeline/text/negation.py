"""Cues that turn a statement round; two texts that are alike but differ in these are not the same.

The cues are a word list, not grammar: they are made to be compared between two texts of one
language, where a cue that is wrongly seen is seen in both.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from pipeline.text.lexicon import lexicon
from pipeline.text.units import CHARACTER_LANGUAGES


def negation_cues(text: str, language: str) -> tuple[str, ...]:
    """Return the names of all negation cues of a text, sorted, repeats kept.

    None in a language without a list.
    """
    if language not in lexicon("negation"):
        return ()
    pattern, names = _cue_pattern(language)
    found = (match.lastgroup or "" for match in pattern.finditer(_fold(text)))
    return tuple(sorted(names[group] for group in found if group in names))


@cache
def _cue_pattern(language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return one pattern over all spellings, longest first, and what each of its groups names."""
    cues: dict[str, list[str]] = lexicon("negation")[language]
    names: dict[str, str] = {}
    whole: list[str] = []
    endings: list[str] = []
    spellings = [(spelling, name) for name, listed in cues.items() for spelling in listed]
    for number, (spelling, name) in enumerate(sorted(spellings, key=_longest_first)):
        group = f"cue{number}"
        if name != "none":
            names[group] = name
        alternatives = endings if spelling.startswith("*") else whole
        alternatives.append(f"(?P<{group}>{_spelling_pattern(spelling, language)})")
    initials = "".join(
        sorted({re.escape(_fold(spelling.lstrip("*"))[0]) for spelling, _ in spellings})
    )
    start = "" if language in CHARACTER_LANGUAGES else r"(?<!\w)"
    pattern = f"{start}(?=[{initials}])(?:{'|'.join(whole)})"
    return re.compile("|".join([pattern, *endings])), names


def _longest_first(pair: tuple[str, str]) -> tuple[int, str]:
    return -len(pair[0]), pair[0]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")


def _spelling_pattern(spelling: str, language: str) -> str:
    is_open = language in CHARACTER_LANGUAGES or spelling.endswith("*")
    return re.escape(_fold(spelling.strip("*"))) + ("" if is_open else r"(?!\w)")
