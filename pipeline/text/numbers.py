"""Numbers of a text with the unit that follows each, written one way in all six languages.

"1 500 мг", "1,500 mg" and "1500毫克" all give ("1500", "mg"), so that the numbers of two texts, or
of a text and its translation, can be compared.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from pipeline.text.lexicon import lexicon
from pipeline.text.marks import fold_signs, spell_marks
from pipeline.text.units import CHARACTER_LANGUAGES

_DECIMAL_COMMA_LANGUAGES = frozenset({"es", "fr", "ru"})
_DIGIT = re.compile(r"\d")
_CALENDAR_YEAR = re.compile(r"(?:19|20)\d\d")
_BARE_DECIMAL = re.compile(r"\.(?=\d)(?<![^\s(\[<>=≥≤≠±≈~−+/]\.)")
_COMMA_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_REPEATED_GROUPS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3}){2,}(?![\d,])")
_SPACE_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3})+(?![\d])")
_POINT_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:\.\d{3}){2,}(?![\d.]*\d)")
# Spanish "5.000/mm3" is five thousand, but a urine density of 1.020 is written with a point too.
_SPANISH_THOUSANDS = re.compile(
    r"(?<![\d.,])(?!1\.0(?:0[1-9]|[1-4]\d))[1-9]\d{0,2}\.\d{3}(?![\d.])"
)
_ZERO_COMMA = re.compile(r"0,(?=\d)(?<![\d.,]0,)")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d+),(\d+)(?!,?\d)")


def plain_numbers(text: str, language: str) -> str:
    """Write decimals with a point and thousands without separator, as far as that is certain.

    "1,2,3" stays a list. The text is already folded by NFKC, so that every space is U+0020.
    """
    if not _DIGIT.search(text):
        return text
    text = _ZERO_COMMA.sub("0.", _BARE_DECIMAL.sub("0.", text))
    if language not in _DECIMAL_COMMA_LANGUAGES:
        return _COMMA_THOUSANDS.sub(_digits_only, text) if "," in text else text
    text = _POINT_THOUSANDS.sub(_digits_only, _SPACE_THOUSANDS.sub(_digits_only, text))
    if language == "es":
        text = _SPANISH_THOUSANDS.sub(_digits_only, text)
    if "," not in text:
        return text
    return _DECIMAL_COMMA.sub(r"\1.\2", _REPEATED_GROUPS.sub(_digits_only, text))


def _digits_only(match: re.Match[str]) -> str:
    return re.sub(r"\D", "", match[0])


def fold_numbers(text: str, language: str) -> str:
    """Fold width, case, signs and number writing: the form in which numbers and units are read."""
    folded = unicodedata.normalize("NFKC", spell_marks(text)).casefold()
    return plain_numbers(fold_signs(folded), language)


def numbers_with_units(text: str, language: str) -> tuple[tuple[str, str], ...]:
    """Return every number with its unit ("" without one), sorted, repeats kept.

    Number words are not read; in zh and ja, 三个月 and 二週間 are, because a unit follows.
    """
    folded = fold_numbers(text, language)
    found = [
        _canonical(match["number"], match["unit"] or "", language)
        for match in (_measure_pattern(language).finditer(folded) if _DIGIT.search(folded) else ())
    ]
    if language in CHARACTER_LANGUAGES:
        found += [
            (str(han_number(match["number"])), _spellings(language)[match["unit"]])
            for match in _han_measure_pattern().finditer(folded)
        ]
    return tuple(sorted(found))


def _canonical(number: str, unit: str, language: str) -> tuple[str, str]:
    value, name = canonical_number(number), _canonical_unit(unit.strip(" -"), language)
    # 2013年, 2013 г. and 2013 are the same calendar year.
    is_calendar_year = name in ("year", "g") and _CALENDAR_YEAR.fullmatch(value)
    return value, "" if is_calendar_year else name


def canonical_number(number: str) -> str:
    """Drop zeros that change nothing: 05 is 5, 5.0 is 5; the sign and exponent stay."""
    sign = "-" if number[0] == "−" else ""
    base, caret, exponent = number.lstrip("−").partition("^")
    if base.count(".") == 1:
        base = base.rstrip("0").rstrip(".")
    base = base.lstrip("0")
    if not base or base[0] == ".":
        base = "0" + base
    return sign + base + caret + exponent.replace("−", "-")


@cache
def _canonical_unit(unit: str, language: str) -> str:
    if name := unit_name(unit, language):
        return name
    return "/".join(_canonical_part(part.strip(), language) for part in unit.split("/"))


def _canonical_part(part: str, language: str) -> str:
    spelling = part.lstrip("0123456789 ")
    return part[: len(part) - len(spelling)].strip() + unit_name(spelling, language)


def unit_name(spelling: str, language: str) -> str:
    """Return the name of a unit's spelling in lower case, or nothing where it is none."""
    table = _spellings(language)
    bare = spelling.replace(" ", "")
    for candidate in (spelling, bare):
        if candidate in table:
            return table[candidate]
    if not spelling.startswith(_stems(language)):  # the one test that most words need
        return ""
    return table[max(filter(spelling.startswith, _stems(language)), key=len) + "*"]


