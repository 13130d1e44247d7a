"""Two forms of a text: the one that is published and the one that is compared.

`published` repairs encoding debris and leaves the author's characters alone. `comparison_key`
folds every way of writing the same thing together, but never two things that differ in medicine:
5 mg and 50 mg, 0.5 and 05, 10⁶ and 106, Na+ and Na, がん and かん stay apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from pipeline.text.marks import (
    CYRILLIC_AS_LATIN,
    LATIN_AS_CYRILLIC,
    fold_signs,
    spell_marks,
)
from pipeline.text.numbers import plain_numbers, unit_pattern
from pipeline.text.units import CHARACTER_LANGUAGES

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


_FORMAT = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
_SPACES = re.compile(r"\s+")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})
_STRESS = str.maketrans({"ё": "е", "\u0300": None, "\u0301": None})
# Only pairs with one reading: 后 also stands for the queen, 发 for hair and for sending.
_SIMPLIFIED = str.maketrans(
    "國學體壓藥醫療檢驗腎臟腦膽腸腫們這個來時為與無應當對診斷術狀會經過產婦嬰兒齡歲熱處實現變"
    "絡關節齒還將長開頭問題選擇項確錯誤傷風濕藍紅綠黃類種",
    "国学体压药医疗检验肾脏脑胆肠肿们这个来时为与无应当对诊断术状会经过产妇婴儿龄岁热处实现变"
    "络关节齿还将长开头问题选择项确错误伤风湿蓝红绿黄类种",
)
_SAME_LETTERS: dict[str, Mapping[int, int | str | None]] = {
    "en": CYRILLIC_AS_LATIN,
    "es": CYRILLIC_AS_LATIN,
    "fr": {**CYRILLIC_AS_LATIN, **_LIGATURES},
    "ru": _STRESS,
    "zh": _SIMPLIFIED,
}
# The number of the item in its exam. What follows must be text: "1) and 3)" is an answer.
_ITEM_NUMBER = re.compile(
    r"\s*(?:第\s*\d{1,4}\s*[题題問问][\s.:、]*|[题題問问]\s*\d{1,4}[\s.:、)]+"
    r"|(?:q|question|问题|問題|вопрос|pregunta)\s*[.:]?\s*\d{1,4}\s*[.:)、]\s*"
    r"|\(\s*\d{1,3}\s*\)[\s.、]*|\d{1,4}\s*[.)、]\s*)(?![\d°])"
)
_MIN_ITEM_LETTERS = 6
_LETTER = re.compile(r"[^\W\d_]")
_TEST_RESULT = re.compile(r" ?\(([+−]+)\)")  # "HBsAg (+)" is "HBsAg+"
# Spaces around a sign are layout, but after a closing + or % they part two words.
_SIGN_SPACE = re.compile(r" (?:(?=[<>=≥≤≠±×÷√%‰°^/])|(?<=[<>=≥≤≠±×÷√°^/] )|(?=\+ )|(?<= \+ ))")
# All punctuation, but . , : _ between digits, / between words or signs, ^ before an exponent.
_PUNCTUATION = re.compile(
    r"[^\w\s\u0300-\u036f\u3099\u309a<>=≥≤≠±×÷√%‰°+−↑↓→←♂♀]"
    r"(?!(?<=\d[.,:])\d|(?<=[\w+−%°]/)[\w+−]|(?<=\d\^)[\d+−])|_(?!(?<=\d_)\d)"
)
# Two numbers or two Latin words stay apart; every other space is layout in zh and ja.
_CJK_SPACE = re.compile(r" (?!(?<=\d )\d|(?<=[a-z] )[a-z])")


@lru_cache(maxsize=256)  # deduplication asks thrice for each text of a record, one after another
def comparison_key(text: str, language: str) -> str:
    """Return the form in which two texts are equal when only their writing differs.

    Folded: width, case, spaces, punctuation, hyphens, item numbers, decimal comma and thousands
    separators by language, ё in Russian, look-alike Latin and Cyrillic letters, unambiguous
    traditional characters in Chinese. Kept: diacritics, digits, exponents, and the signs of
    comparison, plus and minus.
    """
    folded = unicodedata.normalize("NFKC", spell_marks(_FORMAT.sub("", text))).casefold()
    folded = _without_item_number(_SPACES.sub(" ", folded))
    folded = plain_numbers(fold_signs(_fold_letters(folded, language)), language)
    folded = _TEST_RESULT.sub(r"\1 ", folded).replace(" / ", "/")
    folded = " ".join(_PUNCTUATION.sub(" ", folded).split())
    space = _CJK_SPACE if language in CHARACTER_LANGUAGES else _unit_space(language)
    key = space.sub("", _SIGN_SPACE.sub("", folded))
    return key.translate(LATIN_AS_CYRILLIC) if language == "ru" else key


def _fold_letters(text: str, language: str) -> str:
    if text.isascii():
        return text
    table = _SAME_LETTERS.get(language)
    return text if table is None else text.translate(table)


def _without_item_number(text: str) -> str:
    match = _ITEM_NUMBER.match(text)
    if match is None or len(_LETTER.findall(text, match.end())) < _MIN_ITEM_LETTERS:
        return text
    return text[match.end() :]


@cache
def _unit_space(language: str) -> re.Pattern[str]:
    """Return the space between a number and its unit: "5 mg" is "5mg"."""
    return re.compile(rf"(?<=\d) (?={unit_pattern(language)})")
