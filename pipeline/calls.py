"""Runs a stage that asks a language model: choose the jobs, get the answers, make rows of them.

The answers are got by this process alone, under one budget, for the jobs of all shards together;
workers then run the same jobs again, shard by shard, from the cache. So a build that is cut off
while it asks loses nothing, and what is made of an answer is decided each time it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.stages.stage import JOBS, CallStage, Job
from pipeline.store import Entry, digest
from pipeline.tasks import Shard, Task, make_candidates, run_jobs

if TYPE_CHECKING:
    from pipeline.llm.estimate import Estimate
    from pipeline.llm.session import Session
    from pipeline.recipe import StageEntry
    from pipeline.runner import Runner

_ROWS_AT_ONCE = 256  # records turned into Python values at a time


@dataclass(frozen=True, slots=True)
class Chosen:
    """The jobs of a stage, and of them those of each shard, by the digest of its content."""

    jobs: pl.DataFrame
    by_shard: dict[str, pl.DataFrame]

    def of(self, shards: Sequence[Shard]) -> pl.DataFrame:
        """Return the jobs of some shards, in the order of work."""
        parts = [self.by_shard[shard.table.digest] for shard in shards]
        return pl.concat([pl.DataFrame(schema=JOBS), *parts]).sort(JOBS.names())


def choose(
    runner: Runner, entry: StageEntry, stage: CallStage[Any], shards: Sequence[Shard]
) -> Chosen:
    """Return the jobs of a stage on these shards; stored, except in a dry run."""
    identity = stage.identity()
    whole = runner.task(entry, ["jobs", *identity], shards)
    stored = runner.store.get(whole.fingerprint)
    if stored is not None:
        jobs = pl.read_parquet(stored.tables["jobs"].path)
    else:
        jobs = _choose(runner, entry, stage, shards)
        if not runner.is_dry:
            runner.store.put(whole.fingerprint, {"jobs": jobs}, {})
    ids = {s.table.digest: pl.read_parquet(s.table.path, columns=["id"]) for s in shards}
    # Sorted, because a join promises no order.
    own = {d: jobs.join(t, on="id", how="semi").sort(JOBS.names()) for d, t in ids.items()}
    return Chosen(jobs, own)


def _choose(
    runner: Runner, entry: StageEntry, stage: CallStage[Any], shards: Sequence[Shard]
) -> pl.DataFrame:
    if runner.is_dry:  # nothing is written
        parts = [stage.candidates(pl.read_parquet(shard.table.path)) for shard in shards]
    else:
        tasks = [runner.task(entry, ["candidates", *stage.identity()], [s]) for s in shards]
        entries, _ = runner.results(make_candidates, tasks)
        parts = [pl.read_parquet(e.tables["candidates"].path) for e in entries if e is not None]
    return stage.choose(pl.concat(parts)).select(JOBS.names()).sort(JOBS.names())


def jobs_of(jobs: pl.DataFrame, shards: Sequence[Shard]) -> Iterator[Job]:
    """Yield jobs with their records, in order; few records are Python values at a time."""
    if jobs.is_empty():
        return
    wanted = pl.scan_parquet([shard.table.path for shard in shards]).join(
        jobs.lazy(), on="id", how="inner"
    )
    rows = wanted.collect().sort(JOBS.names())
    for part in rows.iter_slices(_ROWS_AT_ONCE):
        for row in part.iter_rows(named=True):
            operation, target = row.pop("operation"), row.pop("target")
            yield Job(row, operation, target)


@dataclass(frozen=True, slots=True)
class Calls:
    """The units of work of a stage that asks: their entries, and what was left undone."""

    entries: list[Entry | None]
    hits: int
    unfinished: int
    foreseen: Estimate | None  # in a dry run


def run_call_stage(
    runner: Runner, entry: StageEntry, stage: CallStage[Any], shards: Sequence[Shard]
) -> Calls:
    """Make what is missing of a stage's results; a `StoppedError` where answers are missing."""
    chosen = choose(runner, entry, stage, shards)
    tasks = [_task(runner, entry, stage, shard, chosen) for shard in shards]
    todo = [
        shard
        for shard, task in zip(shards, tasks, strict=True)
        if runner.store.get(task.fingerprint) is None
    ]
    undone: pl.DataFrame = pl.DataFrame(schema=JOBS)
    foreseen = None
    if todo and runner.is_dry:
        jobs = chosen.of(todo)
        foreseen = runner.session.estimate(jobs_of(jobs, todo), jobs.height, stage.program)
    elif todo:
        undone = get_answers(runner.session, entry, stage, chosen.of(todo), todo)
        tasks = [
            _without(task, chosen, undone, shard) for task, shard in zip(tasks, shards, strict=True)
        ]
    entries, hits = runner.results(run_jobs, tasks)
    return Calls(entries, hits, undone.height, foreseen)


def _task(
    runner: Runner, entry: StageEntry, stage: CallStage[Any], shard: Shard, chosen: Chosen
) -> Task:
    jobs = chosen.by_shard[shard.table.digest]
    task = runner.task(entry, [stage.identity(), digest(jobs.rows())], [shard])
    return replace(task, jobs=jobs, answers=runner.session.place)


def _without(task: Task, chosen: Chosen, undone: pl.DataFrame, shard: Shard) -> Task:
    """Return a task without the jobs that were left undone; its result is another, incomplete."""
    own = chosen.by_shard[shard.table.digest]
    left = own.join(undone, on=JOBS.names(), how="semi")
    if left.is_empty():
        return task
    jobs = own.join(undone, on=JOBS.names(), how="anti")
    return replace(task, fingerprint=digest([task.fingerprint, "without", left.rows()]), jobs=jobs)


def get_answers(
    session: Session,
    entry: StageEntry,
    stage: CallStage[Any],
    jobs: pl.DataFrame,
    shards: Sequence[Shard],
) -> pl.DataFrame:
    """Get every answer that the jobs need; return those left undone, which `--partial` allows."""
    if session.place.pack is not None:
        return pl.DataFrame(schema=JOBS)  # nothing is asked: the shards' own tasks find it or not
    missing = _frame(session.unanswered(jobs_of(jobs, shards), stage.program))
    if missing.is_empty():
        return missing
    undone = session.get_answers(
        entry.instance, lambda: jobs_of(missing, shards), missing.height, stage.program
    )
    return _frame(undone)


def _frame(jobs: Iterable[Job]) -> pl.DataFrame:
    rows = [(job.row["id"], job.operation, job.target) for job in jobs]
    return pl.DataFrame(rows, schema=JOBS, orient="row")
