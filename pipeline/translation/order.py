"""Finds two numbers that changed places, though languages order their clauses differently.

"Every 3 years from 25 to 64" begins with the age in Japanese: there all numbers move, and what
stands together ("from 25 to 64") stays in its order. So two cases tell an exchange: numbers that
stand together come in another order, or two numbers of one unit, and no others, changed places.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

from pipeline.translation.dates import DATE_UNITS, DAY
from pipeline.translation.quantity import Quantity

_WORDS = (
    "from|to|and|or|versus|vs|through|de|à|et|ou|contre|a|al|y|o|e|u|hasta|frente"
    "|от|с|со|до|и|или|против"
)
# What may stand between numbers that stand together.
_TOGETHER = re.compile(
    rf"(?:[\s,;、:/()\[\]~\-]|\b(?:{_WORDS})\b|[上下]?[升降]?[至到为]|和|及|与|或|から|と|または)*",
    re.IGNORECASE,
)
# Chinese and Japanese say the whole before the part: 31个省中有24个.
_PART_OF = re.compile("(?:[中每]|のうち|あたり|当たり)[,、]?\\s?(?:有|の)?(?:约|約)?\\s*$")


class Numbers(NamedTuple):
    """All numbers of a text."""

    figures: tuple[Quantity, ...]
    names: tuple[str, ...]
    text: str
    words: tuple[Quantity, ...]


class _Twin(NamedTuple):
    """A number that both texts have once."""

    value: str
    own: Quantity
    other: Quantity


def exchanged_pair(source: Numbers, target: Numbers) -> tuple[str, str] | None:
    """Return two numbers that changed places, if any did."""
    places = _single(target)
    twins = [
        _Twin(value, one, places[value])
        for value, one in _single(source).items()
        if value in places and not _is_one_date(one, places[value])
    ]
    if all(a.other.start <= b.other.start for a, b in pairwise(twins)):
        return None
    return _in_a_group(twins, source, target) or _alone(twins, source, target)


def _in_a_group(twins: list[_Twin], source: Numbers, target: Numbers) -> tuple[str, str] | None:
    """Return neighbours of a group, such as "from 25 to 64", that changed places in it."""
    for one, following in pairwise(twins):
        if following.other.start >= one.other.start or not _is_alike(one, following):
            continue
        between = source.text[one.own.end : following.own.start]
        turned = target.text[following.other.end : one.other.start]
        if _TOGETHER.fullmatch(between) and _TOGETHER.fullmatch(turned):
            return one.value, following.value
    return None


def _alone(twins: list[_Twin], source: Numbers, target: Numbers) -> tuple[str, str] | None:
    """Return the only two numbers that stand in another place, if these have one unit."""
    order = sorted(twins, key=lambda twin: twin.other.start)
    moved = [(one, other) for one, other in zip(twins, order, strict=True) if one is not other]
    if len(moved) != 2:
        return None
    one, other = moved[0]
    is_beside = twins.index(other) - twins.index(one) == 1
    between = source.text[one.own.end : other.own.start]
    turned = target.text[other.other.end : one.other.start]
    if is_beside and (_PART_OF.search(between) or _PART_OF.search(turned)):
        return None
    return (one.value, other.value) if _is_alike(one, other) else None


def _is_alike(one: _Twin, other: _Twin) -> bool:
    """Tell whether no unit tells two numbers apart, in neither text."""
    pairs = ((one.own.unit, other.own.unit), (one.other.unit, other.other.unit))
    is_same = [is_same_unit(*units) for units in pairs]
    return all(is_same) or (any(is_same) and any("" in units for units in pairs))


def is_same_unit(one: str, other: str) -> bool:
    """Tell whether two units agree, where one may lack what it is divided by (km, km/h)."""
    if DAY in (one, other):
        return {one, other} <= {DAY, "day"}
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _is_one_date(one: Quantity, other: Quantity) -> bool:
    """Tell whether only one language writes the number as part of a date."""
    return one.unit != other.unit and not DATE_UNITS.isdisjoint((one.unit, other.unit))


def _single(found: Numbers) -> dict[str, Quantity]:
    """Return the numbers that occur once, in their order, by value; of words those with a unit."""
    numbers = [*found.figures, *(one for one in found.words if one.unit)]
    times = Counter(reading for one in numbers for reading in one.readings)
    numbers.sort(key=lambda one: one.start)
    return {reading: one for one in numbers for reading in one.readings if times[reading] == 1}
