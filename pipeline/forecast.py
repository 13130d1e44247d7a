"""What a recipe will give, told before it runs: upstream's own counts beside the recipe's goals.

Only counts that a source declares and caps on a whole source are used. What validation,
deduplication and shares will take is known by running the build alone, and is said to be left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.recipe import Recipe, SourceEntry
from schemas.item import LANGUAGES
from schemas.release import SUBSETS
from sources import registry

Cell = tuple[str, str]  # language and subset


@dataclass(frozen=True, slots=True)
class CellForecast:
    """Rows for training in one language and subset; a goal of None is a recipe without one."""

    language: str
    subset: str
    at_hand: int
    to_fetch: int
    goal: int | None

    @property
    def to_translate(self) -> int | None:
        """Rows that no source of the recipe gives."""
        return None if self.goal is None else max(0, self.goal - self.at_hand - self.to_fetch)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The rows of every language and subset, and what the numbers leave out."""

    cells: tuple[CellForecast, ...]
    uncounted: tuple[tuple[str, str], ...]  # source and language of open items without a count
    shares: tuple[Mapping[str, Any], ...]  # caps on shares, applied to what is left then
    has_translation: bool


def forecast(recipe: Recipe, missing: Mapping[str, str]) -> Forecast:
    """Return what the recipe's registered sources give, those that are missing here apart."""
    at_hand: Counter[Cell] = Counter()
    to_fetch: Counter[Cell] = Counter()
    for entry in recipe.sources:
        (to_fetch if entry.name in missing else at_hand).update(expected_rows(recipe, entry))
    settings = _mix_settings(recipe)
    goals = settings.get("goals", {})
    cells = [
        CellForecast(
            *(language, subset),
            at_hand=at_hand[language, subset],
            to_fetch=to_fetch[language, subset],
            goal=goals.get(language, {}).get(subset),
        )
        for language in LANGUAGES
        for subset in sorted(SUBSETS.values())
    ]
    return Forecast(
        cells=tuple(cells),
        uncounted=tuple(one for entry in recipe.sources for one in _uncounted(entry)),
        shares=tuple(cap for cap in settings.get("caps", ()) if cap["share"] is not None),
        has_translation=any(entry.stage == "translate" for entry in recipe.stages),
    )


def expected_rows(recipe: Recipe, entry: SourceEntry) -> Counter[Cell]:
    """Return a source's train rows by upstream's count, cut at the caps on the whole source."""
    rows: Counter[Cell] = Counter()
    for _, counts in _train_counts(entry):
        rows.update({_cell(kind): count for kind, count in counts.items()})
    return Counter(
        {cell: min([count, *_caps(recipe, entry, *cell)]) for cell, count in rows.items()}
    )


def _train_counts(entry: SourceEntry) -> Iterator[tuple[str, Mapping[str, int]]]:
    source = registry.load(entry.name).SOURCE
    roles = {**source.splits, **entry.splits}
    for split, counts in source.expected_rows.items():
        if roles.get(split) == "train":
            yield split, counts


def _cell(kind: str) -> Cell:
    language, _, task = kind.partition("/")
    return language, SUBSETS[task]


def _uncounted(entry: SourceEntry) -> list[tuple[str, str]]:
    """Return where explanations give open items whose number upstream does not publish."""
    if "explanation" not in registry.load(entry.name).SOURCE.forms:
        return []
    kinds = {kind for _, counts in _train_counts(entry) for kind in counts}
    languages = sorted({kind.partition("/")[0] for kind in kinds})
    return [(entry.name, one) for one in languages if f"{one}/qa" not in kinds]


def _mix_settings(recipe: Recipe) -> Mapping[str, Any]:
    return next((entry.settings for entry in recipe.stages if entry.stage == "mix"), {})


def _caps(recipe: Recipe, entry: SourceEntry, language: str, subset: str) -> Iterator[int]:
    """Yield the limits on the whole of a source in a language and subset."""
    if entry.max_rows is not None:
        yield entry.max_rows
    for cap in _mix_settings(recipe).get("caps", ()):
        is_whole = cap["form"] is None and cap["has_rationale"] is None and not cap["per"]
        fits = cap["language"] in (None, language) and cap["subset"] in (None, subset)
        is_own = cap["source"] == entry.name and language not in cap["except_languages"]
        if is_whole and fits and is_own and cap["rows"] is not None:
            yield cap["rows"]
