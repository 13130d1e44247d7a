"""How many translation errors the checks find, and how many good translations they suspect.

Errors are put one at a time into human translations: our gold set in all directions among the six
languages, and every second sentence of TICO-19 from English where `MMED_RAW` is set. A good pair
that is suspected counts as a false alarm and takes no part in detection. `found_*` counts any
problem, `named_*` one of the check that is meant to find the error; `n_*` say of how many.
`--quick` takes the gold set from English alone. The output holds figures only, no upstream text.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, machine, publish
from benchmarks.translation_items import (
    TICO19_TARGETS,
    Fields,
    Flip,
    Parallel,
    following,
    read_gold,
    read_tico19,
)
from benchmarks.translation_mutations import TEXT_MUTATIONS, has_one_negation, lose_negation
from pipeline.translation.checks import check_item, check_text
from schemas.item import LANGUAGES, Language

# Share of the errors that must be found, and that should be. The others have no limit.
LIMITS = dict.fromkeys(("digit", "unit", "swap", "copy", "cut"), (0.95, 0.98))
LIMITS |= dict.fromkeys(("negation", "drug"), (0.8, 0.9))
FALSE_ALARMS = (0.05, 0.03)  # per language of the translations
# The checks that are meant to find an error; a swap shows as numbers or as their units.
MEANT = {
    "digit": {"numbers"},
    "number_dropped": {"numbers", "units"},
    "swap": {"numbers", "units"},
    "swap_of_one_unit": {"numbers"},
    "unit": {"units", "numbers"},
    "comparison": {"numbers", "negation"},
    "negation": {"negation"},
    "drug": {"drug"},
    "cut": {"length"},
    "copy": {"copy"},
    "one_option_copied": {"copy", "untranslated", "script"},
    "wrong_language": {"language", "script"},
    "other_item": {"length", "numbers", "drug"},
    "chatter": {"chatter"},
    "option_dropped": {"options"},
    "option_repeated": {"options"},
    "options_swapped": {"options", "numbers", "drug"},
}


@dataclass(frozen=True, slots=True)
class Direction:
    """A language to translate from and one to translate to."""

    source: Language
    target: Language


@dataclass(frozen=True, slots=True)
class Trial:
    """What the checks say of one pair; `mutation` is empty for a good one."""

    direction: Direction
    mutation: str
    checks: frozenset[str]


def main() -> None:
    """Measure, print, and exit 1 where a value is worse than its floor."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the gold set, from English alone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--raw", default=os.environ.get("MMED_RAW"), help="upstream files")
    arguments = parser.parse_args()
    print(machine(), file=sys.stderr)
    raw = Path(arguments.raw) if arguments.raw and not arguments.quick else None
    sys.exit(publish(list(measure(raw, arguments.quick)), arguments.json))


