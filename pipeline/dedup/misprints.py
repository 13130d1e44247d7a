"""Misprints: one letter changed where one of the two words hardly occurs in all texts.

A letter more or less makes another drug as easily as a misprint (ileum, ilium), so looks prove
nothing. What proves a misprint is that one side occurs nowhere else while the other is common; a
small table of texts proves little, and then the two records stay apart.
"""

from __future__ import annotations

import math
import re
import unicodedata
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from pipeline.dedup.align import MIN_KANA, MIN_WORD_LETTERS, NO_NEIGHBOUR
from pipeline.dedup.lexicon import Lexicon, lexicon
from pipeline.text.units import CHARACTER_LANGUAGES

MIN_MISPRINT_LETTERS = 5  # of the longer word: shorter ones are too often one letter apart
# A misprint occurs once, and what it was meant to be more often; or it is a common one, of a word
# that is far more common.
_TIMES_MORE_LIKELY_IF_TELLING = 300
_TIMES_MORE_LIKELY = 30  # of a character between its neighbours
_MOST_MISPRINTED, _TIMES_MORE, _TIMES_MORE_IF_OFTEN = 20, 12, 60
_KATAKANA = re.compile("[ァ-ー]+")
WORDS = re.compile(r"[^\W\d_]+|\d[\d.,:^_]*|\S")


class Misprint(IntEnum):
    """Whether a difference is a misprint."""

    NONE = 0
    POSSIBLE = 1
    PROVEN = 2


class Span(NamedTuple):
    """One place where two texts differ, and how often each side occurs in all texts.

    In zh and ja, once with the character before it and once with that after it.
    """

    left: str
    right: str
    left_counts: tuple[int, int]
    right_counts: tuple[int, int]


@lru_cache(maxsize=1024)  # asked for more than once for each difference
def content(text: str, language: str) -> tuple[str, ...]:
    """Return the tokens that are no function words; for zh and ja, the characters."""
    words = lexicon(language)
    if language in CHARACTER_LANGUAGES:
        text = words.equivalent_pattern.sub(lambda match: words.equivalents[match[0]], text)
        return tuple(words.function_pattern.sub("", text).replace(" ", ""))
    return tuple(word for word in WORDS.findall(text) if word not in words.function_words)


def misprint_of(span: Span, words: Lexicon, language: str) -> Misprint:
    """Tell whether a difference looks like a misprint, and whether the counts prove it."""
    left, right = span[:2]
    if language in CHARACTER_LANGUAGES and len(left) == len(right) == 1:
        # Only one for one: a character more or less makes another word, 急性 of 急.
        is_letter = (left + right).isascii() or not (left + right).isalpha()
        if is_letter or frozenset((left, right)) in words.lookalikes:
            return Misprint.NONE
        # What tells things apart elsewhere is not put right by counts alone: 脾 is rarer than 肝.
        if left in words.telling or right in words.telling:
            is_proven = _is_unlikely(span, _TIMES_MORE_LIKELY_IF_TELLING)
        else:
            is_proven = _is_rare(span) or _is_unlikely(span, _TIMES_MORE_LIKELY)
        return Misprint.PROVEN if is_proven else Misprint.POSSIBLE
    pairs = _words_side_by_side(span)
    if not pairs or not all(_is_slip(*pair, words) or _is_accent_left_out(*pair) for pair in pairs):
        return Misprint.NONE
    is_proven = _is_rare(span) or all(_is_accent_left_out(*pair) for pair in pairs)
    return Misprint.PROVEN if is_proven else Misprint.POSSIBLE


def _words_side_by_side(span: Span) -> list[tuple[str, str]]:
    left, right = (WORDS.findall(text) for text in span[:2])
    if len(left) != len(right):
        return []
    return [pair for pair in zip(left, right, strict=True) if pair[0] != pair[1]]


def _is_rare(span: Span) -> bool:
    """Tell whether one side hardly occurs and the other does: else there is no telling."""
    sides = [
        (left, right)
        for left, right in zip(span.left_counts, span.right_counts, strict=True)
        if NO_NEIGHBOUR not in (left, right)
    ]
    is_left_rare = all(_hardly_occurs(left, right) for left, right in sides)
    return bool(sides) and (is_left_rare or all(_hardly_occurs(r, left) for left, r in sides))


def _is_unlikely(span: Span, times_more: int) -> bool:
    """Tell whether both neighbours of a character together speak for the other side."""
    left, right = (
        math.prod(count + 0.5 for count in counts if count != NO_NEIGHBOUR)
        for counts in (span.left_counts, span.right_counts)
    )
    return max(left, right) >= times_more * min(left, right)


def _hardly_occurs(rare: int, common: int) -> bool:
    if rare <= 1:
        return common > 2
    times_more = _TIMES_MORE if rare <= _MOST_MISPRINTED else _TIMES_MORE_IF_OFTEN
    return common >= times_more * rare


def _is_slip(left: str, right: str, words: Lexicon) -> bool:
    """Tell whether two long words are one letter apart, and not known as two words."""
    lengths = len(left), len(right)
    if not _KATAKANA.fullmatch(left + right):
        if min(lengths) < MIN_WORD_LETTERS or max(lengths) < MIN_MISPRINT_LETTERS:
            return False
    elif min(lengths) < MIN_KANA:
        return False
    if not (left + right).isalpha():
        return False
    if left[0] != right[0] or frozenset((left, right)) in words.lookalikes:
        return False
    return _is_one_edit(left, right) or _is_one_edit(*map(without_accents, (left, right)))


def _is_accent_left_out(left: str, right: str) -> bool:
    """Tell whether one of two longer words is the other without any of its accents."""
    if len(left) < MIN_WORD_LETTERS:
        return False
    plain = without_accents(left)
    return plain in (left, right) and plain == without_accents(right)


def without_accents(word: str) -> str:
    """Return a word without its accents; й stays, a letter of its own."""
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word.replace("й", "\0"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).replace("\0", "й")


def _is_one_edit(left: str, right: str) -> bool:
    """Tell whether at most one letter was dropped, added or replaced, or swapped with the next."""
    begin = 0
    while begin < min(len(left), len(right)) and left[begin] == right[begin]:
        begin += 1
    one, other = left[begin:], right[begin:]
    if len(one) == len(other):
        is_swapped = one[:2] == other[:2][::-1] and one[2:] == other[2:]
        return one[1:] == other[1:] or is_swapped
    shorter, longer = sorted((one, other), key=len)
    return longer[1:] == shorter
