"""Check `language`: is a translation in the language that was asked for; fr for es, no translation.

Names and values are alike in all languages, so nothing is said of few words.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.text.language import detect
from pipeline.text.scripts import CYRILLIC, HAN, KANA, LATIN, count
from pipeline.text.units import CHARACTER_LANGUAGES, count_units
from pipeline.translation.problem import Pair, Problem
from schemas.item import LANGUAGES

MIN_WORDS = 4
MIN_WORDS_SHORT_FIELD = 6
MIN_CHARACTERS = 12
MIN_CONFIDENCE = 0.8
MIN_CONFIDENCE_FEW_WORDS = 0.95
FEW_WORDS = 8


def language_problems(pair: Pair) -> Iterator[Problem]:
    """Yield a problem where the translation is surely in another language."""
    num_words = count_units(pair.target, "en")
    if not _is_enough(pair, num_words):
        return
    found = detect(pair.target, pair.target_language)
    if found.language == pair.target_language or found.language == "und":
        return
    least = MIN_CONFIDENCE if num_words > FEW_WORDS else MIN_CONFIDENCE_FEW_WORDS
    # A language of none of ours is a list of Latin names more often than not.
    if found.confidence >= least and (found.language in LANGUAGES or num_words > FEW_WORDS):
        yield Problem("language", f"{found.language} ({found.confidence:.2f})")


def _is_enough(pair: Pair, num_words: int) -> bool:
    if pair.target_language in CHARACTER_LANGUAGES:
        text = pair.target
        return count(HAN, text) + count(KANA, text) + count(CYRILLIC, text) + count(
            LATIN, text
        ) >= (MIN_CHARACTERS)
    return num_words >= (MIN_WORDS_SHORT_FIELD if pair.is_short else MIN_WORDS)