@cache
def _stems(language: str) -> tuple[str, ...]:
    """Return the beginnings of spellings that have any ending."""
    return tuple(spelling[:-1] for spelling in _spellings(language) if spelling[-1:] == "*")


@cache
def _spellings(language: str) -> dict[str, str]:
    """Return every folded spelling that is a unit in a language, with and without its spaces."""
    table: dict[str, str] = {}
    for name, spellings in lexicon("measures").items():
        for entry in spellings:
            spelling, _, only = entry.partition("@")
            if only in ("", language):
                folded = unicodedata.normalize("NFKC", spelling).casefold()
                table[folded] = table[folded.replace(" ", "")] = name
    return table


def _spelling_pattern(spelling: str) -> str:
    """Return the pattern of one spelling; letters must not go on after it, save for CJK."""
    body = re.escape(spelling.rstrip("*")).replace(r"\ ", " ?")
    if spelling.endswith("*"):
        return body + r"\w*"
    return body + r"(?![a-zß-ɏа-џ'’])" if re.search(r"[a-zà-ÿа-яμ]\Z", spelling) else body


@cache
def unit_pattern(language: str) -> str:
    """Return the pattern of one unit, for text that `fold_numbers` has folded."""
    spellings = sorted(_spellings(language), key=lambda spelling: (-len(spelling), spelling))
    one = "|".join(_spelling_pattern(spelling) for spelling in spellings)
    return rf"(?:{one})(?: ?/ ?\d* ?(?:{one}))*|(?:/ ?(?:{one}))+"


@cache
def _measure_pattern(language: str) -> re.Pattern[str]:
    number = r"(?P<number>(?:(?<![\w%°])−)?\d+(?:\.\d+)*(?:\^−?\d+)?)"
    return re.compile(rf"{number}(?:[ -]?(?P<unit>{unit_pattern(language)}))?")


# 分, 次 and 回 stay out: 十分 means "very", 一次 and 一回 are seldom counts.
_HAN_UNITS = (
    "岁|周岁|歳|年間|年|个月|個月|か月|ヶ月|カ月|ヵ月|周|星期|週間|週|天|日間|日|小时|時間"
    "|分钟|分間|秒"
)
_HAN_DIGITS = {digit: value for value, digit in enumerate("〇一二三四五六七八九")} | {
    "零": 0,
    "两": 2,
}
_HAN_TENS = {"十": 10, "百": 100, "千": 1000}


@cache
def _han_measure_pattern() -> re.Pattern[str]:
    return re.compile(
        rf"(?<![第\d])(?P<number>[〇零一二两三四五六七八九十百千]+)(?P<unit>{_HAN_UNITS})"
    )


def han_number(numeral: str) -> int:
    """Read 二十四 as 24, 一百零五 as 105 and 二〇二〇 as 2020."""
    if not any(character in _HAN_TENS for character in numeral):
        return int("".join(str(_HAN_DIGITS[character]) for character in numeral))
    total, digit = 0, 0
    for character in numeral:
        if character in _HAN_TENS:
            total, digit = total + (digit or 1) * _HAN_TENS[character], 0
        else:
            digit = _HAN_DIGITS[character]
    return total + digit
