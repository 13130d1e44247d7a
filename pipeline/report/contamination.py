"""Which benchmarks the training rows ran into, from which source, and some of the pairs.

Of a pair only ids are shown: the training row says the benchmark item again, and what stands on a
page is read by crawlers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.report.tables import Tables

WAYS = {
    "root": "the same root: a translation, twin or explanation of the item",
    "question": "the same question",
    "similar": "nearly the whole of the item, by its character n-grams",
    "run": "64 letters and digits in a row",
}
ROLES = ("benchmark", "validation")
PAIRS = 3  # shown per language, benchmark and way


@dataclass(frozen=True, slots=True)
class Hit:
    """The gravest way in which rows of a source met a benchmark in a language, by the outcome."""

    benchmark: str
    role: str
    source: str
    language: str
    way: str
    dropped: int
    flagged: int  # published all the same, with a flag
    found: tuple[int, ...]  # dropped rows by each way that found them, in the order of `WAYS`


@dataclass(frozen=True, slots=True)
class Overlap:
    """Rows of a source that met a benchmark, in all languages."""

    benchmark: str
    role: str
    source: str
    ways: tuple[int, ...]  # dropped rows by each way that found them, in the order of `WAYS`
    dropped: int
    flagged: int


@dataclass(frozen=True, slots=True)
class Match:
    """A training row that was dropped, and the item that it met."""

    id: str
    source: str
    language: str
    way: str
    value: float | None
    item: str
    benchmark: str


@dataclass(frozen=True, slots=True)
class Contamination:
    """All hits, most dropped first, and some pairs of each language, benchmark and way."""

    hits: tuple[Hit, ...]
    matches: tuple[Match, ...]

    def num_dropped(self, language: str) -> int:
        """Return how many rows of a language were dropped."""
        return sum(hit.dropped for hit in self.hits if hit.language == language)

    def overlaps(self) -> Iterator[Overlap]:
        """Yield the hits by benchmark and source, most rows first."""
        found: dict[tuple[str, str, str], list[Hit]] = {}
        for hit in self.hits:
            found.setdefault((hit.benchmark, hit.role, hit.source), []).append(hit)
        lines = [_overlap(*key, hits) for key, hits in sorted(found.items())]
        yield from sorted(lines, key=lambda one: (-one.dropped, -one.flagged))


def _overlap(benchmark: str, role: str, source: str, hits: list[Hit]) -> Overlap:
    ways = tuple(map(sum, zip(*(hit.found for hit in hits), strict=True)))
    dropped, flagged = (sum(getattr(hit, part) for hit in hits) for part in ("dropped", "flagged"))
    return Overlap(benchmark, role, source, ways, dropped, flagged)


def read_contamination(
    drops: pl.DataFrame, rows: pl.DataFrame | None, tables: Tables, first: str
) -> Contamination:
    """Return what was found, from the ledger and the published rows.

    `first` names a stage whose tables hold the protected items; without them they have no name.
    """
    reasons = [f"{role}_{way}" for role in ROLES for way in WAYS]
    dropped = drops.filter(pl.col("reason").is_in(reasons)).select(
        "id", "source", "language", "reason", "value", *_ways(), item="kept_instead"
    )
    flagged = _flagged(rows)
    items = _items(tables, first, pl.concat([dropped["item"], flagged["item"]]))
    dropped, flagged = (
        part.join(items, on="item", how="left").with_columns(pl.col("benchmark").fill_null(""))
        for part in (dropped, flagged)
    )
    return Contamination(tuple(_hits(dropped, flagged)), tuple(_matches(_pairs(dropped))))


def _ways() -> Iterator[pl.Expr]:
    """Yield, per way, whether it found a dropped row: as its reason, or beside it."""
    reason, also = pl.col("reason"), pl.col("evidence").str.extract(r"; also ([a-z, ]+)$")
    for way in WAYS:
        named = reason.str.ends_with(f"_{way}") | also.str.split(", ").list.contains(way)
        yield named.fill_null(reason.str.ends_with(f"_{way}")).alias(way)


def _flagged(rows: pl.DataFrame | None) -> pl.DataFrame:
    schema = dict.fromkeys(("id", "source", "language", "reason", "item"), pl.String)
    if rows is None:
        return pl.DataFrame(schema=schema)
    overlaps = rows.select("id", "source", "language", "overlaps").explode("overlaps")
    named = overlaps.drop_nulls("overlaps").unnest("overlaps")
    return named.rename({"name": "reason", "other_id": "item"}).select(*schema)


def _items(tables: Tables, stage: str, ids: pl.Series) -> pl.DataFrame:
    """Return the source of each protected item."""
    found = pl.DataFrame(schema={"item": pl.String, "benchmark": pl.String})
    if stage in tables.names and tables.are_there({stage}):
        known = tables.collect(stage, "kept", "id", "source")
        known = known.filter(pl.col("id").is_in(ids.drop_nulls().implode()))
        found = known.rename({"id": "item", "source": "benchmark"})
    return found


def _hits(dropped: pl.DataFrame, flagged: pl.DataFrame) -> Iterator[Hit]:
    key = ["benchmark", "reason", "source", "language"]
    # A row may share a run with two items of a benchmark; it is one row all the same.
    parts = [part.select("id", *key).unique().select(key) for part in (dropped, flagged)]
    counts = [Counter[Any](part.iter_rows()) for part in parts]
    sums = dropped.unique(["id", *key]).group_by(key).agg(pl.col(*WAYS).sum())
    found = {line[: len(key)]: line[len(key) :] for line in sums.iter_rows()}
    order = sorted({*counts[0], *counts[1]}, key=lambda k: (-counts[0][k], -counts[1][k], k))
    for benchmark, reason, source, language in order:
        role, _, way = reason.partition("_")
        lost, kept = (count[benchmark, reason, source, language] for count in counts)
        ways = found.get((benchmark, reason, source, language), (0,) * len(WAYS))
        yield Hit(benchmark, role, source, language, way, lost, kept, ways)


def _pairs(dropped: pl.DataFrame) -> pl.DataFrame:
    # Ids are hashes: the first by id are a fair sample, and the same one in every run.
    groups = dropped.sort("language", "benchmark", "reason", "id").group_by(
        "language", "benchmark", "reason", maintain_order=True
    )
    return groups.head(PAIRS)


def _matches(pairs: pl.DataFrame) -> Iterator[Match]:
    for row in pairs.iter_rows(named=True):
        yield Match(
            id=row["id"],
            source=row["source"],
            language=row["language"],
            way=row["reason"].partition("_")[2],
            value=row["value"],
            item=row["item"] or "",
            benchmark=row["benchmark"],
        )
