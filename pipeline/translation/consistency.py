"""Check `terms`: what stands in the question and again in an option or rationale has one name.

Options are translated one by one, so "Cold" may become the weather in one place and the illness in
another. Where an option's text stands in the source's question or rationale, its translation must
stand there too, compared by the beginnings of words, since they are inflected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.folding import folded
from pipeline.translation.problem import Problem

MIN_LETTERS = 4
MIN_CHARACTERS = 2  # of zh and ja
MAX_WORDS = 4
# "железодефицитная" and "железодефицитной" begin alike for so much of the shorter.
STEM_SHARE = 0.6
_WORD = re.compile(r"[^\W\d_]{3,}")
_IDEOGRAPHS = re.compile("[\u3400-\u9fff\u30a0-\u30ff]+")


def term_problems(
    source: Mapping[str, Any],
    target: Mapping[str, Any],
    source_language: str,
    target_language: str,
) -> Iterator[Problem]:
    """Yield an option whose name is another one where the question or the rationale repeats it."""
    options = zip(source.get("options") or [], target.get("options") or [], strict=False)
    for own, other in options:
        if not _is_term(own, source_language):
            continue
        for field in ("question", "rationale"):
            text, translated = source.get(field) or "", target.get(field) or ""
            if _holds(text, own, source_language) and not _shares(
                translated, other, target_language
            ):
                yield Problem("terms", f"{own} is {other} as an option, not in the {field}")


def _is_term(text: str, language: str) -> bool:
    if language in CHARACTER_LANGUAGES:
        return len("".join(_IDEOGRAPHS.findall(text))) >= MIN_CHARACTERS and len(text) <= 12
    words = _WORD.findall(text)
    return 0 < len(words) <= MAX_WORDS and sum(map(len, words)) >= MIN_LETTERS


def _holds(text: str, term: str, language: str) -> bool:
    """Tell whether a text holds a term as it stands, at the borders of words."""
    plain, wanted = folded(text).casefold(), folded(term).casefold().strip(" .。")
    if language in CHARACTER_LANGUAGES:
        return wanted in plain
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", plain) is not None


def _shares(text: str, term: str, language: str) -> bool:
    """Tell whether a text has one of the term's words, in any form."""
    plain = folded(text).casefold()
    term = folded(term).casefold()
    if language in CHARACTER_LANGUAGES:
        return any(
            run[at : at + 2] in plain
            for run in _IDEOGRAPHS.findall(term)
            for at in range(max(1, len(run) - 1))
        ) or not _IDEOGRAPHS.search(term)
    stems = [word[: max(3, round(STEM_SHARE * len(word)))] for word in _WORD.findall(term)]
    return not stems or any(re.search(rf"(?<!\w){re.escape(stem)}", plain) for stem in stems)
