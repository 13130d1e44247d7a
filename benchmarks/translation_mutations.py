"""Errors put into good translations: what a translating model gets wrong, one error at a time.

A mutation takes a translation, its language and a source of chance, and returns the spoiled text,
or None where the text has no place for that error. Nothing else in the text changes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from schemas.item import LANGUAGES, Language

LISTS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))

# A number as one writes it, thousands set apart. What belongs to a name is none: COVID-19, B12,
# CYP3A4, 2019-nCoV.
NUMBER = re.compile(
    r"(?<![0-9A-Za-zА-яЁё.,/])(?<![A-Za-zА-яЁё][-‐–])(?<![₀-₉])"
    r"(?:[0-9]{1,3}(?:[ \u00a0\u202f,.][0-9]{3})+(?:[.,][0-9]+)?|[0-9]+(?:[.,][0-9]+)?)"
    r"(?![0-9])(?!-?[A-ZА-Я][0-9A-Za-z])(?!-n[A-Z])"
)
_DIGIT = re.compile(r"[0-9]")
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_EXPONENT = re.compile(f"(?<=[0-9])[{_SUPERSCRIPTS}]")
_CLOCK_OR_YEAR = re.compile(r"[0-9]{4}$")
_IDEOGRAPHIC: tuple[Language, ...] = ("zh", "ja")
MIN_CUT = {"zh": 24, "ja": 24}
MIN_CUT_LETTERS = 60  # a shorter text is half as long by a translator's choice of words, too

Mutation = Callable[[str, Language, random.Random], str | None]


def change_digit(text: str, _language: Language, chance: random.Random) -> str | None:
    """Put another digit, never a zero, in the place of one; exponents count too."""
    places = [
        number.start() + digit.start()
        for number in NUMBER.finditer(text)
        for digit in _DIGIT.finditer(number[0])
    ]
    places += [match.start() for match in _EXPONENT.finditer(text)]
    if not places:
        return None
    place = chance.choice(places)
    digits = "0123456789" if text[place].isascii() else _SUPERSCRIPTS
    others = [digit for digit in digits[1:] if digit != text[place]]
    return text[:place] + chance.choice(others) + text[place + 1 :]


def drop_number(text: str, _language: Language, chance: random.Random) -> str | None:
    """Leave a number out, but not the one of "once" or "1日2回", which says nothing."""
    numbers = [match for match in NUMBER.finditer(text) if match[0] != "1"]
    if not numbers:
        return None
    number = chance.choice(numbers)
    return text[: number.start()] + text[number.end() :].removeprefix(" ")


def swap_numbers(text: str, language: Language, chance: random.Random) -> str | None:
    """Let two numbers with different units change places."""
    return _swap(text, chance, [(a, b) for a, b in _pairs(text) if _differ(text, a, b, language)])


def swap_numbers_of_one_unit(text: str, language: Language, chance: random.Random) -> str | None:
    """Let two numbers change places whose units are the same, or not written beside both."""
    same = [(a, b) for a, b in _pairs(text) if not _differ(text, a, b, language)]
    return _swap(text, chance, same)


def _pairs(text: str) -> list[tuple[re.Match[str], re.Match[str]]]:
    numbers = list(NUMBER.finditer(text))
    return [(a, b) for i, a in enumerate(numbers) for b in numbers[i + 1 :] if a[0] != b[0]]


def _differ(text: str, a: re.Match[str], b: re.Match[str], language: Language) -> bool:
    units = [_unit_after(text, number, language) for number in (a, b)]
    return all(units) and units[0] != units[1]


def _swap(
    text: str, chance: random.Random, pairs: list[tuple[re.Match[str], re.Match[str]]]
) -> str | None:
    if not pairs:
        return None
    a, b = chance.choice(pairs)
    return text[: a.start()] + b[0] + text[a.end() : b.start()] + a[0] + text[b.end() :]


@cache
def _units(language: Language) -> tuple[re.Pattern[str], dict[str, str]]:
    table: dict[str, str] = LISTS["units"]["common"] | LISTS["units"][language]
    names = "|".join(map(re.escape, sorted(table, key=len, reverse=True)))
    # "3 часа ночи" is a time of day.
    after = r"(?![A-Za-zÀ-ÿА-яЁё]| (?:ночи|утра|дня|вечера))"
    pattern = rf"[ \u00a0\u202f-]?(?P<unit>{names}){after}"
    return re.compile(pattern), table


def _unit_after(text: str, number: re.Match[str], language: Language) -> str:
    if _CLOCK_OR_YEAR.match(number[0]):
        return ""  # "2023 года", "2019年"
    found = _units(language)[0].match(text, number.end())
    return found["unit"] if found else ""


def change_unit(text: str, language: Language, chance: random.Random) -> str | None:
    """Put a unit of another size or kind after a number."""
    pattern, table = _units(language)
    numbers = [n for n in NUMBER.finditer(text) if _unit_after(text, n, language)]
    if not numbers:
        return None
    found = pattern.match(text, chance.choice(numbers).end())
    assert found is not None
    return text[: found.start("unit")] + table[found["unit"]] + text[found.end() :]


@cache
def _comparisons(language: Language) -> tuple[re.Pattern[str], dict[str, str]]:
    table: dict[str, str] = LISTS["comparisons"]["common"] | LISTS["comparisons"][language]
    names = "|".join(map(re.escape, sorted(table, key=len, reverse=True)))
    # At most a word or two may stand between it and its number: "inférieure à 30", "30未満".
    before = r"(?<=[0-9A-Za-z%/]) ?" if language == "ja" else ""
    after = "" if language == "ja" else r"(?=\D{0,8}[0-9])"
    return re.compile(f"{before}(?P<limit>{names}){after}"), table


def turn_comparison(text: str, language: Language, chance: random.Random) -> str | None:
    """Turn "below 30" into "above 30"."""
    pattern, table = _comparisons(language)
    found = list(pattern.finditer(text))
    if not found:
        return None
    chosen = chance.choice(found)
    start, end = chosen.span("limit")
    return text[:start] + table[chosen["limit"]] + text[end:]


@cache
def _drugs(language: Language) -> tuple[re.Pattern[str], list[str]]:
    names = [row[LANGUAGES.index(language)] for row in LISTS["drugs"]]
    any_name = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    if language in _IDEOGRAPHIC:
        return re.compile(f"(?P<name>{any_name})(?P<ending>)"), names
    endings = "|".join([*LISTS["russian_endings"], ""]) if language == "ru" else ""
    pattern = rf"\b(?P<name>{any_name})(?P<ending>{endings})\b"
    return re.compile(pattern, re.IGNORECASE), names


def swap_drug(text: str, language: Language, chance: random.Random) -> str | None:
    """Write another drug wherever one of the text's drugs stands, in the same inflection."""
    pattern, names = _drugs(language)
    present = sorted({match["name"].lower() for match in pattern.finditer(text)})
    if not present:
        return None
    old = chance.choice(present)
    new = chance.choice([name for name in names if name.lower() not in text.lower()])

    def replace(match: re.Match[str]) -> str:
        if match["name"].lower() != old:
            return match[0]
        name = new.capitalize() if match["name"][0].isupper() else new
        return name + match["ending"]

    return pattern.sub(replace, text)