def measure(raw: Path | None, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of the gold set, then those of TICO-19 where its files are at hand."""
    sources: Sequence[Language] = ("en",) if is_quick else LANGUAGES
    directions = [Direction(a, b) for a in sources for b in LANGUAGES if a != b]
    yield from _figures("gold", _trials(read_gold(), directions))
    if raw is not None:
        directions = [Direction("en", target) for target in TICO19_TARGETS]
        yield from _figures("tico19", _trials(read_tico19(raw), directions))


def _trials(items: Sequence[Parallel], directions: Sequence[Direction]) -> Iterator[Trial]:
    for index, item in enumerate(items):
        other = following(items, index)
        for direction in directions:
            if direction.target not in item.fields:
                continue
            good = _judge(item, direction, item.fields[direction.target])
            yield Trial(direction, "", good)
            if good:
                continue
            for mutation, spoiled in spoil(item, other, direction):
                yield Trial(direction, mutation, _judge(item, direction, spoiled))


def _judge(item: Parallel, direction: Direction, target: Fields) -> frozenset[str]:
    source = item.fields[direction.source]
    languages = (direction.source, direction.target)
    if "text" in source:
        problems = check_text(source["text"], target["text"], *languages, "text")
    else:
        problems = check_item(source, target, *languages)
    return frozenset(problem.check for problem in problems)


def spoil(item: Parallel, other: Parallel, to: Direction) -> Iterator[tuple[str, Fields]]:
    """Yield every mutation of an item in a direction: its name, and the fields with one error."""
    target = item.fields[to.target]
    for name in target:
        for mutation, text in _spoiled_texts(item, other, to, name):
            yield mutation, {**target, name: text}
    if "options" in target:
        for mutation, options in _spoiled_options(item, to):
            yield mutation, {**target, "options": options}


def _spoiled_texts(
    item: Parallel, other: Parallel, to: Direction, name: str
) -> Iterator[tuple[str, str]]:
    text = item.fields[to.target][name]
    if not isinstance(text, str):
        return
    for mutation, change in TEXT_MUTATIONS.items():
        changed = change(text, to.target, _chance(item, to, mutation))
        if changed is not None:
            yield mutation, changed
    yield from (("negation", flipped) for flipped in _negations(item, to, name))
    yield "copy", item.fields[to.source][name]
    others = [language for language in item.fields if language not in (to.source, to.target)]
    wrong = _chance(item, to, "wrong_language").choice(others)
    yield "wrong_language", item.fields[wrong][name]
    yield "other_item", other.fields[to.target][name]


def _negations(item: Parallel, to: Direction, name: str) -> Iterator[str]:
    """Yield the opposite, from the hand that wrote the item, or made where none did."""
    text = item.fields[to.target][name]
    flips: Sequence[Flip] = item.flips.get(to.target, ())
    yield from (text.replace(flip.old, flip.new) for flip in flips if flip.field == name)
    if not item.flips and has_one_negation(item.fields[to.source][name]):
        changed = lose_negation(text, to.target, _chance(item, to, "negation"))
        if changed is not None:
            yield changed


def _spoiled_options(item: Parallel, to: Direction) -> Iterator[tuple[str, list[str]]]:
    options: list[str] = item.fields[to.target]["options"]
    for mutation in ("digit", "unit", "drug"):
        change, chance = TEXT_MUTATIONS[mutation], _chance(item, to, f"option {mutation}")
        place = chance.randrange(len(options))
        changed = change(options[place], to.target, chance)
        if changed is not None and changed not in options:
            yield mutation, _with(options, place, changed)
    place = _chance(item, to, "options").randrange(len(options))
    copied: str = item.fields[to.source]["options"][place]
    if sum(map(str.isalpha, copied)) > 3 and _letters(copied) != _letters(options[place]):
        yield "one_option_copied", _with(options, place, copied)
    yield "option_dropped", options[:place] + options[place + 1 :]
    before = (place - 1) % len(options)
    repeated = _with(options, place, options[before])
    yield "option_repeated", repeated
    yield "options_swapped", _with(repeated, before, options[place])


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.lower()))


def _with(options: list[str], place: int, option: str) -> list[str]:
    return [*options[:place], option, *options[place + 1 :]]


def _chance(item: Parallel, to: Direction, mutation: str) -> random.Random:
    # The draw depends on the trial alone, so that adding an item changes no other.
    return random.Random(f"{item.id} {to.source} {to.target} {mutation}")  # noqa: S311


def _figures(name: str, trials: Iterator[Trial]) -> Iterator[Figure]:
    everything = list(trials)
    good = [trial for trial in everything if not trial.mutation]
    yield from _alarms(name, good)
    for mutation in MEANT:
        spoiled = [trial for trial in everything if trial.mutation == mutation]
        if spoiled:
            yield from _found(name, mutation, spoiled)


def _alarms(name: str, good: Sequence[Trial]) -> Iterator[Figure]:
    for language, trials in _by_target(good):
        yield Figure(f"{name}_n_good_{language}", len(trials), "pairs")
        share = _share(trials, lambda trial: bool(trial.checks))
        yield Figure(f"{name}_false_alarms_{language}", share, "share", *FALSE_ALARMS)
        for check, count in sorted(Counter(c for trial in trials for c in trial.checks).items()):
            share = round(count / len(trials), 4)
            yield Figure(f"{name}_false_alarms_{language}_{check}", share, "share")


def _found(name: str, mutation: str, spoiled: Sequence[Trial]) -> Iterator[Figure]:
    meant = MEANT[mutation]
    yield Figure(f"{name}_n_{mutation}", len(spoiled), "pairs")
    found = _share(spoiled, lambda trial: bool(trial.checks))
    yield Figure(f"{name}_found_{mutation}", found, "share", *LIMITS.get(mutation, (None, None)))
    named = _share(spoiled, lambda trial: bool(trial.checks & meant))
    yield Figure(f"{name}_named_{mutation}", named, "share")
    for language, trials in _by_target(spoiled):
        found = _share(trials, lambda trial: bool(trial.checks))
        yield Figure(f"{name}_found_{mutation}_{language}", found, f"of {len(trials)}")


def _by_target(trials: Sequence[Trial]) -> Iterator[tuple[Language, list[Trial]]]:
    for language in LANGUAGES:
        chosen = [trial for trial in trials if trial.direction.target == language]
        if chosen:
            yield language, chosen


def _share(trials: Sequence[Trial], is_counted: Callable[[Trial], Any]) -> float:
    return round(sum(map(bool, map(is_counted, trials))) / len(trials), 4)


if __name__ == "__main__":
    main()
