"""Running one stage over all shards: what is stored is taken, what is missing is made and checked.

A shard is known by the digest of its content. A stage's result on it is stored under the digest
of (stage, settings, code, what the stage reads, shard content), so a shard whose content came out
the same is a hit in every later stage, whatever happened before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline import ledger
from pipeline.calls import run_call_stage
from pipeline.decisions import DECISIONS
from pipeline.errors import BalanceError
from pipeline.stages.stage import CallStage, GlobalStage, MapStage
from pipeline.store import Entry, Store, Table, digest
from pipeline.tasks import (
    Shard,
    Task,
    apply_decisions,
    find_pairs,
    kept_tables,
    make_features,
    read_source,
    run_map_stage,
)

if TYPE_CHECKING:
    from pipeline.engine.local import LocalEngine
    from pipeline.llm.estimate import Estimate
    from pipeline.llm.session import Session
    from pipeline.plan import SourceInput
    from pipeline.recipe import Recipe, StageEntry
    from pipeline.stages.ingest import Ingest


@dataclass(frozen=True, slots=True)
class StageRun:
    """A stage instance after its run: what it kept and dropped, and how much of it was stored."""

    instance: str
    shards: tuple[Shard, ...]
    dropped: tuple[Table, ...]
    counts: tuple[ledger.Count, ...]
    units: int  # stored results that the stage consists of
    hits: int  # of them, found
    is_unknown: bool = False  # in a dry run: made of shards that do not exist yet
    unfinished: int = 0  # jobs for a language model that were left undone
    foreseen: Estimate | None = None  # in a dry run: what a language model would be asked


class Runner:
    """Runs stages on an engine against a store; in a dry run it only looks."""

    def __init__(
        self, store: Store, engine: LocalEngine, recipe: Recipe, session: Session, is_dry: bool
    ) -> None:
        self.store = store
        self.engine = engine
        self.recipe = recipe
        self.session = session
        self.is_dry = is_dry

    def results(
        self, function: Callable[[Task], None], tasks: Sequence[Task]
    ) -> tuple[list[Entry | None], int]:
        """Return the entries of tasks in order, making those that are missing, and the hits."""
        found = [self.store.get(task.fingerprint) for task in tasks]
        missing = [task for task, entry in zip(tasks, found, strict=True) if entry is None]
        hits = len(tasks) - len(missing)
        if self.is_dry:
            return found, hits
        for _ in self.engine.map(function, missing):
            pass
        return [self.store.get(task.fingerprint) for task in tasks], hits

    def task(self, entry: StageEntry, parts: list[object], shards: Sequence[Shard]) -> Task:
        """Return a task whose fingerprint covers these parts and the shards' content."""
        fingerprint = digest([*parts, [shard.table.digest for shard in shards]])
        return Task(self.store.folder, fingerprint, self.recipe, entry, tuple(shards))

    def ingest(self, entry: StageEntry, stage: Ingest, inputs: Sequence[SourceInput]) -> StageRun:
        """Read every source into shards."""
        tasks = [
            replace(self.task(entry, stage.source_identity(one), []), source=one) for one in inputs
        ]
        entries, hits = self.results(read_source, tasks)
        read = [(one.source.name, e) for one, e in zip(inputs, entries, strict=True)]
        done = [
            ([Shard(name, n, table) for n, table in enumerate(kept_tables(e))], e)
            for name, e in read
            if e is not None
        ]
        return self._stage_run(entry, done, len(tasks), hits, is_unknown=False)

    def map_stage(self, entry: StageEntry, stage: MapStage[Any], before: StageRun) -> StageRun:
        """Run a stage on each shard by itself."""
        identity = stage.identity()
        tasks = [self.task(entry, identity, [shard]) for shard in before.shards]
        entries, hits = self.results(run_map_stage, tasks)
        return self._mapped(entry, before, entries, hits)

    def call_stage(self, entry: StageEntry, stage: CallStage[Any], before: StageRun) -> StageRun:
        """Run a stage that asks a language model."""
        if before.is_unknown:
            return StageRun(entry.instance, (), (), (), len(before.shards) or 1, 0, is_unknown=True)
        if not before.shards:
            return StageRun(entry.instance, (), (), (), 0, 0)
        done = run_call_stage(self, entry, stage, before.shards)
        run = self._mapped(entry, before, done.entries, done.hits)
        return replace(run, unfinished=done.unfinished, foreseen=done.foreseen)

    def _mapped(
        self, entry: StageEntry, before: StageRun, entries: list[Entry | None], hits: int
    ) -> StageRun:
        pairs = zip(before.shards, entries, strict=True)
        done = [([Shard(s.source, s.index, e.tables["kept"])], e) for s, e in pairs if e]
        return self._stage_run(entry, done, len(entries), hits, before.is_unknown)

    def _stage_run(
        self,
        entry: StageEntry,
        done: list[tuple[list[Shard], Entry]],
        units: int,
        hits: int,
        is_unknown: bool,
    ) -> StageRun:
        shards = tuple(shard for made, _ in done for shard in made)
        if hits < units and not self.is_dry:
            check_unique(entry.instance, shards)
        counts = ledger.merge(c for _, e in done for c in ledger.from_json(e.facts["counts"]))
        dropped = tuple(e.tables["dropped"] for _, e in done)
        is_unknown = is_unknown or len(done) < units
        return StageRun(entry.instance, shards, dropped, tuple(counts), units, hits, is_unknown)

    def global_stage(
        self, entry: StageEntry, stage: GlobalStage[Any], before: StageRun
    ) -> StageRun:
        """Run a stage that sees all shards: features, pairs, one pass of decisions, their use."""
        if before.is_unknown:
            return StageRun(entry.instance, (), (), (), len(before.shards) or 1, 0, is_unknown=True)
        if not before.shards:  # every row was refused on reading
            return StageRun(entry.instance, (), (), (), 0, 0)
        identity = stage.identity()
        decide = self.task(entry, ["decide", *identity], before.shards)
        if self.store.get(decide.fingerprint) is None and not self.is_dry:
            self._decide(entry, stage, identity, before, decide)
        decided = self.store.get(decide.fingerprint)
        if decided is None:
            units = len(before.shards)
            return StageRun(entry.instance, (), (), (), units, 0, is_unknown=True)
        touching: dict[str, str] = decided.facts["touching"]
        tasks = [
            self.task(entry, [identity, touching[shard.table.digest]], [shard])
            for shard in before.shards
        ]
        decisions = (decided.tables["decisions"].path,)
        tasks = [replace(task, tables=decisions) for task in tasks]
        entries, hits = self.results(apply_decisions, tasks)
        return self._mapped(entry, before, entries, hits)

    def _decide(
        self,
        entry: StageEntry,
        stage: GlobalStage[Any],
        identity: list[object],
        before: StageRun,
        decide: Task,
    ) -> None:
        tasks = [self.task(entry, ["features", *identity], [shard]) for shard in before.shards]
        entries, _ = self.results(make_features, tasks)
        paths = tuple(e.tables["features"].path for e in entries if e is not None)
        pairs: list[pl.DataFrame] = []
        if stage.partitions:
            tasks = [
                self.task(entry, ["pairs", number, *identity], before.shards)
                for number in range(stage.partitions)
            ]
            tasks = [replace(t, number=number, tables=paths) for number, t in enumerate(tasks)]
            entries, _ = self.results(find_pairs, tasks)
            pairs = [pl.read_parquet(e.tables["pairs"].path) for e in entries if e is not None]
        features = pl.concat([pl.read_parquet(path) for path in paths])
        found = pl.concat(pairs) if pairs else pl.DataFrame()
        decisions = stage.decide(features, found).select(DECISIONS.names()).cast(DECISIONS)
        decisions = decisions.sort(DECISIONS.names(), nulls_last=True)
        touching = {shard.table.digest: _touching(shard, decisions) for shard in before.shards}
        self.store.put(decide.fingerprint, {"decisions": decisions}, {"touching": touching})


def _touching(shard: Shard, decisions: pl.DataFrame) -> str:
    ids = pl.read_parquet(shard.table.path, columns=["id"])
    return digest(decisions.join(ids, on="id", how="semi").rows())


def check_unique(stage: str, shards: Iterable[Shard]) -> None:
    """Raise where an id occurs in two shards."""
    columns = [pl.read_parquet(shard.table.path, columns=["id"]) for shard in shards]
    ids = pl.concat([pl.DataFrame(schema={"id": pl.String}), *columns])["id"]
    if ids.n_unique() != ids.len():
        raise BalanceError(f"{stage}: record {ids.filter(ids.is_duplicated())[0]} exists twice.")
