"""Where two texts differ: both cut to the part that matters, as runs that are equal or not.

Words are compared, or single characters in Chinese and Japanese. What a run holds stays text; the
templates escape it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from pipeline.text.units import CHARACTER_LANGUAGES

CHARACTERS = 360  # shown of each text
_BEFORE = 80  # of these, before the first difference
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a text; `differs` if the other text does not have it there."""

    text: str
    differs: bool


def compare(left: str, right: str, language: str) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Return both texts as runs, from shortly before their first difference."""
    start = _start(left, right)
    first, second = (_cut(text, start) for text in (left, right))
    words = [_words(text, language) for text in (first, second)]
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    sides: tuple[list[Run], list[Run]] = ([], [])
    codes = matcher.get_opcodes()
    goes_on = min(len(left), len(right)) > start + CHARACTERS
    has_shifted = any(tag != "equal" for tag, *_ in codes[:-1])
    for number, (tag, *ends) in enumerate(codes, start=1):
        # Behind a difference both texts that go on end apart only because one was cut earlier.
        is_cut = goes_on and has_shifted and number == len(codes)
        for side, own, (begin, end) in zip(sides, words, (ends[:2], ends[2:]), strict=True):
            side.append(Run("".join(own[begin:end]), tag != "equal" and not is_cut))
    merged = (list(_merged(side)) for side in sides)
    return tuple(_framed(next(merged), left, start)), tuple(_framed(next(merged), right, start))


def plain(text: str) -> tuple[Run, ...]:
    """Return a text as one run, for what cannot be compared: a text in another language."""
    return tuple(_framed([Run(_cut(text, 0), differs=False)], text, 0)) if text else ()


def _merged(runs: Sequence[Run]) -> Iterator[Run]:
    """Yield the runs without empty ones, and without lone spaces between two that differ."""
    told = [
        Run(run.text, run.differs or (run.text.isspace() and 0 < place < len(runs) - 1))
        for place, run in enumerate(runs)
        if run.text
    ]
    for differs, group in groupby(told, key=lambda run: run.differs):
        yield Run("".join(run.text for run in group), differs)


def _start(left: str, right: str) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    first = next((place for place, (a, b) in pairs if a != b), min(len(left), len(right)))
    fits = max(len(left), len(right)) <= CHARACTERS
    return 0 if fits or left == right else max(0, first - _BEFORE)


def _cut(text: str, start: int) -> str:
    return text[start : start + CHARACTERS]


def _words(text: str, language: str) -> Sequence[str]:
    return list(text) if language in CHARACTER_LANGUAGES else _WORD.findall(text)


def _framed(runs: list[Run], text: str, start: int) -> Iterator[Run]:
    """Yield the runs with a mark where the text goes on outside of them."""
    if start and text:
        yield Run("… ", differs=False)
    yield from runs
    if len(text) > start + CHARACTERS:
        yield Run(" …", differs=False)
