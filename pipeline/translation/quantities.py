"""Reads the figures of a text with their units, so that those of two languages can be compared.

Figures are what is written in digits: "1.5 million", "150万" and "1 500 000" are one value. What
is written in words is read by `worded`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache, lru_cache
from typing import NamedTuple

from pipeline.text.numbers import canonical_number, han_number
from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.clock import afternoon, timed
from pipeline.translation.dates import dated
from pipeline.translation.folding import folded
from pipeline.translation.measured import unit_after, unit_before
from pipeline.translation.quantity import LETTER, Quantity
from pipeline.translation.signs import sign_of
from pipeline.translation.wordlists import wordlist


class Quantities(NamedTuple):
    """The figures of a text in their order, and the names that hold a number (CD4)."""

    figures: tuple[Quantity, ...]
    names: tuple[str, ...]
    text: str  # as it was read


# Where a comma parts the decimals; a point or a blank parts thousands.
_COMMA_LANGUAGES = frozenset({"fr", "es", "ru"})
_PERCENT_HAN = re.compile(r"百分之\s*([〇零一二两三四五六七八九十百]+|\d+(?:\.\d+)?)")
_DECADE = re.compile(r"([一二十]+|\d\d?)\s?世[纪紀]\s?([一二三四五六七八九]十|\d\d?)\s?年代")
_POWER = re.compile(r"10\^-?\d+")
_TENTHS = re.compile(r"(\d+(?:\.\d+)?)割(?![りる])")
_HAS_DIGIT = re.compile(r"\d")
_NAME_BEFORE = re.compile(rf"[{LETTER}][{LETTER}\d]*-?$")
_IS_NAME = re.compile(rf".*[{LETTER}][A-ZА-Я]|[A-ZА-Я]{{1,2}}-?$|(?i:covid|ковид|sars)")
_LINK_WORDS = {
    "en": "to|or|and",
    "fr": "à|ou|et",
    "es": "a|o|y|e",
    "ru": "до|или|и",
    "zh": "[上下]?[升降]?[至到为]|或|和|及",
    "ja": "から|または|と",
}


@lru_cache(maxsize=512)  # a source text is asked for by more than one check, and for each target
def quantities(text: str, language: str) -> Quantities:
    """Return the numbers of a text."""
    plain = folded(text)
    if language in CHARACTER_LANGUAGES:
        plain = _DECADE.sub(_as_year, _PERCENT_HAN.sub(_as_percent, plain))
        plain = _TENTHS.sub(lambda found: f"{_times(found[1], Decimal(10))}%", plain)
    if not _HAS_DIGIT.search(plain):
        return Quantities((), (), plain)
    names: dict[str, None] = {}
    found = timed(list(_figures(plain, language, names)), plain, language)
    found = dated(found, plain, language)
    figures = tuple(_linked(found, plain, language))
    return Quantities(figures, tuple(names), plain)


def _as_percent(found: re.Match[str]) -> str:
    return f"{_in_digits(found[1])}%"


def _as_year(found: re.Match[str]) -> str:
    """Write 二十世纪八十年代 as 1980年."""
    century, decade = int(_in_digits(found[1])), int(_in_digits(found[2]))
    return f"{100 * (century - 1) + decade}年"


def _in_digits(number: str) -> str:
    return number if number[0].isdigit() else str(han_number(number))


def _figures(text: str, language: str, names: dict[str, None]) -> Iterator[Quantity]:
    end = 0
    for match in _number_pattern(language).finditer(text):
        start = match.start()
        if start < end:  # eaten by the number before it, as 5000 in 1万5000
            continue
        if name := _name_before(text, start):
            names[f"{name}{match[0]}".replace("-", "").casefold()] = None
            continue
        for token in _tokens(match[0]):
            plain = _readings(token, language)
            readings, end, factor = _multiplied(text, match.end(), plain, language)
            after_number = end
            unit, end = unit_after(text, end, language)
            unit = unit or unit_before(text, start, language)
            if unit == "hour" or not unit:
                readings += afternoon(text, start, end, readings[0], language)
            sign = sign_of(text, start, end, language)
            yield Quantity(readings, unit, start, end, sign, factor)
            if power := _POWER.search(text, after_number, end):
                yield Quantity((power[0],), "", power.start(), end)


@cache
def _number_pattern(language: str) -> re.Pattern[str]:
    separators = "[,.']" if language in CHARACTER_LANGUAGES else "[ ,.']"
    grouped = rf"\d{{1,3}}(?P<by>{separators})\d{{3}}(?:(?P=by)\d{{3}})*(?:[.,]\d+)?(?![\d])"
    return re.compile(rf"10\^-?\d+|{grouped}|(?<![\w.])\.\d+|\d+(?:[.,]\d+)*")


def _name_before(text: str, start: int) -> str:
    """Return the letters that make a name of a number (COVID-19, B12), if any stand before it."""
    if start == 0 or not (text[start - 1].isalpha() or text[start - 1] == "-"):
        return ""
    found = _NAME_BEFORE.search(text, max(0, start - 20), start)
    if not found:
        return ""
    is_name = text[start - 1] != "-" or _IS_NAME.match(found[0])
    return found[0] if is_name else ""


def _tokens(token: str) -> list[str]:
    """Take dates and version numbers (12.03.2020) apart."""
    parts = re.split("[.,]", token)
    is_date = len(parts) > 2 and any(len(part) != 3 for part in parts[1:-1])
    return parts if is_date else [token]


def _readings(token: str, language: str) -> tuple[str, ...]:
    if "^" in token:
        return (token,)
    token = token.replace(" ", "").replace("'", "")
    if token[0] == ".":
        return (canonical_number(f"0{token}"),)
    separators = re.findall("[.,]", token)
    if not separators:
        return (canonical_number(token),)
    last = separators[-1]
    if len(set(separators)) == 2:
        whole, _, fraction = token.rpartition(last)
        return (canonical_number(f"{re.sub('[.,]', '', whole)}.{fraction}"),)
    whole = canonical_number(token.replace(last, ""))
    if len(separators) > 1:
        return (whole,)
    decimal = canonical_number(token.replace(",", "."))
    is_grouped = len(token.rpartition(last)[2]) == 3 and token[0] != "0" and len(token) < 8
    if not is_grouped:
        return (decimal,)
    if language in _COMMA_LANGUAGES:
        return (decimal, whole) if last == "," else (whole, decimal)
    return (whole,) if last == "," else (decimal,)


def _multiplied(
    text: str, end: int, readings: tuple[str, ...], language: str
) -> tuple[tuple[str, ...], int, str]:
    """Multiply by the "million" or 万 that follows, adding what follows that in 1万5000.

    Returns the products, where they end, and the factor.
    """
    found = _multiplier_pattern(language).match(text, end)
    if not found or "^" in readings[0]:
        return readings, end, "1"
    factor = _multipliers(language)[found[1].casefold()]
    multiplied = tuple(_times(reading, factor) for reading in readings)
    rest = re.compile(r"\d+(?![\d.,])").match(text, found.end())
    if rest and language in CHARACTER_LANGUAGES:
        total = str(Decimal(multiplied[0]) + Decimal(rest[0]))
        return (total,), rest.end(), "1"
    return multiplied, found.end(), str(factor)


def _times(number: str, factor: Decimal) -> str:
    return canonical_number(format(Decimal(number) * factor, "f"))


@cache
def _multipliers(language: str) -> dict[str, Decimal]:
    table = wordlist("number_words")[language]["multiply"]
    return {word: Decimal(value) for value, words in table.items() for word in words}


@cache
def _multiplier_pattern(language: str) -> re.Pattern[str]:
    words = "|".join(sorted(_multipliers(language), key=len, reverse=True))
    boundary = "" if language in CHARACTER_LANGUAGES else r"(?!\w)"
    some = "[多余餘数]?" if language in CHARACTER_LANGUAGES else ""  # 20多万
    return re.compile(rf"[\s-]?{some}({words}){boundary}", re.IGNORECASE)


def _linked(figures: list[Quantity], text: str, language: str) -> list[Quantity]:
    """Give the 10 of "10 to 20 mg" its unit, and the 14 of "14 to 22 million" its factor too."""
    for place in range(len(figures) - 2, -1, -1):
        this, following = figures[place], figures[place + 1]
        between = text[this.end : following.start]
        if not between or "^" in this.value or not _link_pattern(language).fullmatch(between):
            continue
        if not this.unit and following.unit:
            figures[place] = this = this._replace(unit=following.unit)
        if this.factor == "1" != following.factor:
            larger = _times(this.value, Decimal(following.factor))
            figures[place] = this._replace(readings=(*this.readings, larger))
    return figures


@cache
def _link_pattern(language: str) -> re.Pattern[str]:
    return re.compile(rf"\s?(?:[-~/(]|{_LINK_WORDS[language]})\s?")
