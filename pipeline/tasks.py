"""The units of work that engines run; each stores what came out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from pipeline import ledger
from pipeline.decisions import decided
from pipeline.frames import StageResult
from pipeline.stages import make_stage
from pipeline.stages.stage import Context, GlobalStage, MapStage
from pipeline.store import Entry, Store, Table

if TYPE_CHECKING:
    from pipeline.plan import SourceInput
    from pipeline.recipe import Recipe, StageEntry
    from pipeline.stages.ingest import Ingest


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows of one source between two stages."""

    source: str
    index: int
    table: Table


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker needs to do a unit of work and to store it."""

    store: Path
    fingerprint: str
    recipe: Recipe
    entry: StageEntry
    shards: tuple[Shard, ...]
    source: SourceInput | None = None  # to read
    number: int = 0  # of the partition in which to find pairs
    tables: tuple[Path, ...] = ()  # features of all shards, or the decisions to apply

    def put(self, tables: dict[str, pl.DataFrame], facts: dict[str, object]) -> None:
        """Store what was made."""
        Store(self.store).put(self.fingerprint, tables, facts)


def kept_tables(entry: Entry) -> list[Table]:
    """Return the tables of kept rows of a source's entry, in order."""
    return [table for name, table in entry.tables.items() if name != "dropped"]


def read_source(task: Task) -> None:
    """Read a source and store its shards."""
    stage = cast("Ingest", make_stage(task.entry, task.recipe))
    assert task.source is not None
    read, result = stage.read(task.source)
    shards = {f"kept-{n:05}": shard for n, shard in enumerate(stage.shards(result.kept))}
    _put_result(task, read, result, shards)


def run_map_stage(task: Task) -> None:
    """Run a map stage on its shard and store what came out."""
    shard = _only_shard(task)
    result = cast(MapStage[Any], make_stage(task.entry, task.recipe)).run(shard)
    _put_result(task, shard, result, {"kept": result.kept})


def make_features(task: Task) -> None:
    """Make the features of a shard."""
    stage = cast(GlobalStage[Any], make_stage(task.entry, task.recipe))
    task.put({"features": stage.features(_only_shard(task))}, {})


def find_pairs(task: Task) -> None:
    """Find the pairs of one partition of the features of all shards."""
    stage = cast(GlobalStage[Any], make_stage(task.entry, task.recipe))
    features = pl.concat([pl.read_parquet(path) for path in task.tables])
    paths = [shard.table.path for shard in task.shards]

    def texts(ids: pl.Series) -> pl.DataFrame:
        wanted = pl.scan_parquet(paths).filter(pl.col("id").is_in(ids.implode()))
        return wanted.collect().sort("id")

    task.put({"pairs": stage.pairs(task.number, features, Context(texts))}, {})


def apply_decisions(task: Task) -> None:
    """Apply to a shard the decisions that name its rows."""
    shard = _only_shard(task)
    decisions = pl.read_parquet(task.tables[0])
    result = decided(shard, decisions.join(shard.select("id"), on="id", how="semi"))
    _put_result(task, shard, result, {"kept": result.kept})


def _only_shard(task: Task) -> pl.DataFrame:
    (shard,) = task.shards
    return pl.read_parquet(shard.table.path)


def _put_result(
    task: Task, before: pl.DataFrame, result: StageResult, kept: dict[str, pl.DataFrame]
) -> None:
    counts = ledger.check_balance(task.entry.stage, before, result)
    task.put({**kept, "dropped": result.dropped}, {"counts": ledger.to_json(counts)})
