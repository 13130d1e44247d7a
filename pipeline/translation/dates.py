"""Tells the numbers of dates from others: the day, month and year come in another order elsewhere.

They get units of their own, so that "11 March 2020" and 2020年3月11日 agree, and a day that changed
places with a number of patients does not.
"""

from __future__ import annotations

import re
from functools import cache

from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.quantity import Quantity
from pipeline.translation.wordlists import wordlist

DAY, MONTH, YEAR = "day of month", "month of year", "calendar year"
DATE_UNITS = frozenset({DAY, MONTH, YEAR})

_YEARS = re.compile(r"(?:1[5-9]|20)\d\d")
_DAYS = re.compile(r"[1-9]|[12]\d|3[01]")
_SHORT_YEAR = re.compile(r"\s?[-/]\s?$")
_TWO_DIGITS = re.compile(r"\d\d?")
_AND = re.compile(
    r"\s?(?:[-,~/、]|to|or|and|à|au|al|ou|et|o|y|до|по|и|или|至|到|和|及|与|から|と)?\s?"
)


@cache
def months(language: str) -> dict[str, str]:
    """Return the number of each name of a month."""
    lists = wordlist("number_words")[language]["months"]
    return {name: str(number) for number, names in enumerate(lists, start=1) for name in names}


def is_impossible(one: Quantity) -> bool:
    """Tell whether a figure stands where the month of a date does and is none."""
    return one.unit == MONTH and not (one.value.isdigit() and 1 <= int(one.value) <= 12)


def dated(figures: list[Quantity], text: str, language: str) -> list[Quantity]:
    """Return the figures with units of their own for days, months and years of a date."""
    if language in CHARACTER_LANGUAGES:
        return _dated_cjk(figures, text)
    before, after = _month_patterns(language)
    found: list[Quantity] = []
    for one in figures:
        if _is_year(one, text):
            one = one._replace(unit=YEAR, readings=(one.value,))
        elif _is_short_year(one, found, text):
            one = one._replace(readings=(one.value, found[-1].value[:2] + one.value.zfill(2)))
        elif (
            _DAYS.fullmatch(one.value)
            and not one.unit
            and _has_month(one, found, text, before, after)
        ):
            one = one._replace(unit=DAY)
        found.append(one)
    return found


def _is_year(one: Quantity, text: str) -> bool:
    digits = text[one.start : one.start + 4]
    return (
        bool(_YEARS.fullmatch(digits))
        and one.value == digits
        and one.unit in ("", "year", "g", "s")
    )


def _is_short_year(one: Quantity, found: list[Quantity], text: str) -> bool:
    """Tell whether this is the 20 of 2019-20."""
    if not found or found[-1].unit != YEAR or one.unit not in ("", "year", "g"):
        return False
    between = text[found[-1].end : one.start]
    return bool(_SHORT_YEAR.fullmatch(between)) and bool(_TWO_DIGITS.fullmatch(one.value))


def _has_month(
    one: Quantity,
    found: list[Quantity],
    text: str,
    before: re.Pattern[str],
    after: re.Pattern[str],
) -> bool:
    if text[one.end : one.end + 1] == ":":  # an hour
        return False
    if after.match(text, one.end) or before.search(text, max(0, one.start - 14), one.start):
        return True
    return bool(found and found[-1].unit == DAY and _AND.fullmatch(text[found[-1].end : one.start]))


@cache
def _month_patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    names = "|".join(sorted(months(language), key=len, reverse=True))
    before = rf"\b(?:{names})\b\.?\s(?:the\s)?$" if language == "en" else r"(?!)"
    after = rf"(?:st|nd|rd|th|er|o|°|-?го)?\s(?:of |de )?(?:{names})\b"
    return re.compile(before, re.IGNORECASE), re.compile(after, re.IGNORECASE)


def _dated_cjk(figures: list[Quantity], text: str) -> list[Quantity]:
    found: list[Quantity] = []
    for one in figures:
        following = text[one.end : one.end + 2].lstrip()[:1]
        previous = found[-1] if found else None
        if following == "月" and not one.unit:
            one = one._replace(unit=MONTH)
        elif _is_year(one, text):
            one = one._replace(unit=YEAR)
        elif _is_short_year(one, found, text):
            one = one._replace(readings=(one.value, found[-1].value[:2] + one.value.zfill(2)))
        elif previous and _is_day_cjk(one, previous, text):
            one = one._replace(unit=DAY)
        found.append(one)
    return found


def _is_day_cjk(one: Quantity, previous: Quantity, text: str) -> bool:
    if not _DAYS.fullmatch(one.value) or one.unit not in ("", "day"):
        return False
    between = text[previous.end : one.start].strip()
    if previous.unit == MONTH and between == "月":
        return True
    return previous.unit == DAY and bool(_AND.fullmatch(between.strip("日号")))
