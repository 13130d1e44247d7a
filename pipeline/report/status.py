"""Red, amber or green for each language: rules, limits from the recipe, the order by trouble.

docs/report.md explains each rule. A rule without anything to look at has no light.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.recipe import Limits, Report
from pipeline.report.locales import format_number
from pipeline.report.statistics import upper_bound
from pipeline.verdicts import Tally
from schemas.item import LANGUAGES

Light = Literal["red", "amber", "green", "none"]
SURE = 0.001  # p below which letters of keys are taken to be uneven at all


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a language: what was seen, beside what limits, and what came of it."""

    name: str
    title: str
    light: Light
    observed: float | None  # None: nothing to look at
    is_share: bool
    limits: Limits | None
    note: str  # what the figure alone does not say


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules of one language look at."""

    code: str
    subsets: Mapping[str, int]  # published rows
    origins: Mapping[str, int] | None  # published rows by origin, or EXPLAINED; None: not at hand
    jobs: int  # for language models, points not counted
    failed: int  # of these
    overlaps: int  # published rows that share a run with a protected item
    dropped_overlaps: int  # rows dropped for a protected item
    benchmark_items: int
    losses: Sequence[tuple[str, float]]  # source, share of its rows for training that was dropped
    detected: int  # published rows whose language was detected at all
    misdetected: int  # of these, as another one
    rationales_read: int
    rationales_agreed: int
    keys: Sequence[tuple[int, float, float]]  # options, p, farthest letter; only where tested
    tally: Tally
    rows_in: int  # since the build before
    rows_out: int

    @property
    def published(self) -> int:
        """Published rows of all subsets."""
        return sum(self.subsets.values())

    @property
    def made(self) -> int:
        """Published rows that are translated, upstream or by a model, generated, or explained."""
        return sum(rows for origin, rows in (self.origins or {}).items() if origin != "native")

    def share(self, origin: str) -> float:
        """Return the share of an origin among the published rows."""
        counts = self.origins or {}
        return counts.get(origin, 0) / max(1, sum(counts.values()))

    @property
    def bound(self) -> float:
        """Upper 95 % bound of the share of wrong rows, by the random sample alone."""
        return upper_bound(self.tally.sampled_errors, self.tally.sampled)


@dataclass(frozen=True, slots=True)
class Status:
    """The light of a language with all that led to it."""

    seen: Seen
    light: Light
    rules: tuple[Rule, ...]

    @property
    def trouble(self) -> tuple[Rule, ...]:
        """The rules that are not green, red ones first."""
        order = ("red", "amber")
        found = [rule for rule in self.rules if rule.light in order]
        return tuple(sorted(found, key=lambda rule: order.index(rule.light)))


def judge(seen: Seen, limits: Report) -> Status:
    """Return the status of a language; its light is the worst of its rules'."""
    rules = tuple(_rules(seen, limits))
    lights = {rule.light for rule in rules}
    worst: Sequence[Light] = ("red", "amber", "green")
    return Status(seen, next((one for one in worst if one in lights), "none"), rules)


def judge_nothing(seen: Seen) -> Status:
    """Return the status of rows whose language is not known: no rule fits them."""
    return Status(seen, "none", ())


def by_trouble(status: Status) -> tuple[int, float, int, int, int]:
    """Return a key that sorts the worst language first: more red rules, larger red shares.

    Among equals, more amber rules are worse, then fewer rows.
    """
    lights = [rule.light for rule in status.rules]
    shares = sum(
        rule.observed or 0 for rule in status.rules if rule.is_share and rule.light == "red"
    )
    place = [*LANGUAGES, ""].index(status.seen.code)
    return -lights.count("red"), -shares, -lights.count("amber"), status.seen.published, place


def _rules(seen: Seen, limits: Report) -> Iterator[Rule]:
    yield _rows(seen, limits.min_rows)
    yield _errors(seen, limits.errors)
    shares = (
        ("made", "Translated, generated or explained", seen.made, seen.published),
        ("failed", "Failed checks", seen.failed, seen.jobs),
        ("overlap", "Overlaps with test items", seen.overlaps, seen.published),
        ("detected", "Another language detected", seen.misdetected, seen.detected),
        (
            "disagreed",
            "Rationales lead elsewhere",
            seen.rationales_read - seen.rationales_agreed,
            seen.rationales_read,
        ),
    )
    for name, title, part, whole in shares:
        limit: Limits = getattr(limits, name)
        observed = part / whole if whole else None
        note = f"{_told(part, seen)} of {_told(whole, seen)}" if whole else ""
        yield Rule(name, title, _light(observed, limit), observed, True, limit, note)
    yield _benchmarks(seen)
    yield _loss(seen, limits.loss)
    yield _keys(seen, limits.key_share)


def _told(number: float, seen: Seen) -> str:
    return format_number(number, seen.code)


def _light(observed: float | None, limits: Limits) -> Light:
    if observed is None:
        return "none"
    if observed > limits.red:
        return "red"
    return "amber" if observed > limits.amber else "green"


def _rows(seen: Seen, fewest: int) -> Rule:
    empty = [name for name, rows in seen.subsets.items() if not rows]
    light: Light = "red" if seen.published < fewest else "amber" if empty else "green"
    note = f"none in {' and '.join(empty)}" if empty else f"at least {_told(fewest, seen)} wanted"
    return Rule("rows", "Published rows", light, seen.published, False, None, note)


def _errors(seen: Seen, limits: Limits) -> Rule:
    """A small sample bounds little and is amber; red is what the sample itself shows."""
    title, tally = "Wrong rows at most", seen.tally
    if not tally.sampled:
        is_needed = seen.origins is None or seen.made > 0
        note = "rows that were translated, generated or explained need one" if is_needed else ""
        light: Light = "amber" if is_needed else "none"
        title = "No random sample judged"
        return Rule("errors", title, light, None, True, limits, note)
    light = "amber" if seen.bound > limits.amber else "green"
    if tally.sampled_errors / tally.sampled > limits.red:
        light = "red"
    note = f"{_told(tally.sampled_errors, seen)} wrong of {_told(tally.sampled, seen)} judged"
    return Rule("errors", title, light, seen.bound, True, limits, note)


def _benchmarks(seen: Seen) -> Rule:
    light: Light = "green" if seen.benchmark_items else "amber"
    title = "Test items at hand" if seen.benchmark_items else "No test items at hand"
    items = seen.benchmark_items
    return Rule("benchmarks", title, light, items, False, None, "")


def _loss(seen: Seen, limits: Limits) -> Rule:
    source, share = max(seen.losses, key=lambda pair: pair[1], default=("", None))
    light = _light(share, limits)
    return Rule("loss", "Rows lost by a source", light, share, True, limits, source)


def _keys(seen: Seen, limits: Limits) -> Rule:
    title = "Uneven answer keys"
    if not seen.keys:
        return Rule("key_share", title, "none", None, True, limits, "too few rows")
    uneven = [(far, number) for number, p, far in seen.keys if p < SURE]
    if not uneven:
        note = f"by chance (p ≥ {_told(SURE, seen)})"
        far = max(far for _, _, far in seen.keys)
        return Rule("key_share", title, "green", far, True, limits, note)
    far, number = max(uneven)
    note = f"with {number} options"
    return Rule("key_share", title, _light(far, limits), far, True, limits, note)
