"""What each character becomes when two texts are compared, as tables for the compiled fold.

Per character: NFKC, case, width and dashes folded; per language: letters that are written in two
ways. Exponents and indices become marks that `fold` resolves by what stands before them, since
NFKC alone turns 10⁶ into 106.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pipeline.text.fold import (
    DIGIT,
    EXPANDED,
    EXPONENT,
    IDEOGRAPH,
    INDEX,
    LETTER,
    OTHER,
    SIGN,
)
from schemas.item import LANGUAGES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNS = "<>=≥≤≠±×÷√%‰°+−↑↓→←♂♀"  # and all other symbols that are no decoration
NUM_CODE_POINTS = 0x110000

_EXPONENTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_INDICES = "₀₁₂₃₄₅₆₇₈₉₊₋"
_FRACTIONS = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞↉"
_CIRCLED = (*range(0x2460, 0x2488), *range(0x24EA, 0x2500), *range(0x2776, 0x2794))
_CIRCLED_TENS = (*range(0x3251, 0x3260), *range(0x32B1, 0x32C0))
# Invisible, or marks of direction and of presentation.
_DROPPED = (
    0xAD,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x206A),
    *range(0xFE00, 0xFE10),
    0xFEFF,
    *map(ord, "™®©℠"),
)
_WRITTEN_AS = str.maketrans(
    "º˚ª‐‑‒–—―−─⁄≧≦⩾⩽〜∼∗∶∙⋅∆➕➖⬆⇑⇧⬇⇓⇩⇒⟶➔➜⇐⟵", "°°a--------/≥≤≥≤~~*:··Δ+-↑↑↑↓↓↓→→→→←←"
)
# Symbols that set lists and tables: they say nothing, as punctuation does not.
_DECORATIONS = frozenset("■□▪▫●◆◇★☆◎◦▶►▷◀◁➤➢❖�\u3013")
# All that `fold` decides by what stands beside it; every other punctuation is one and the same.
_IN_CONTEXT = frozenset(".,:_/^-~()*·、")
# Outside the basic plane: mathematical letters, enclosed letters, compatibility ideographs.
_FOLDED_ASTRAL = (range(0x1D400, 0x1D800), range(0x1F100, 0x1F200), range(0x2F800, 0x2FA20))
_PLAIN_ASTRAL = (range(0x20000, 0x2F800), range(0x30000, 0x34000))  # rare ideographs
_PICTURES = range(0x1F300, 0x1FB00)  # emoji
# 々〆〇, kana, Han.
_IDEOGRAPHS = (range(0x3005, 0x3008), range(0x3041, 0x3100), range(0x3400, 0xA000))

# Letters that look alike in both scripts: upstream files write "гепатит B" with either letter, and
# whole English questions with a Cyrillic а.
_CYRILLIC_LOOKS = dict(zip("авекмнорстухѕіј", "abekmhopctyxsij", strict=True))
_LATIN_LOOKS = dict(zip("abekmhopctyx", "авекмнорстух", strict=True))
# Only pairs with one reading: 后 also stands for the queen, 发 for hair and for sending.
_SIMPLIFIED = dict(
    zip(
        "國學體壓藥醫療檢驗腎臟腦膽腸腫們這個來時為與無應當對診斷術狀會經過產婦嬰兒齡歲熱處實現變"
        "絡關節齒還將長開頭問題選擇項確錯誤傷風濕藍紅綠黃類種",
        "国学体压药医疗检验肾脏脑胆肠肿们这个来时为与无应当对诊断术状会经过产妇婴儿龄岁热处实现变"
        "络关节齿还将长开头问题选择项确错误伤风湿蓝红绿黄类种",
        strict=True,
    )
)
_SAME_LETTERS: dict[str, Mapping[str, str]] = {
    "en": _CYRILLIC_LOOKS,
    "es": _CYRILLIC_LOOKS,
    "fr": {**_CYRILLIC_LOOKS, "œ": "oe", "æ": "ae"},
    "ru": {**_LATIN_LOOKS, "ё": "е", "\u0300": "", "\u0301": ""},
    "zh": _SIMPLIFIED,
}


class Letters(NamedTuple):
    """Tables over all code points: what each becomes, and what kind of character that is."""

    table: NDArray[np.uint32]  # [languages + 1, code points]; the last row is for other languages
    expansions: NDArray[np.uint32]  # a length, then as many code points
    kinds: NDArray[np.uint8]


@cache
def letters() -> Letters:
    """Return the tables, by language in the order of `LANGUAGES`."""
    import numpy as np

    base, expansions, kinds = _base()
    tables = np.tile(base, (len(LANGUAGES) + 1, 1))
    for row, language in enumerate(LANGUAGES):
        same = _SAME_LETTERS.get(language, {})
        for point in _written_as_one_of(same):
            folded = "".join(same.get(one, one) for one in _folded(chr(point)))
            tables[row, point] = _entry(folded, expansions)
    # The compiled fold takes ASCII as it stands here: one plain character for each.
    assert ((tables[:, :0x80] > 0) & (tables[:, :0x80] < EXPONENT)).all()
    return Letters(tables, np.array(expansions, np.uint32), kinds)


def _written_as_one_of(same: Mapping[str, str]) -> list[int]:
    """Return the code points, of either case and any width, that fold to one of these letters."""
    return [point for point in _points() if _folded(chr(point)) in same]


def _points() -> list[int]:
    ranges = (range(0xD800), range(0xF900, 0x10000), *_FOLDED_ASTRAL)
    return [point for one in ranges for point in one]


@cache
def _folded(character: str) -> str:
    """Return a character as it is compared, before its language and neighbours are looked at."""
    if (digit := _EXPONENTS.find(character)) >= 0:
        return chr(EXPONENT + digit)
    if (digit := _INDICES.find(character)) >= 0:
        return chr(INDEX + digit)
    if ord(character) in _DROPPED:
        return ""
    folded = unicodedata.normalize("NFKC", character.translate(_WRITTEN_AS)).casefold()
    if character in _FRACTIONS or ord(character) in (*_CIRCLED, *_CIRCLED_TENS):
        folded = f" {folded} "
    return "".join(map(_plain, folded.translate(_WRITTEN_AS)))


def _plain(character: str) -> str:
    if character.isspace():
        return " "
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return character if _kind(character) != OTHER or character in _IN_CONTEXT else ";"


def _kind(character: str) -> int:
    if character in SIGNS or _is_symbol(character):
        return SIGN
    if "0" <= character <= "9":
        return DIGIT
    point = ord(character)
    if any(point in one for one in _IDEOGRAPHS) and character.isalnum():
        return IDEOGRAPH
    is_mark = unicodedata.category(character)[0] == "M"
    return LETTER if character.isalnum() or is_mark else OTHER


def _is_symbol(character: str) -> bool:
    """Tell whether it is a symbol that may say something: ∩ and ∪, ○ and △, but no frame."""
    is_symbol = unicodedata.category(character) in ("Sm", "So") and not character.isascii()
    is_drawn = 0x2500 <= ord(character) < 0x25A0
    return is_symbol and not is_drawn and character not in _DECORATIONS


def _base() -> tuple[NDArray[np.uint32], list[int], NDArray[np.uint8]]:
    import numpy as np

    # Whatever is not looked at one by one is punctuation.
    table = np.full(NUM_CODE_POINTS, ord(";"), np.uint32)
    kinds = np.zeros(NUM_CODE_POINTS, np.uint8)
    for plain in _PLAIN_ASTRAL:
        table[plain.start : plain.stop] = np.arange(plain.start, plain.stop)
        kinds[plain.start : plain.stop] = IDEOGRAPH
    table[_PICTURES.start : _PICTURES.stop] = np.arange(_PICTURES.start, _PICTURES.stop)
    kinds[_PICTURES.start : _PICTURES.stop] = SIGN
    expansions: list[int] = [0]
    for point in _points():
        folded = _folded(chr(point))
        table[point] = _entry(folded, expansions)
        for one in folded:
            kinds[ord(one)] = _kind(one)
    return table, expansions, kinds


def _entry(folded: str, expansions: list[int]) -> int:
    if len(folded) == 1:
        return ord(folded)
    if not folded:
        return 0
    place = len(expansions)
    expansions += [len(folded), *map(ord, folded)]
    return EXPANDED | place
