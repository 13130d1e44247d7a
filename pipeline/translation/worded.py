"""Reads numbers written in words: two, deux, 两, двух, "March" as 3, III.

Many of them are no number ("one", "second", 一般): they may answer for a figure of the other text,
and are never asked for by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache, lru_cache

from pipeline.text.numbers import canonical_number, han_number
from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.dates import MONTH, months
from pipeline.translation.folding import folded
from pipeline.translation.measured import unit_after
from pipeline.translation.quantity import LETTER, Quantity
from pipeline.translation.wordlists import wordlist

_HAN_NUMERAL = re.compile(
    "[〇零一二两兩三四五六七八九十百千]+[〇零一二两兩三四五六七八九十百千万萬亿億]*"
)
_JOINS = re.compile(r"[\s-]|\s(?:and|et|y)\s")
_WORD = re.compile(rf"[{LETTER}]+")
_ROMAN = re.compile(r"(?<![A-Za-z])[IVX]{1,5}(?![A-Za-z])")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10}


@lru_cache(maxsize=512)
def numbers_in_words(text: str, language: str) -> tuple[Quantity, ...]:
    """Return what may be a number written in words."""
    return tuple(_words(folded(text), language))


def _words(text: str, language: str) -> Iterator[Quantity]:
    for found in _ROMAN.finditer(text):
        yield Quantity((str(_roman(found[0])),), "", found.start(), found.end())
    if language in CHARACTER_LANGUAGES:
        yield from _han_words(text, language)
    else:
        yield from _latin_words(text, language)


def _roman(numeral: str) -> int:
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    return sum(
        -value if value < max(values[place:]) else value for place, value in enumerate(values)
    )


def _han_words(text: str, language: str) -> Iterator[Quantity]:
    for found in _HAN_NUMERAL.finditer(text):
        unit, end = unit_after(text, found.end(), language)
        yield Quantity((str(_han_value(found[0])),), unit, found.start(), end)
    for word, values in _number_words(language).items():
        if word in text:
            for value in values:
                yield Quantity((value,), "", 0, 0)


def _han_value(numeral: str) -> int:
    """Read 一万五千 and 三亿, which `han_number` leaves to us."""
    total = 0
    rest = numeral.replace("億", "亿").replace("萬", "万").replace("兩", "两")
    for sign, factor in (("亿", 10**8), ("万", 10**4)):
        head, found, tail = rest.partition(sign)
        if found:
            total += (han_number(head) if _is_han_number(head) else 1) * factor
            rest = tail
    return total + (han_number(rest) if _is_han_number(rest) else 0)


def _is_han_number(numeral: str) -> bool:
    return bool(numeral) and not set(numeral) & set("万亿")


def _latin_words(text: str, language: str) -> Iterator[Quantity]:
    table = _number_words(language)
    previous: Quantity | None = None
    for found in _WORD.finditer(text.casefold() if len(text.casefold()) == len(text) else text):
        values = table.get(found[0])
        if not values:
            continue
        unit, _ = unit_after(text, found.end(), language)
        if found[0] in months(language):
            unit = MONTH if language != "en" or text[found.start()].isupper() else ""  # "may"
        elif text[max(0, found.start() - 2) : found.start()].strip().isdigit():
            unit = ""  # the million of "55 million years" is in the figure
        for value in values:
            yield Quantity((value,), unit, found.start(), found.end())
        if previous and _JOINS.fullmatch(text[previous.end : found.start()]):  # "twenty-four"
            for value in values:
                for number in _joined(previous.value, value):
                    yield Quantity((number,), unit, found.start(), found.end())
        previous = Quantity((values[0],), unit, found.start(), found.end())


def _joined(first: str, second: str) -> Iterator[str]:
    for number in (Decimal(first) + Decimal(second), Decimal(first) * Decimal(second)):
        yield canonical_number(format(number, "f"))


@cache
def _number_words(language: str) -> dict[str, tuple[str, ...]]:
    """Return the values that a word may have, months among them."""
    lists = wordlist("number_words")[language]
    found: dict[str, list[str]] = {}
    for value, words in lists["words"].items():
        for word in words:
            found.setdefault(word, []).append(value)
    for name, number in months(language).items():
        found.setdefault(name, []).append(number)
    return {word: tuple(values) for word, values in found.items()}
