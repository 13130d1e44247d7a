"""Reads the unit of measure that stands after a number, in the spelling of each language."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from pipeline.text.numbers import unit_name
from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.quantity import LETTER
from pipeline.translation.wordlists import wordlist

_PER = re.compile(rf"\s?/\s?(?=[{LETTER}\u3040-\u9fff])")
_FOLLOWING = re.compile(
    rf"\)?[\s-]?(?:d'|de )?([{LETTER}°%‰.'/]+(?:[23][OО]?|(?: [{LETTER}.']+){{0,2}})?)(?!\d)"
)
# "on the 6th day", "au 6e jour", "на 6-й день"; "4100 g y ..." is not in Gy.
_ORDINAL = re.compile(
    r"(?:st|nd|rd|th|er|re|e|ème|eme|\.?[oa]|\.°|°(?=\s[^\W\d]{3})|-?(?:й|го|е|ой|ая|м|му|х|ю|я))(?=\s)"
)
_TWO_WORDS_OF_LETTERS = re.compile(r"[^\W\d]\s[^\W\d]")
_POWER = re.compile(r"\s?[×x*·]\s?(10\^-?\d+)")
_RATES = {"min": "1/min"}  # "72/min" and "72 beats/min"
# "38 degrees" leaves open of which kind.
_WORD_BEFORE = re.compile(rf"([{LETTER}]{{3,}})\s$")
_COUNTED = frozenset({"day", "week", "month"})  # "day 6", "semana 36"
_SAME_UNIT = {
    "1/min/min": "1/min",
    "times/min": "1/min",
    "times/day": "times",
    "°": "",
    "mM": "mmol/L",
}
# 由0.5升至3.1 is a rise, no litre.
_NO_UNIT_CJK = re.compile("升[至到高为為降]")
_MAX_CJK_UNIT = 8


def unit_after(text: str, end: int, language: str) -> tuple[str, int]:
    """Return the unit that follows a number, as mg/kg, and where it ends; empty where none does."""
    if power := _POWER.match(text, end):
        unit, end = unit_after(text, power.end(), language)
        return f"{power[1]}{unit}", end
    unit, end = _one_unit(text, end, language)
    if not unit and (per := _PER.match(text, end)):
        divisor, after = _one_unit(text, per.end(), language)
        return (_RATES.get(divisor, f"/{divisor}"), after) if divisor else ("", end)
    while unit and (per := _PER.match(text, end)):
        divisor, after = _one_unit(text, per.end(), language)
        if not divisor:
            break
        unit, end = f"{unit}/{divisor}", after
    return _SAME_UNIT.get(unit, unit), end


def unit_before(text: str, start: int, language: str) -> str:
    """Return the unit of "week 36", which no unit follows."""
    if language in CHARACTER_LANGUAGES or text[start - 1 : start] != " ":
        return ""
    found = _WORD_BEFORE.search(text, max(0, start - 12), start)
    unit = _unit_name(found[1].casefold(), language) if found else ""
    return unit if unit in _COUNTED else ""


def _one_unit(text: str, end: int, language: str) -> tuple[str, int]:
    if language in CHARACTER_LANGUAGES:
        start = end + (text[end : end + 1] == " ")
        if _NO_UNIT_CJK.match(text, start):
            return "", end
        start += text[start : start + 1] == "个"  # 3个小时, but 3个月 stands in the list
        for at in dict.fromkeys((start - 1, start)) if start > end else (start,):
            for length in range(_MAX_CJK_UNIT, 0, -1):
                spelling = text[at : at + length].casefold()
                if _may_end(text, at + length) and (unit := _unit_name(spelling, language)):
                    return unit, at + length
        return "", end
    ordinal = _ORDINAL.match(text, end)
    found = _FOLLOWING.match(text, ordinal.end() if ordinal else end)
    if not found:
        return "", end
    spelling = found[1].casefold()
    if "/" in spelling and not spelling.startswith("/"):
        whole = _unit_name(spelling.split(" ")[0], language)  # beats/min
        if whole:
            return whole, found.start(1) + len(spelling.split(" ")[0])
        spelling = spelling.partition("/")[0]
    while spelling:
        for candidate in (spelling, spelling.rstrip(".'’")):
            if _TWO_WORDS_OF_LETTERS.fullmatch(candidate):
                continue
            if unit := _unit_name(candidate, language):
                return unit, found.start(1) + len(candidate)
        spelling = spelling.rpartition(" ")[0]
    return "", end


def _may_end(text: str, end: int) -> bool:
    """Tell whether a spelling may end here: not inside a word of Latin letters."""
    before, after = text[end - 1 : end], text[end : end + 1]
    return not (before.isascii() and before.isalpha() and after.isascii() and after.isalpha())


@lru_cache(maxsize=8192)
def _unit_name(spelling: str, language: str) -> str:
    extra: dict[str, str] = _extra_units(language)
    return extra.get(spelling) or unit_name(spelling, language)


@cache
def _extra_units(language: str) -> dict[str, str]:
    table = wordlist("units").get(language, {})
    return {spelling: name for name, spellings in table.items() for spelling in spellings}
