"""Finds what is written in another of the six languages than the record: an untranslated span.

A span is grammar, not vocabulary: names of drugs, genes, species and institutions, abbreviations,
laboratory values, glosses in brackets and references have no verbs and few articles. Sentences in
other letters, and lines of everyday words ("Chest pain", "Weight loss"), count too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pipeline.text.latin import LATIN_LANGUAGES
from pipeline.text.latin_spans import MIN_TELLING, MIN_WORDS, latin_spans, telling_words_of_pair
from pipeline.text.scripts import (
    CYRILLIC,
    HAN,
    KANA,
    chinese_only,
    count,
    japanese_or_chinese,
    num_chinese,
)
from schemas.item import LANGUAGES

if TYPE_CHECKING:
    import polars as pl

MIXED_LANGUAGE = "mixed_language"  # the flag of a record that holds such a span
# A record's language mix shows early; a text of megabytes must not cost seconds.
MAX_CHARACTERS = 100_000
# "黄帝内经素问" is a book, "女性に多い。鼡径部から突出する。" is text.
MIN_IDEOGRAPHS = 8
MIN_CHINESE_ONLY = 3
MIN_KANA = 4
MIN_KANA_SHARE = 0.15
MIN_CYRILLIC = 20
MIN_CYRILLIC_WORDS = 4

_SENTENCE = re.compile(r"[^。！？\n]+")
_CJK_TEXT = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff]"
    r"[\u3001-\u3015\u3040-\u30ff\u3400-\u9fff\uff01-\uff60\d\s.,A-E]*"
)
_CYRILLIC_TEXT = re.compile(r"[\u0400-\u052f][\u0400-\u052f\s\d.,;:()\"«»—–-]*")
# For the cheap test that lets through every text with a span, and one in fifty of the others.
_LATIN_WORD = "[A-Za-z]+"
_ONE_CJK = "[\u3040-\u30ff\u3400-\u9fff]"
_ONE_KANA = "[ぁ-ヺｦ-ﾝ]"
_ONE_CYRILLIC = "[\u0400-\u052f]"


class Span(NamedTuple):
    """A stretch of text in another language, and its share of the record's characters."""

    language: str
    text: str
    share: float


def foreign_span(text: str, language: str) -> Span | None:
    """Return the longest span of a text that is in another language than the text, if any."""
    text = text[:MAX_CHARACTERS]
    found = [*_in_other_letters(text, language), *latin_spans(text, language)]
    if not found:
        return None
    other, start, end = max(found, key=lambda span: span[2] - span[1])
    return Span(other, text[start:end].strip(), round((end - start) / len(text), 4))


def foreign_spans(texts: pl.Series, languages: pl.Series) -> list[Span | None]:
    """Return the span of every text, none where the language is not one of the six."""
    import polars as pl

    table = pl.DataFrame({"text": texts.fill_null(""), "language": languages}).with_row_index()
    spans: list[Span | None] = [None] * len(table)
    for language in LANGUAGES:
        own = table.filter(language=language).filter(_may_hold_span(language))
        for index, text in zip(own["index"], own["text"], strict=True):
            spans[index] = foreign_span(text, language)
    return spans


def _may_hold_span(language: str) -> pl.Expr:
    import polars as pl

    text = pl.col("text").str.slice(0, MAX_CHARACTERS)
    # Most texts in other letters have too few Latin words to be worth the longer patterns.
    latin = (
        text
        if language in LATIN_LANGUAGES
        else pl.when(text.str.count_matches(_LATIN_WORD) >= MIN_WORDS).then(text)
    )
    telling = [
        latin.str.count_matches(_telling_pattern(language, other)).fill_null(0) >= MIN_TELLING
        for other in LATIN_LANGUAGES
        if other != language
    ]
    needed = []
    if language != "ru":
        needed.append((_ONE_CYRILLIC, MIN_CYRILLIC))
    others = {"ja": (chinese_only(), MIN_CHINESE_ONLY), "zh": (_ONE_KANA, MIN_KANA)}
    needed.append(others.get(language, (_ONE_CJK, MIN_IDEOGRAPHS)))
    letters = [text.str.count_matches(regex) >= least for regex, least in needed]
    return pl.any_horizontal(*telling, *letters)


@cache
def _telling_pattern(language: str, other: str) -> str:
    """Return a pattern for polars that finds the telling words of a language, and seldom more.

    Boundaries are those of ASCII, since a search for others is many times slower; words with
    diacritics are found at the beginning of longer words, too.
    """
    pair = telling_words_of_pair(language, other)
    words = sorted(pair.other)
    ascii_words = "|".join(word for word in words if word.isascii())
    rest = [word for word in words if not word.isascii() and pair.other_letters.isdisjoint(word)]
    rest = [rf"(?:^|\PL){word}" for word in rest]
    rest += [f"[{''.join(sorted(pair.other_letters))}]"] if pair.other_letters else []
    return "|".join([rf"(?i-u:\b(?:{ascii_words})\b)", *(f"(?i:{one})" for one in rest)])


def _in_other_letters(text: str, language: str) -> Iterator[tuple[str, int, int]]:
    if language == "ja":
        yield from _chinese_in_japanese(text)
    elif language == "zh":
        yield from _japanese_in_chinese(text)
    else:
        for match in _CJK_TEXT.finditer(text):
            if count(HAN, match[0]) + count(KANA, match[0]) >= MIN_IDEOGRAPHS:
                yield japanese_or_chinese(match[0], "")[0], match.start(), match.end()
    if language != "ru":
        for match in _CYRILLIC_TEXT.finditer(text):
            words = CYRILLIC.findall(match[0])
            if len(words) >= MIN_CYRILLIC_WORDS and sum(map(len, words)) >= MIN_CYRILLIC:
                yield "ru", match.start(), match.end()


def _chinese_in_japanese(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the stretch of sentences or lines that have characters of Chinese alone and no kana."""
    found = [m for m in _SENTENCE.finditer(text) if not KANA.search(m[0]) and num_chinese(m[0])]
    said = "".join(match[0] for match in found)
    if count(HAN, said) >= MIN_IDEOGRAPHS and num_chinese(said) >= MIN_CHINESE_ONLY:
        yield "zh", found[0].start(), found[-1].end()


def _japanese_in_chinese(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the stretch of sentences or lines that have kana."""
    found = [match for match in _SENTENCE.finditer(text) if KANA.search(match[0])]
    said = "".join(match[0] for match in found)
    han, kana = count(HAN, said), count(KANA, said)
    if han + kana >= MIN_IDEOGRAPHS and kana >= max(MIN_KANA, MIN_KANA_SHARE * (han + kana)):
        yield "ja", found[0].start(), found[-1].end()
