"""Every drop with its reason: the balance check after each stage, and the ledger of a build."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from pipeline.errors import BalanceError
from pipeline.frames import DROPPED_COLUMNS, ITEM_COLUMNS, StageResult, check_schema, polars_schema
from schemas.ledger import LEDGER, REASONS


@dataclass(frozen=True, slots=True)
class Count:
    """Rows of one source and language through one stage; `dropped` by reason."""

    source: str
    language: str
    rows_in: int
    rows_added: int
    rows_kept: int
    dropped: dict[str, int]

    @property
    def rows_dropped(self) -> int:
        """Rows dropped for any reason."""
        return sum(self.dropped.values())

    @property
    def rows_set_aside(self) -> int:
        """Rows among them that only served others and were never to be published."""
        return sum(rows for reason, rows in self.dropped.items() if reason.startswith("role_"))


def check_balance(stage: str, shard: pl.DataFrame, result: StageResult) -> list[Count]:
    """Return the counts of a stage on a shard; raise `BalanceError` where a row is unaccounted for.

    Demanded: rows in + rows added == rows kept + rows dropped, by id, no id twice, both schemas,
    every reason on the closed list, and no drop of a row that only serves to protect others.
    """
    check_schema(result.kept, ITEM_COLUMNS, f"{stage}, kept")
    check_schema(result.dropped, DROPPED_COLUMNS, f"{stage}, dropped")
    out_ids = pl.concat([result.kept["id"], result.dropped["id"]])
    if out_ids.n_unique() != out_ids.len():
        twice = out_ids.filter(out_ids.is_duplicated())[0]
        raise BalanceError(f"{stage}: record {twice} left the stage twice.")
    lost = shard["id"].filter(~shard["id"].is_in(out_ids.implode()))
    if lost.len():
        raise BalanceError(f"{stage}: {lost.len()} rows lost, the first is {lost[0]}.")
    unknown = set(result.dropped["reason"].unique()) - REASONS.keys()
    if unknown:
        raise BalanceError(f"{stage}: drop reasons {sorted(unknown)} are not in schemas/ledger.py.")
    check_roles(stage, result.dropped)
    return count(shard, result)


def check_roles(stage: str, dropped: pl.DataFrame) -> None:
    """Raise where a row that is not for training left before `split`."""
    if stage in ("ingest", "split"):
        return
    protected = dropped.filter(pl.col("role") != "train")
    if protected.height:
        row = protected.row(0, named=True)
        raise BalanceError(f"{stage}: dropped {row['id']}, whose role is {row['role']}, not train.")


def count(shard: pl.DataFrame, result: StageResult) -> list[Count]:
    """Count rows in, added, kept and dropped per source and language."""
    keys = ["source", "language"]
    tallies: dict[tuple[str, str], dict[str, Any]] = {}
    for table, name in ((shard, "rows_in"), (result.kept, "rows_kept")):
        for source, language, rows in table.group_by(keys).len().iter_rows():
            tallies.setdefault((source, language), {})[name] = rows
    for source, language, reason, rows in result.dropped.group_by([*keys, "reason"]).len().rows():
        tally = tallies.setdefault((source, language), {})
        tally.setdefault("dropped", {})[reason] = rows
    return [_count(*key, tally) for key, tally in sorted(tallies.items())]


def _count(source: str, language: str, tally: dict[str, Any]) -> Count:
    rows_in, rows_kept = tally.get("rows_in", 0), tally.get("rows_kept", 0)
    dropped = dict(sorted(tally.get("dropped", {}).items()))
    rows_added = rows_kept + sum(dropped.values()) - rows_in
    return Count(source, language, rows_in, rows_added, rows_kept, dropped)


def merge(counts: Iterable[Count]) -> list[Count]:
    """Add up counts of the same source and language."""
    merged: dict[tuple[str, str], Count] = {}
    for one in counts:
        key = (one.source, one.language)
        other = merged.get(key, Count(*key, 0, 0, 0, {}))
        reasons = sorted({*one.dropped, *other.dropped})
        merged[key] = Count(
            *key,
            one.rows_in + other.rows_in,
            one.rows_added + other.rows_added,
            one.rows_kept + other.rows_kept,
            {r: one.dropped.get(r, 0) + other.dropped.get(r, 0) for r in reasons},
        )
    return [merged[key] for key in sorted(merged)]


def to_json(counts: Iterable[Count]) -> list[dict[str, Any]]:
    """Return counts as plain values."""
    return [asdict(one) for one in counts]


def from_json(values: Iterable[dict[str, Any]]) -> list[Count]:
    """Return counts from plain values."""
    return [Count(**value) for value in values]


def empty() -> pl.DataFrame:
    """Return a ledger without rows."""
    return pl.DataFrame(schema=polars_schema(LEDGER))


def ledger_rows(stage: str, dropped: pl.DataFrame) -> pl.DataFrame:
    """Project dropped rows of a stage onto the ledger's schema."""
    return dropped.select(
        pl.lit(stage).alias("stage"),
        "id",
        "source",
        pl.col("source_row").struct.field("file"),
        pl.col("source_row").struct.field("row"),
        "language",
        "reason",
        "evidence",
        "value",
        "threshold",
        "kept_instead",
    ).cast(polars_schema(LEDGER))
