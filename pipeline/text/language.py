"""Which language a text is in: script first, then characters of one country, then words.

Drug names, gene names and laboratory values are Latin letters in every language, so a text with
enough kana, Han or Cyrillic is never decided by them. `und` with confidence 0 means that the text
is too short to tell. Detect a whole record (question and options), never a single option.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pipeline.text.latin import UNDETERMINED, detect_latin, fasttext_probabilities, word_hits
from pipeline.text.scripts import (
    CYRILLIC,
    CYRILLIC_AS_LATIN,
    HAN,
    HANGUL,
    KANA,
    LATIN,
    NOT_ONLY_LATIN,
    OTHER,
    count,
    is_surely_russian,
    japanese_or_chinese,
)

if TYPE_CHECKING:
    import polars as pl


class Detection(NamedTuple):
    """A language code (ISO 639-1, or `und`), how sure (0 to 1), and the script that was seen."""

    language: str
    confidence: float
    script: str


# Longer texts are judged by their beginning: fastText's time grows with length, and 500 characters
# were right no more often than 200 (within .0005 on every real set).
MAX_CHARACTERS = 200
# Where the beginning is a table of numbers, words are looked for this far.
MAX_CHARACTERS_FOR_WORDS = 20_000
# One Han character says about as much as four letters: "HBsAg(+)、抗HBc(+)提示" is Chinese.
LETTERS_PER_HAN = 4
MIN_IDEOGRAPHS = 2
MIN_CYRILLIC = 3
MIN_CYRILLIC_SHARE = 0.2
MIN_CYRILLIC_AMONG_NAMES = 8
# So many telling words make Latin letters a sentence; a list of drugs has none.
MIN_SENTENCE_WORDS = 2
# English with Cyrillic look-alikes ("mаn" with a Cyrillic а) occurs in upstream exams.
MIN_MIXED_WORDS = 3
# Below these, "not Russian" is mostly a list of Russian names that fastText has never seen.
MIN_FOREIGN_CONFIDENCE = 0.7
MIN_FOREIGN_LETTERS = 40

_MIXED_WORD = re.compile("[A-Za-z][а-яѕіј]|[а-яѕіј][A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")


def detect(text: str, declared: str) -> Detection:
    """Return the language of a text; `declared` only decides between zh and ja when both fit."""
    found = _detect(text[:MAX_CHARACTERS], declared)
    if found.language != UNDETERMINED or len(text) <= MAX_CHARACTERS:
        return found
    words = " ".join(_WORD.findall(text[:MAX_CHARACTERS_FOR_WORDS]))
    return _detect(words[:MAX_CHARACTERS], declared)


def _detect(text: str, declared: str) -> Detection:
    if not NOT_ONLY_LATIN.search(text):
        return _detect_latin(text)
    latin, cyrillic = count(LATIN, text), count(CYRILLIC, text)
    ideographs = count(HAN, text) + count(KANA, text)
    if cyrillic < LETTERS_PER_HAN * ideographs and _outweighs(text, ideographs, latin):
        script = "kana" if KANA.search(text) else "han"
        return Detection(*japanese_or_chinese(text, declared), script)
    if len(_MIXED_WORD.findall(text)) >= MIN_MIXED_WORDS:
        text = text.translate(CYRILLIC_AS_LATIN)
        latin, cyrillic = count(LATIN, text), count(CYRILLIC, text)
    if _is_cyrillic(text, cyrillic, latin):
        return _detect_cyrillic(text, cyrillic)
    if count(HANGUL, text) > latin:
        return Detection("ko", 1.0, "hangul")
    if count(OTHER, text) > latin:
        return _most_probable(text, "other")
    return _detect_latin(text)


def _is_cyrillic(text: str, cyrillic: int, latin: int) -> bool:
    if cyrillic >= MIN_CYRILLIC and cyrillic >= MIN_CYRILLIC_SHARE * (cyrillic + latin):
        return True
    return cyrillic >= MIN_CYRILLIC_AMONG_NAMES and not _is_latin_sentence(text)


def _is_latin_sentence(text: str) -> bool:
    return max(word_hits(text)) >= MIN_SENTENCE_WORDS


def _outweighs(text: str, ideographs: int, latin: int) -> bool:
    if ideographs * LETTERS_PER_HAN >= latin:
        return True
    return ideographs >= MIN_IDEOGRAPHS and not _is_latin_sentence(text)


def _detect_cyrillic(text: str, letters: int) -> Detection:
    if letters < MIN_FOREIGN_LETTERS:
        return Detection("ru", 0.9, "cyrillic")
    if is_surely_russian(text):
        return Detection("ru", 1.0, "cyrillic")
    found = _most_probable(text, "cyrillic")
    is_other = found.language != "ru" and found.confidence >= MIN_FOREIGN_CONFIDENCE
    return found if is_other else Detection("ru", 1.0, "cyrillic")


def _detect_latin(text: str) -> Detection:
    return Detection(*detect_latin(text), "latin" if LATIN.search(text) else "none")


def _most_probable(text: str, script: str) -> Detection:
    probabilities = fasttext_probabilities(text)
    best = max(probabilities, key=probabilities.__getitem__)
    return Detection(best, round(probabilities[best], 4), script)


def detect_frame(texts: pl.Series, declared: pl.Series) -> pl.DataFrame:
    """Return columns `language` and `confidence` for a column of texts, null read as empty."""
    import polars as pl

    found = [
        detect(text or "", language or "") for text, language in zip(texts, declared, strict=True)
    ]
    return pl.DataFrame(
        {
            "language": [detection.language for detection in found],
            "confidence": [detection.confidence for detection in found],
        },
        schema={"language": pl.String, "confidence": pl.Float32},
    )