def cut(text: str, language: Language, _chance: random.Random) -> str | None:
    """Keep the first half."""
    if len(text) < MIN_CUT.get(language, MIN_CUT_LETTERS):
        return None
    half = text[: len(text) // 2]
    return half if language in _IDEOGRAPHIC else half.rpartition(" ")[0]


def add_chatter(text: str, language: Language, chance: random.Random) -> str:
    """Add what models say beside the translation, or an example of their prompt."""
    before, after = chance.choice(LISTS["chatter"]["any"] + LISTS["chatter"][language])
    return f"{before}{text}{after}"


def lose_negation(text: str, language: Language, _chance: random.Random) -> str | None:
    """Remove the negation of a sentence that has only one, where the rest still reads as one."""
    rules: dict[str, Any] = LISTS["lost_negations"].get(language, {})
    if "one" not in rules or len(re.findall(rules["all"], text, re.IGNORECASE)) != 1:
        return None
    changed, count = re.subn(rules["one"], rules["new"], text)
    return changed if count == 1 else None


def has_one_negation(english: str) -> bool:
    """Tell whether an English sentence negates once, in so many words."""
    return len(re.findall(LISTS["lost_negations"]["en"]["all"], english, re.IGNORECASE)) == 1


# What is done to one text; what is done to a whole item is in `benchmarks.translation_checks`.
TEXT_MUTATIONS: dict[str, Mutation] = {
    "digit": change_digit,
    "number_dropped": drop_number,
    "swap": swap_numbers,
    "swap_of_one_unit": swap_numbers_of_one_unit,
    "unit": change_unit,
    "comparison": turn_comparison,
    "drug": swap_drug,
    "cut": cut,
    "chatter": add_chatter,
}
