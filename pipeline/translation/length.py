"""Check `length`: a translation as long as its source lets expect, and not cut off.

Texts are measured in English letters: a language's own letters count as many as it needs for what
English says in one, so the six weights give the expected ratio of each of the 30 directions.
Medians over the first half of TICO-19's sentences (es, fr, ru, zh) and over Japanese exams.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.text.scripts import CYRILLIC, HAN, KANA, LATIN, count
from pipeline.translation.problem import Pair, Problem
from schemas.item import Language


class Weights(NamedTuple):
    """What a letter counts in English letters, by script."""

    latin: float = 1.0
    cyrillic: float = 1.0
    han: float = 3.3
    kana: float = 1.9


WEIGHTS: dict[Language, Weights] = {
    "en": Weights(),
    "es": Weights(latin=0.865),
    "fr": Weights(latin=0.838),
    "ru": Weights(cyrillic=0.84),
    "zh": Weights(han=3.26),
    "ja": Weights(han=3.6, kana=1.8),
}
# The logarithm of the ratio may be so far from 0: of 120 letters, .54 to 1.84 times as long, of 400
# .65 to 1.53. The first half of a text is .5, and without a full stop told from .85 on.
SPREAD, SPREAD_OF_ROOT = 0.2, 4.5
# The weights are those against English; two others vary more.
INDIRECT_FACTOR = 1.15
MAX_SPREAD = 1.2  # .30 to 3.3 times as long, however short a text
# Names and values vary more.
SHORT_FIELD_FACTOR = 1.6
MIN_LETTERS = 15
# A text that stops in mid-sentence and is shorter than this.
MAX_CUT_RATIO = 0.85
MIN_LETTERS_OF_SENTENCE = 30
# A shorter option ends with a full stop in one language and without in another.
MIN_LETTERS_OF_OPTION = 60

_DIGIT = re.compile(r"\d")
_END = re.compile(r"[.!?…。！？｡:：;；)）\]】」』”\"»'’*]\s*$")


def length_problems(pair: Pair) -> Iterator[Problem]:
    """Yield a problem where a translation is too short, too long or cut off."""
    if not pair.target.strip():
        yield Problem("length", "empty")
        return
    letters = size(pair.source, pair.source_language)
    if letters < MIN_LETTERS:
        return
    ratio = size(pair.target, pair.target_language) / letters
    if abs(math.log(max(ratio, 0.01))) > _allowed(letters, pair):
        yield Problem("length", f"{ratio:.2f} times as long as expected")
    elif ratio < MAX_CUT_RATIO and letters >= _least_of_sentence(pair) and _is_cut(pair):
        yield Problem("length", f"ends in mid-sentence: ...{pair.target.strip()[-20:]}")


def size(text: str, language: Language) -> float:
    """Return the length of a text in English letters."""
    weights = WEIGHTS[language]
    total = weights.latin * count(LATIN, text) + len(_DIGIT.findall(text))
    if not text.isascii():
        total += weights.cyrillic * count(CYRILLIC, text)
        total += weights.han * count(HAN, text) + weights.kana * count(KANA, text)
    return total


def _allowed(letters: float, pair: Pair) -> float:
    spread = SPREAD + SPREAD_OF_ROOT / math.sqrt(letters)
    if "en" not in (pair.source_language, pair.target_language):
        spread *= INDIRECT_FACTOR
    return min(MAX_SPREAD, spread * SHORT_FIELD_FACTOR if pair.is_short else spread)


def _least_of_sentence(pair: Pair) -> int:
    return MIN_LETTERS_OF_OPTION if pair.is_short else MIN_LETTERS_OF_SENTENCE


def _is_cut(pair: Pair) -> bool:
    return bool(_END.search(pair.source)) and not _END.search(pair.target)
