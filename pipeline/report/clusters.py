"""Duplicates to browse: each kept row with the rows that were dropped for it, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.report.charts import Chart, draw
from pipeline.report.pairs import TEXTS as FIELDS
from pipeline.report.shorten import masked
from pipeline.report.spans import Run, compare, plain
from pipeline.report.tables import Tables

REASONS = ("exact_duplicate", "near_duplicate", "conflicting_key")
CLUSTERS = 20  # shown of a language, half of them the largest
TWINS = 3  # shown of a cluster
_MANY = 10**9
_SIZES = ((2, 2), (3, 3), (4, 5), (6, 10), (11, _MANY))


@dataclass(frozen=True, slots=True)
class FieldTwins:
    """A field of a kept row and of one dropped for it, as runs that are equal or not."""

    name: str
    kept: tuple[Run, ...]
    dropped: tuple[Run, ...]

    @property
    def differs(self) -> bool:
        """Whether the two rows say something else here."""
        return any(run.differs for run in (*self.kept, *self.dropped))


@dataclass(frozen=True, slots=True)
class Twin:
    """A dropped row beside the kept one."""

    id: str
    source: str
    language: str
    reason: str
    similarity: float | None
    fields: tuple[FieldTwins, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A row and those that were dropped for it; of a conflict of keys, that one left as well."""

    id: str
    source: str
    language: str
    title: str
    rows: int  # the row itself included
    is_kept: bool
    twins: tuple[Twin, ...]  # the first few

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why rows of the cluster were dropped."""
        return tuple(sorted({twin.reason for twin in self.twins}))


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters of a language."""

    num_clusters: int
    num_dropped: int
    sizes: tuple[tuple[str, int], ...]
    chart: Chart
    shown: tuple[Cluster, ...]


@dataclass(frozen=True, slots=True)
class TwinFacts:
    """The ledger's rows that were dropped for another row, and the records that may be shown."""

    twins: pl.DataFrame
    records: Mapping[str, Mapping[str, Any]]


def read_twins(tables: Tables, stages: Mapping[str, str], drops: pl.DataFrame) -> TwinFacts:
    """Return what was dropped for another row; records only where the store still has them."""
    chosen = drops.filter(pl.col("reason").is_in(REASONS), pl.col("kept_instead").is_not_null())
    # Of two rows whose keys conflict each was dropped for the other: one place to show them.
    pairs = chosen.select(id="kept_instead", kept_instead="id", is_mirrored=pl.lit(value=True))
    twins = (
        chosen.join(pairs, on=["id", "kept_instead"], how="left")
        .with_columns(
            is_mirror=pl.col("is_mirrored").is_not_null() & (pl.col("id") < pl.col("kept_instead"))
        )
        .sort("kept_instead", "id")
    )
    around = _chosen(twins.filter(~pl.col("is_mirror")))["kept_instead"]
    shown = twins.filter(pl.col("kept_instead").is_in(around.implode()), ~pl.col("is_mirror"))
    shown = shown.group_by("language", "kept_instead", maintain_order=True).head(TWINS)
    return TwinFacts(twins, _records(tables, stages, pl.concat([around, shown["id"]])))


def _chosen(twins: pl.DataFrame) -> pl.DataFrame:
    """Return, by language, the largest clusters, and others as their ids come."""
    sizes = twins.group_by("language", "kept_instead").len("rows")
    largest_first = sizes.sort("rows", "kept_instead", descending=[True, False])
    largest = largest_first.group_by("language", maintain_order=True).head(CLUSTERS // 2)
    rest = sizes.join(largest, on=["language", "kept_instead"], how="anti").sort("kept_instead")
    others = rest.group_by("language", maintain_order=True).head(CLUSTERS - CLUSTERS // 2)
    columns = ["language", "kept_instead"]
    return pl.concat([largest.select(columns), others.select(columns)])


def _records(
    tables: Tables, stages: Mapping[str, str], ids: pl.Series
) -> dict[str, Mapping[str, Any]]:
    """Return records as the last stage that compared them had them; `is_kept` as it left them."""
    found: dict[str, Mapping[str, Any]] = {}
    for instance in (name for name, stage in stages.items() if stage == "deduplicate"):
        if instance not in tables.names or not tables.are_there({instance}):
            continue
        for kind in ("kept", "dropped"):
            for table in tables.scan(instance, kind):
                rows = table.filter(pl.col("id").is_in(ids.implode()))
                chosen = rows.select("id", "source", "language", *FIELDS).collect()
                for row in chosen.iter_rows(named=True):
                    found[row["id"]] = {**row, "is_kept": kind == "kept"}
    return found


def make_clusters(facts: TwinFacts, language: str) -> Clusters | None:
    """Return the clusters of a language, or None where no row was dropped for another."""
    dropped = facts.twins.filter(pl.col("language") == language)
    if dropped.is_empty():
        return None
    own = dropped.filter(~pl.col("is_mirror"))
    sizes = own.group_by("kept_instead").len("rows")["rows"] + 1
    counted = [(_label(a, b), int(sizes.is_between(a, b).sum())) for a, b in _SIZES]
    return Clusters(
        num_clusters=len(sizes),
        num_dropped=dropped.height,
        sizes=tuple(counted),
        chart=draw([label for label, _ in counted], [number for _, number in counted]),
        shown=tuple(_clusters(own, _chosen(own)["kept_instead"], facts.records)),
    )


def _label(fewest: int, most: int) -> str:
    if most == _MANY:
        return f"{fewest} or more"
    return f"{fewest}" if fewest == most else f"{fewest}–{most}"


def _clusters(
    own: pl.DataFrame, chosen: pl.Series, records: Mapping[str, Mapping[str, Any]]
) -> Iterator[Cluster]:
    for one in chosen:
        dropped = own.filter(pl.col("kept_instead") == one)
        kept = records.get(one)
        if kept is None:  # the store was deleted
            continue
        yield Cluster(
            id=one,
            source=kept["source"],
            language=kept["language"],
            title=_text(kept, "question"),
            rows=dropped.height + 1,
            is_kept=kept["is_kept"],
            twins=tuple(
                _twin(kept, records[row["id"]], row)
                for row in dropped.head(TWINS).iter_rows(named=True)
                if row["id"] in records
            ),
        )


def _twin(kept: Mapping[str, Any], dropped: Mapping[str, Any], row: Mapping[str, Any]) -> Twin:
    fields = []
    for name in FIELDS:
        left, right = _text(kept, name), _text(dropped, name)
        if kept["language"] != dropped["language"]:
            fields.append(FieldTwins(name, plain(left), plain(right)))
        elif left or right:
            fields.append(FieldTwins(name, *compare(left, right, row["language"])))
    return Twin(
        row["id"], row["source"], row["language"], row["reason"], row["value"], tuple(fields)
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    text = value if isinstance(value, str) else " | ".join(value)
    return masked(text, row["language"])
