"""Numbers and units of measure, written one way: 5.0 is 5, 二十四 is 24, 毫克 and мг are mg."""

from __future__ import annotations

import unicodedata
from functools import cache

from pipeline.text.lexicon import lexicon

_HAN_DIGITS = {digit: value for value, digit in enumerate("〇一二三四五六七八九")} | {
    "零": 0,
    "两": 2,
}
_HAN_TENS = {"十": 10, "百": 100, "千": 1000}


def canonical_number(number: str) -> str:
    """Drop zeros that change nothing from digits with or without a point: 05 is 5, 5.0 is 5."""
    whole, _, fraction = number.partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


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
