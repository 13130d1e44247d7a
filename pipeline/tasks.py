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
from pipeline.stages.stage import JOBS, CallStage, Context, GlobalStage, Job, MapStage
from pipeline.store import Entry, Store, Table

if TYPE_CHECKING:
    from pipeline.llm.session import AnswersPlace
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
    jobs: pl.DataFrame | None = None  # for a language model, of this shard
    answers: AnswersPlace | None = None  # where the model's answers lie

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


def make_candidates(task: Task) -> None:
    """Find the rows of a shard that a language model may be asked about."""
    stage = cast(CallStage[Any], make_stage(task.entry, task.recipe))
    task.put({"candidates": stage.candidates(_only_shard(task))}, {})


def run_jobs(task: Task) -> None:
    """Do the jobs of a shard with the answers that are at hand, and store what came out."""
    from pipeline.llm.gather import run_program

    shard = _only_shard(task)
    assert task.jobs is not None
    assert task.answers is not None
    stage = cast(CallStage[Any], make_stage(task.entry, task.recipe))
    rows = shard.join(task.jobs, on="id", how="inner").sort(JOBS.names())
    results = []
    with task.answers.replay() as ask:
        for row in rows.iter_rows(named=True):
            job = Job(row, row.pop("operation"), row.pop("target"))
            results.append((job, run_program(stage.program(job, ask))))
    result = stage.run(shard, results)
    # Noted here, because no row tells of an answer that was rejected.
    keys = {key for _, done in results for key in done.keys}
    _put_result(task, shard, result, {"kept": result.kept}, cache_keys=sorted(keys))


def _only_shard(task: Task) -> pl.DataFrame:
    (shard,) = task.shards
    return pl.read_parquet(shard.table.path)


def _put_result(
    task: Task,
    before: pl.DataFrame,
    result: StageResult,
    kept: dict[str, pl.DataFrame],
    **facts: object,
) -> None:
    counts = ledger.check_balance(task.entry.stage, before, result)
    facts = {"counts": ledger.to_json(counts), **facts}
    task.put({**kept, "dropped": result.dropped}, facts)
