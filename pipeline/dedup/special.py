"""What the guard's word lists say, as one table of numbers for the compiled verdicts.

An entry is a hash of a language's number and of a word, a beginning of words, or in zh and ja of a
character or a string of them; its value tells what lists it is in. Whatever has no entry is an
ordinary word or character, about which there is nothing to look up.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.dedup.lexicon import lexicon
from pipeline.dedup.misprints import WORDS, without_accents
from pipeline.dedup.plain_characters import CUE_START, MAX_ENTRY, NUMERAL, TELLING, WORD_START
from pipeline.dedup.plain_words import (
    AFFIX,
    CONTRAST,
    CUE,
    CUE_STEM,
    EQUIVALENT,
    FUNCTION,
    LOOKALIKE,
    SURE_CUE,
    UNACCENTED,
    UNIT,
    UNIT_STEM,
    WHOLE_AFFIX,
    put,
)
from pipeline.text.folded import fold_words
from pipeline.text.lexicon import lexicon as text_lexicon
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import LANGUAGES

GROUP_BITS = 64
_HAN_NUMERALS = "〇一二三四五六七八九十百千两零"
_NO_LETTER = re.compile(r"[^\w\s]|_")  # no span with such a character is looked at


class Special(NamedTuple):
    """The table of words, and what each letter is without its accents (0: no letter)."""

    plain: NDArray[np.uint32]
    keys: NDArray[np.uint64]  # open addressing; 0 is an empty place
    values: NDArray[np.uint16]
    groups: NDArray[np.uint64]  # of contrasts: a bit for each that a word is in, 64 and 0 the same
    replacements: NDArray[np.int64]  # of an equivalent of zh or ja: where its first is in `texts`
    texts: NDArray[np.uint32]  # a length, then as many code points


@cache
def special() -> Special:
    """Return the table of all languages."""
    entries: dict[tuple[int, str], int] = {}
    for number, language in enumerate([*LANGUAGES, ""]):
        found = _characters(language) if language in CHARACTER_LANGUAGES else _words(language)
        for text, value in found:
            entries[number, text] = entries.get((number, text), 0) | value
    entries = {entry: value for entry, value in entries.items() if entry[1]}
    room = 1 << (4 * len(entries)).bit_length()
    keys, values = np.zeros(room, np.uint64), np.zeros(room, np.uint16)
    groups, replacements, texts = np.zeros(room, np.uint64), np.zeros(room, np.int64), [0]
    contrasts = _contrasts()
    for (number, text), value in entries.items():
        place = put(keys, values, number, _codes(text), value)
        groups[place] = contrasts[number, text]
        language = [*LANGUAGES, ""][number]
        if value & EQUIVALENT and language in CHARACTER_LANGUAGES:
            first = _codes(lexicon(language).equivalents[text])
            replacements[place] = len(texts)
            texts += [len(first), *first.tolist()]
    return Special(_plain(), keys, values, groups, replacements, np.array(texts, np.uint32))


def _contrasts() -> defaultdict[tuple[int, str], int]:
    """Return the bits of the groups of contrasts of each language's words."""
    found: defaultdict[tuple[int, str], int] = defaultdict(int)
    for number, language in enumerate(LANGUAGES):
        for place, group in enumerate(lexicon(language).groups):
            for text in group:
                whole = language in CHARACTER_LANGUAGES
                for word in [text] if whole else WORDS.findall(text):
                    found[number, word] |= 1 << place % GROUP_BITS
    return found


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32).copy()


def _words(language: str) -> Iterator[tuple[str, int]]:
    """Yield what is special in a language that parts words by spaces."""
    words = lexicon(language)
    yield from ((word, FUNCTION) for word in words.function_words)
    yield from ((word, CONTRAST) for text in words.contrasting for word in WORDS.findall(text))
    yield from ((word, EQUIVALENT) for text in words.equivalents for word in WORDS.findall(text))
    for unit in _units(language):
        is_stem = unit.endswith("*")
        yield unit.rstrip("*").replace(" ", ""), UNIT_STEM if is_stem else UNIT
    for cue, is_negation in _cues(language):
        *others, last = WORDS.findall(cue.rstrip("*"))
        yield from ((word, CUE) for word in others)
        yield last, CUE_STEM if cue.endswith("*") else CUE
        if is_negation and not others and not cue.endswith("*"):
            yield last, SURE_CUE
    yield from ((prefix, AFFIX | WHOLE_AFFIX) for prefix in words.prefixes)
    yield from ((suffix, WHOLE_AFFIX) for suffix in words.suffixes)
    yield from ((word, LOOKALIKE) for pair in words.lookalikes for word in pair)


def _characters(language: str) -> Iterator[tuple[str, int]]:
    """Yield what is special in zh or ja."""
    words = lexicon(language)
    functions = text_lexicon("function_words")[language]
    assert max(map(len, (*functions, *words.equivalents))) <= MAX_ENTRY
    assert all(len(first) <= 8 * len(one) for one, first in words.equivalents.items())
    yield from ((word, FUNCTION) for word in functions)
    yield from ((word, EQUIVALENT) for word in words.equivalents)
    yield from ((word[0], WORD_START) for word in (*functions, *words.equivalents))
    yield from ((word, CONTRAST) for word in words.contrasting)
    for cue, is_negation in _cues(language):
        assert len(cue) <= MAX_ENTRY
        yield cue, CUE | SURE_CUE if is_negation else CUE
        yield cue[0], CUE_START
    for unit in _units(language):
        spelling = unit.rstrip("*").replace(" ", "")
        yield (spelling[:MAX_ENTRY], UNIT_STEM) if unit.endswith("*") else (spelling, UNIT)
    yield from ((numeral, NUMERAL) for numeral in _HAN_NUMERALS)
    yield from ((affix, WHOLE_AFFIX) for affix in (*words.prefixes, *words.suffixes))
    yield from ((word, LOOKALIKE) for pair in words.lookalikes for word in pair)
    yield from ((character, TELLING) for character in words.telling)


def _units(language: str) -> Iterator[str]:
    """Yield the spellings of units, as they are and as they are folded, with their `*`."""
    entries = (one.partition("@") for found in text_lexicon("measures").values() for one in found)
    spellings = [spelling for spelling, _, only in entries if only in ("", language)]
    yield from (unicodedata.normalize("NFKC", spelling).casefold() for spelling in spellings)
    folded = fold_words([spelling.rstrip("*") for spelling in spellings], language)
    for spelling, key in zip(spellings, folded, strict=True):
        yield key + "*" if spelling.endswith("*") else key


def _cues(language: str) -> Iterator[tuple[str, bool]]:
    """Yield the cues of negation that folded letters can match, and whether they negate."""
    for name, spellings in text_lexicon("negation").get(language, {}).items():
        for spelling in spellings:
            folded = unicodedata.normalize("NFKC", spelling).casefold()
            if not _NO_LETTER.search(folded.rstrip("*")):
                yield folded, name != "none"


def _plain() -> NDArray[np.uint32]:
    plain = np.zeros(UNACCENTED, np.uint32)
    for point in range(UNACCENTED):
        without = without_accents(chr(point))
        if chr(point).isalpha() and len(without) == 1:
            plain[point] = ord(without)
    return plain
