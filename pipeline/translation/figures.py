"""Checks `numbers` and `units`: in both texts the same numbers, with their units, in their places.

A figure must occur in the other text, as a figure or as a word; how often is not compared, since
translators repeat and merge. Units are compared per number: so two numbers that changed places
have each other's units. Numbers of one unit must come in the same order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pipeline.translation.dates import DAY, is_impossible
from pipeline.translation.order import Numbers, exchanged_pair, is_same_unit
from pipeline.translation.problem import Pair, Problem
from pipeline.translation.quantities import quantities
from pipeline.translation.quantity import Quantity
from pipeline.translation.worded import numbers_in_words

# "1日2回" is "twice a day" and "8:00" is "8 o'clock"; where these two are changed, one is new.
_FREE = frozenset({"0", "1"})
_ONE = frozenset({"1"})  # "last week", "an hour"
# "coronavirus disease 2019" is COVID-19.
_COVID, _COVID_YEARS = frozenset({"covid19", "ковид19"}), frozenset({"19", "2019"})
_DIGITS = re.compile(r"\d+")


def figure_problems(pair: Pair) -> Iterator[Problem]:
    """Yield what is wrong with the numbers of a translation."""
    own = quantities(pair.source, pair.source_language)
    other = quantities(pair.target, pair.target_language)
    if not (own.figures or other.figures or own.names or other.names):
        return
    source = Numbers(*own, numbers_in_words(pair.source, pair.source_language))
    target = Numbers(*other, numbers_in_words(pair.target, pair.target_language))
    missing = _unanswered(source, target)
    added = [*_unanswered(target, source), *_changed_names(source, target)]
    added = added or _exchanged(source, target)
    if missing or added:
        yield Problem("numbers", _difference(missing, added))
        return
    yield from _unit_problems(source, target)
    if strange := [one.value for one in target.figures if is_impossible(one)]:
        yield Problem("numbers", f"no month: {strange[0]}")
    if exchanged := exchanged_pair(source, target):
        yield Problem("numbers", f"order: {exchanged[0]} and {exchanged[1]}")
    elif problem := _sign_problem(source, target):
        yield problem


def _unanswered(asking: Numbers, answering: Numbers) -> list[str]:
    """Return the figures of one text that are not in the other, in figures, words or names."""
    there = {reading for one in (*answering.figures, *answering.words) for reading in one.readings}
    there |= _FREE
    if not _COVID.isdisjoint((*asking.names, *answering.names)):
        there |= _COVID_YEARS
    for name in answering.names:
        there.update(_DIGITS.findall(name))
    return [one.value for one in asking.figures if there.isdisjoint(one.readings)]


def _changed_names(source: Numbers, target: Numbers) -> list[str]:
    """Return names of the target that the source has with another number: CD8 for CD4."""
    stems = {_stem(name) for name in source.names}
    new = [name for name in target.names if name not in source.names]
    changed = [name for name in new if _stem(name) in stems]
    return changed or _moved_names(source, target)


def _moved_names(source: Numbers, target: Numbers) -> list[str]:
    """Return names of one kind that come in another order: CD8 and CD4 for CD4 and CD8."""
    both = [name for name in source.names if name in target.names]
    kinds = Counter(map(_stem, both))
    for kind in (kind for kind, times in kinds.items() if times > 1):
        own = [name for name in both if _stem(name) == kind]
        other = [name for name in target.names if name in own]
        if own != other:
            return other
    return []


def _stem(name: str) -> str:
    return _DIGITS.sub("", name)


def _exchanged(source: Numbers, target: Numbers) -> list[str]:
    """Return values that occur once more than in the source, another as often less.

    Only where both texts have equally many figures: 30 % and 50 % that became 50 % twice.
    """
    if len(source.figures) != len(target.figures):
        return []
    known = {reading for one in target.figures for reading in one.readings}
    own = Counter(_reading(one, known) for one in source.figures)
    known = {reading for one in source.figures for reading in one.readings}
    other = Counter(_reading(one, known) for one in target.figures)
    return sorted(other - own)


def _reading(one: Quantity, known: set[str]) -> str:
    return next((reading for reading in one.readings if reading in known), one.value)


def _difference(missing: list[str], added: list[str]) -> str:
    parts = [
        f"{word} {', '.join(dict.fromkeys(values))}"
        for word, values in (("missing", missing), ("added", added))
        if values
    ]
    return "; ".join(parts)


def _unit_problems(source: Numbers, target: Numbers) -> Iterator[Problem]:
    """Yield values that have another unit, and units that have another value."""
    own, theirs = _units(source), _units(target)
    for value in sorted(own.keys() & theirs.keys()):
        lost, new = _unlike(own[value], theirs[value]), _unlike(theirs[value], own[value])
        if value == "1" and "times" in (*lost, *new):  # "once daily" is 1 day, 1日1回, 1 fois
            continue
        if lost and (new or DAY in lost):
            yield Problem("units", f"{value} {' or '.join(lost)}: {' or '.join(new)}")
            return
    if len(source.figures) == len(target.figures) and (moved := _moved_unit(source, target)):
        yield Problem("units", moved)
        return
    values, others = _values(own), _values(theirs)
    for unit in sorted(values.keys() & others.keys()):
        lost = sorted(values[unit] - others[unit] - _ONE)
        new = sorted(others[unit] - values[unit] - _ONE)
        if lost and new:
            yield Problem("units", f"{unit}: {', '.join(lost)} became {', '.join(new)}")
            return


def _moved_unit(source: Numbers, target: Numbers) -> str:
    """Return a value one of whose occurrences has another unit: 14 days and 14 weeks."""
    own = Counter((one.value, one.unit) for one in source.figures if one.unit)
    other = Counter((one.value, one.unit) for one in target.figures if one.unit)
    for value, unit in sorted(own - other):
        for same, new in sorted(other - own):
            if same == value and not is_same_unit(unit, new):
                return f"{value} {unit}: {new}"
    return ""


def _unlike(units: set[str], others: set[str]) -> list[str]:
    """Return the known units that agree with none of the others."""
    return sorted(
        unit for unit in units if unit and not any(is_same_unit(unit, one) for one in others)
    )


def _values(units: dict[str, set[str]]) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {}
    for value, found in units.items():
        for unit in found:
            if unit:
                values.setdefault(unit, set()).add(value)
    return values


def _units(found: Numbers) -> dict[str, set[str]]:
    """Return the units of each value; those of words only where no figure has the value."""
    units: dict[str, set[str]] = {}
    for one in found.figures:
        for reading in one.readings:
            units.setdefault(reading, set()).add(one.unit)
    in_figures = frozenset(units)
    for one in found.words:
        if one.value not in in_figures:
            units.setdefault(one.value, set()).add(one.unit)
    return units


def _sign_problem(source: Numbers, target: Numbers) -> Problem | None:
    own, theirs = _signs(source), _signs(target)
    for value, signs in own.items():
        others = theirs.get(value, set())
        if others and signs.isdisjoint(others):
            return Problem("numbers", f"sign: {min(signs)}{value} became {min(others)}{value}")
    return None


def _signs(found: Numbers) -> dict[str, set[str]]:
    signs: dict[str, set[str]] = {}
    for one in found.figures:
        if one.sign:
            signs.setdefault(one.value, set()).add(one.sign)
    return signs
