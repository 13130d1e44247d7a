"""Two forms of a text: the one that is published and the one that is compared.

`published` repairs encoding debris and leaves the author's characters alone. `comparison_key`
folds every way of writing the same thing together, but never two things that differ in medicine:
5 mg and 50 mg, 0.5 and 05, 10⁶ and 106, Na+ and Na, がん and かん stay apart.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Invisible: control characters but tab and newline, soft hyphen, zero-width space, word joiner,
# invisible operators, byte order mark, annotation and tag characters. Zero-width (non-)joiners
# and direction marks stay: they change what a reader sees.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\ufffe"
    "\uffff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_TRAILING_SPACE = re.compile(r"[^\S\n]+(?=\n)")
_BLANK_LINES = re.compile(r"\n{3,}")


def published(text: str) -> str:
    """Return the text as it may be published: NFC, clean line ends, no invisible debris."""
    if text.isprintable() and unicodedata.is_normalized("NFC", text):
        # No line end, control, format or private character: only spaces at the ends can be wrong.
        return text.strip()
    text = _INVISIBLE.sub("", _LINE_END.sub("\n", text))
    text = unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text))
    text = _TRAILING_SPACE.sub("", text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def published_series(texts: pl.Series) -> pl.Series:
    """Apply `published` to a column of texts; null stays null."""
    import polars as pl

    cleaned = [None if text is None else published(text) for text in texts]
    return pl.Series(texts.name, cleaned, dtype=pl.String)


@lru_cache(maxsize=256)  # stages ask more than once for the texts of a record
def comparison_key(text: str, language: str) -> str:
    """Return the form in which two texts are equal when only their writing differs.

    Folded: width, case, spaces, punctuation, hyphens, item numbers, decimal comma and thousands
    separators by language, ё in Russian, look-alike Latin and Cyrillic letters, unambiguous
    traditional characters in Chinese, the space between a number and its unit. Kept: diacritics,
    digits, exponents, and the signs of comparison, plus and minus.
    """
    from pipeline.text.folded import fold_text  # numba: only what compares texts waits for it

    return fold_text(text, language)
