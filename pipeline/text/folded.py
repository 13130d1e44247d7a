"""Comparison keys of whole columns and of single texts, made by the compiled fold."""

from __future__ import annotations

import re
from codecs import utf_32_le_decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.text.decomposed import compose, decomposed, is_decomposed
from pipeline.text.fold import DECIMAL_COMMA, POINT_THOUSANDS, WITHOUT_SPACES, fold_texts
from pipeline.text.letters import letters
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import LANGUAGES

if TYPE_CHECKING:
    import polars as pl

OTHER_LANGUAGE = len(LANGUAGES)  # the number of a language that is none of the six
_COMMA_LANGUAGES = ("es", "fr", "ru")
_STYLES = np.array(
    [
        WITHOUT_SPACES * (language in CHARACTER_LANGUAGES)
        | DECIMAL_COMMA * (language in _COMMA_LANGUAGES)
        | POINT_THOUSANDS * (language == "es")
        for language in [*LANGUAGES, "other"]
    ],
    np.uint8,
)


@dataclass(frozen=True, slots=True)
class Folded:
    """Comparison keys as code points, one after another."""

    codes: NDArray[np.uint32]  # there may be more of them than `ends` says
    ends: NDArray[np.int64]  # [num_texts + 1], beginning with 0

    def between(self, start: int, end: int) -> str:
        """Return the characters from one place to another."""
        return utf_32_le_decode(self.codes[start:end].data)[0]

    def text(self, number: int) -> str:
        """Return one comparison key."""
        return self.between(self.ends[number], self.ends[number + 1])


def language_code(language: str) -> str:
    """Return the code without region or script, in lower case: "EN" and "en-US" are en."""
    return re.split("[-_]", language.strip().lower())[0]


def language_number(language: str) -> int:
    """Return the place of a language in `LANGUAGES`, or that of all others."""
    code = language_code(language)
    return LANGUAGES.index(code) if code in LANGUAGES else OTHER_LANGUAGE


def fold_text(text: str, language: str) -> str:
    """Return the comparison key of one text."""
    if is_decomposed(text):
        text = compose(text)
    data = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    starts = np.array([0, len(data)], np.int64)
    starts.flags.writeable = False  # as those of a column: numba compiles for each kind
    codes = np.empty(12 * len(data) + 64, np.uint32)  # what `fold_texts` asks for at the most
    ends = _fold([(data, starts, np.array([language_number(language)], np.uint8))], codes)
    assert ends is not None
    return Folded(codes, ends).text(0)


def fold_words(words: Sequence[str], language: str) -> list[str]:
    """Return the comparison keys of many texts, far faster than one by one."""
    import polars as pl

    numbers = np.full(len(words), language_number(language), np.uint8)
    folded = fold_columns([(pl.Series(words, dtype=pl.String), numbers)])
    return [folded.text(number) for number in range(len(words))]


def fold_columns(columns: Sequence[tuple[pl.Series, NDArray[np.uint8]]]) -> Folded:
    """Return the comparison keys of columns, one column after another.

    Each column comes with the number of the language of each of its texts; null is read as empty.
    """
    buffers = [(*_utf8(texts), languages) for texts, languages in columns]
    room = sum(int(starts[-1] - starts[0]) for _, starts, _ in buffers) + 64
    while True:
        codes = np.empty(room, np.uint32)
        if (ends := _fold(buffers, codes)) is not None:
            return Folded(codes, ends)
        room *= 2  # folding makes few texts longer: fractions, ligatures, units of one character


def _fold(
    buffers: Sequence[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]]],
    codes: NDArray[np.uint32],
) -> NDArray[np.int64] | None:
    """Fold into `codes` and return the ends, or nothing where there is too little room."""
    tables = letters()
    ends = np.zeros(1 + sum(len(languages) for _, _, languages in buffers), np.int64)
    done = length = 0
    for data, starts, languages in buffers:
        own_ends = ends[done + 1 : done + 1 + len(languages)]
        own_codes = codes[length:]
        added = fold_texts(
            data, starts, *tables, languages.copy(), _STYLES[languages], own_codes, own_ends
        )
        if added < 0:
            return None
        own_ends += length
        done, length = done + len(languages), length + added
    return ends


def _utf8(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of a column and where each text starts in them."""
    import polars as pl

    data, starts = _buffers(texts.fill_null(""))
    found = decomposed(data, starts)
    if not len(found):
        return data, starts
    composed = pl.Series(map(compose, texts.gather(found)), dtype=pl.String)
    return _buffers(texts.fill_null("").scatter(found, composed))


def _buffers(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    import polars as pl

    array = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data or b"", np.uint8), starts
