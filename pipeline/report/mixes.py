"""Tables of the whole build: source, licence and form by language, declared by detected language,
and translations by direction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

import polars as pl

from pipeline.ledger import Count
from pipeline.report.read_made import MadeFacts
from pipeline.report.tables import Tables
from schemas.item import LANGUAGES

SHADES = 6  # of a cell with rows, by the logarithm of their number
NOT_SURE = "not sure"


@dataclass(frozen=True, slots=True)
class Cell:
    """A number with its shade: 0 for none, up to `SHADES` for the most in the table."""

    rows: int
    shade: int


@dataclass(frozen=True, slots=True)
class Heat:
    """Rows by two properties."""

    columns: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Cell, ...], int], ...]  # name, a cell per column, all


@dataclass(frozen=True, slots=True)
class Direction:
    """How translations from one language into another fared."""

    source: str
    target: str
    jobs: int
    passed: int
    passed_at_first: int  # without being asked once more
    worst: str  # the reason of most that failed; empty: none failed
    worst_jobs: int


def sources_by_language(counts: Sequence[Count]) -> Heat:
    """Return the published rows of each source, most rows first."""
    found: Counter[tuple[str, str]] = Counter()
    for one in counts:
        found[one.source, one.language] += one.rows_kept
    return _heat(found)


def by_language(rows: pl.DataFrame, column: str) -> Heat:
    """Return the published rows by a column and by language, most rows first."""
    counts = rows.group_by(column, "language").len().iter_rows()
    return _heat(Counter({(name or "not stated", code): number for name, code, number in counts}))


def forms_by_language(rows: pl.DataFrame, titles: Mapping[str, str]) -> Heat:
    """Return the published rows by subset and form; `titles` by task."""
    named = rows.select(
        "language",
        kind=pl.col("task").replace_strict(titles, return_dtype=pl.String)
        + ", "
        + pl.col("form").str.replace_all("_", " ", literal=True),
    )
    return by_language(named, "kind")


def read_detected(tables: Tables, stages: Mapping[str, str]) -> Heat | None:
    """Return train rows by declared and detected language, as the first such stage found them."""
    first = next((name for name, stage in stages.items() if stage == "language"), None)
    if first is None or first not in tables.names or not tables.are_there({first}):
        return None
    rows = tables.collect(first, "kept", "role", "language", "detected_language")
    train = rows.filter(pl.col("role") == "train")
    counts = train.group_by("language", "detected_language").len().iter_rows()
    found = Counter({(a, b or NOT_SURE): number for a, b, number in counts})
    names = [code for code in LANGUAGES if any(code in key for key in found)]
    return _heat(found, names, [*names, *([NOT_SURE] if any(NOT_SURE in k for k in found) else [])])


def directions(made: MadeFacts) -> Iterator[Direction]:
    """Yield the directions of translations, the worst first."""
    jobs = made.made.filter(pl.col("operation") == "translate")
    groups = jobs.sort("source_language", "language").group_by(
        "source_language", "language", maintain_order=True
    )
    found = [_direction(str(a), str(b), part) for (a, b), part in groups]
    yield from sorted(found, key=lambda one: one.passed / one.jobs)


def _direction(source: str, target: str, part: pl.DataFrame) -> Direction:
    passed = part.filter(pl.col("reason").is_null())
    reasons = Counter(part["reason"].drop_nulls())
    worst, number = min(reasons.items(), key=lambda pair: (-pair[1], pair[0]), default=("", 0))
    at_first = passed.filter(pl.col("variant") == 0).height
    return Direction(source, target, part.height, passed.height, at_first, worst, number)


def _heat(
    found: Counter[tuple[str, str]],
    names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> Heat:
    if names is None:
        totals: Counter[str] = Counter()
        for (name, _), rows in found.items():
            totals[name] += rows
        names = sorted(totals, key=lambda name: (-totals[name], name))
    if columns is None:
        known = [code for code in (*LANGUAGES, "") if any(key[1] == code for key in found)]
        columns = known
    most = max(found.values(), default=0)
    lines = []
    for name in names:
        cells = tuple(Cell(rows, _shade(rows, most)) for rows in (found[name, c] for c in columns))
        lines.append((name, cells, sum(cell.rows for cell in cells)))
    return Heat(tuple(columns), tuple(lines))


def _shade(rows: int, most: int) -> int:
    if not rows:
        return 0
    return 1 + round((SHADES - 1) * log(rows) / log(most)) if most > 1 else SHADES
