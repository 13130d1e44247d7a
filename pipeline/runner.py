"""Running one stage over all shards: what is stored is taken, what is missing is made and checked.

A shard is known by the digest of its content. A stage's result on it is stored under the digest
of (stage, settings, code, what the stage reads, shard content), so a shard whose content came out
the same is a hit in every later stage, whatever happened before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline import ledger
from pipeline.errors import BalanceError
from pipeline.frames import DROP_COLUMNS, EVIDENCE_CHARACTERS, ITEM_COLUMNS, split_by_reason
from pipeline.stages.stage import DECISIONS, Context, GlobalStage, MapStage
from pipeline.store import Entry, Store, Table, digest

if TYPE_CHECKING:
    from pipeline.engine.local import LocalEngine
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
class StageRun:
    """A stage instance after its run: what it kept and dropped, and how much of it was stored."""

    instance: str
    shards: tuple[Shard, ...]
    dropped: tuple[Table, ...]
    counts: tuple[ledger.Count, ...]
    units: int  # stored results that the stage consists of
    hits: int  # of them, found
    unknown: bool = False  # in a dry run: made of shards that do not exist yet


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker needs to do a unit of work and to store it."""

    store: Path
    fingerprint: str
    recipe: Recipe
    stage: StageEntry
    shards: tuple[Shard, ...]
    extra: Any = None


class Runner:
    """Runs stages on an engine against a store; in a dry run it only looks."""

    def __init__(self, store: Store, engine: LocalEngine, recipe: Recipe, dry: bool) -> None:
        self.store = store
        self.engine = engine
        self.recipe = recipe
        self.dry = dry

    def results(
        self, function: Callable[[Task], str], tasks: Sequence[Task]
    ) -> tuple[list[Entry | None], int]:
        """Return the entries of tasks in order, making those that are missing, and the hits."""
        found = [self.store.get(task.fingerprint) for task in tasks]
        missing = [task for task, entry in zip(tasks, found, strict=True) if entry is None]
        hits = len(tasks) - len(missing)
        if self.dry:
            return found, hits
        for _ in self.engine.map(function, missing):
            pass
        return [self.store.get(task.fingerprint) for task in tasks], hits

    def task(
        self, entry: StageEntry, parts: list[object], shards: Iterable[Shard], extra: object = None
    ) -> Task:
        """Return a task whose fingerprint covers these parts and the shards' content."""
        shards = tuple(shards)
        fingerprint = digest([*parts, [shard.table.digest for shard in shards]])
        return Task(self.store.folder, fingerprint, self.recipe, entry, shards, extra)

    def ingest(self, entry: StageEntry, stage: Ingest, inputs: Sequence[SourceInput]) -> StageRun:
        """Read every source into shards."""
        tasks = [self.task(entry, stage.source_identity(one), [], one) for one in inputs]
        entries, hits = self.results(run_ingest, tasks)
        done = [(i.source.name, e) for i, e in zip(inputs, entries, strict=True) if e is not None]
        shards = tuple(
            Shard(name, index, table)
            for name, e in done
            for index, table in enumerate(t for key, t in e.tables.items() if key != "dropped")
        )
        if hits < len(entries) and not self.dry:
            check_unique(entry.instance, shards)
        counts = ledger.merge(c for _, e in done for c in ledger.from_json(e.facts["counts"]))
        dropped = tuple(e.tables["dropped"] for _, e in done)
        unknown = len(done) < len(entries)
        return StageRun(entry.instance, shards, dropped, tuple(counts), len(entries), hits, unknown)

    def map_stage(self, entry: StageEntry, stage: MapStage, before: StageRun) -> StageRun:
        """Run a stage on each shard by itself."""
        identity = stage.identity()
        tasks = [self.task(entry, identity, [shard]) for shard in before.shards]
        entries, hits = self.results(run_map, tasks)
        return self._stage_run(entry, before, entries, hits)

    def _stage_run(
        self, entry: StageEntry, before: StageRun, entries: list[Entry | None], hits: int
    ) -> StageRun:
        done = [(s, e) for s, e in zip(before.shards, entries, strict=True) if e is not None]
        unknown = before.unknown or len(done) < len(entries)
        shards = tuple(Shard(s.source, s.index, e.tables["kept"]) for s, e in done)
        counts = ledger.merge(c for _, e in done for c in ledger.from_json(e.facts["counts"]))
        if hits < len(entries) and not self.dry:
            check_unique(entry.instance, shards)
        dropped = tuple(e.tables["dropped"] for _, e in done)
        return StageRun(entry.instance, shards, dropped, tuple(counts), len(entries), hits, unknown)

    def global_stage(self, entry: StageEntry, stage: GlobalStage, before: StageRun) -> StageRun:
        """Run a stage that sees all shards: features, pairs, one pass of decisions, their use."""
        if before.unknown:
            return StageRun(entry.instance, (), (), (), len(before.shards) or 1, 0, unknown=True)
        if not before.shards:  # every row was refused on reading
            return StageRun(entry.instance, (), (), (), 0, 0)
        identity = stage.identity()
        decide = self.task(entry, ["decide", *identity], before.shards)
        if self.store.get(decide.fingerprint) is None and not self.dry:
            self._decide(entry, stage, identity, before, decide)
        decided = self.store.get(decide.fingerprint)
        if decided is None:
            units = len(before.shards)
            return StageRun(entry.instance, (), (), (), units, 0, unknown=True)
        touching: dict[str, str] = decided.facts["touching"]
        tasks = [
            self.task(entry, [identity, touching[shard.table.digest]], [shard], decided)
            for shard in before.shards
        ]
        entries, hits = self.results(apply_decisions, tasks)
        return self._stage_run(entry, before, entries, hits)

    def _decide(
        self,
        entry: StageEntry,
        stage: GlobalStage,
        identity: list[object],
        before: StageRun,
        decide: Task,
    ) -> None:
        tasks = [self.task(entry, ["features", *identity], [shard]) for shard in before.shards]
        entries, _ = self.results(run_features, tasks)
        paths = [entry.tables["features"].path for entry in entries if entry is not None]
        pairs: list[pl.DataFrame] = []
        if stage.partitions:
            tasks = [
                self.task(entry, ["pairs", number, *identity], before.shards, (number, paths))
                for number in range(stage.partitions)
            ]
            entries, _ = self.results(run_pairs, tasks)
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


def _stage(task: Task) -> Any:  # noqa: ANN401 - a MapStage or a GlobalStage, as the caller knows
    from pipeline.stages import stage_class

    cls = stage_class(task.stage.stage)
    return cls(cls.Settings.model_validate(task.stage.settings), task.recipe)


def run_ingest(task: Task) -> str:
    """Read a source and store its shards."""
    stage = _stage(task)
    read, result = stage.read(task.extra)
    counts = ledger.check_balance("ingest", read, result)
    shards = {f"kept-{n:05}": shard for n, shard in enumerate(stage.shards(result.kept))}
    tables = {**shards, "dropped": result.dropped}
    Store(task.store).put(task.fingerprint, tables, {"counts": ledger.to_json(counts)})
    return task.fingerprint


def run_map(task: Task) -> str:
    """Run a map stage on its shard and store what came out."""
    shard = pl.read_parquet(task.shards[0].table.path)
    result = _stage(task).run(shard)
    counts = ledger.check_balance(task.stage.stage, shard, result)
    tables = {"kept": result.kept, "dropped": result.dropped}
    Store(task.store).put(task.fingerprint, tables, {"counts": ledger.to_json(counts)})
    return task.fingerprint


def run_features(task: Task) -> str:
    """Make the features of a shard."""
    features = _stage(task).features(pl.read_parquet(task.shards[0].table.path))
    Store(task.store).put(task.fingerprint, {"features": features}, {})
    return task.fingerprint


def run_pairs(task: Task) -> str:
    """Find the pairs of one partition of the features of all shards."""
    number, paths = task.extra
    features = pl.concat([pl.read_parquet(path) for path in paths])
    tables = [shard.table.path for shard in task.shards]

    def texts(ids: pl.Series) -> pl.DataFrame:
        wanted = pl.scan_parquet(tables).filter(pl.col("id").is_in(ids.implode()))
        return wanted.collect().sort("id")

    pairs = _stage(task).pairs(number, features, Context(texts))
    Store(task.store).put(task.fingerprint, {"pairs": pairs}, {})
    return task.fingerprint


def apply_decisions(task: Task) -> str:
    """Apply to a shard the decisions that name its rows."""
    shard = pl.read_parquet(task.shards[0].table.path)
    decisions = pl.read_parquet(task.extra.tables["decisions"].path)
    mine = decisions.join(shard.select("id"), on="id", how="semi")
    result = split_by_reason(_with_decisions(shard, mine))
    counts = ledger.check_balance(task.stage.stage, shard, result)
    tables = {"kept": result.kept, "dropped": result.dropped}
    Store(task.store).put(task.fingerprint, tables, {"counts": ledger.to_json(counts)})
    return task.fingerprint


def _with_decisions(shard: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    drops = decisions.filter(pl.col("decision") == "drop").unique(
        "id", keep="first", maintain_order=True
    )
    drops = drops.select("id", *list(DROP_COLUMNS)[:-1], kept_instead="other_id")
    fields = pl.struct(name="reason", other_id="other_id", value="value", evidence="evidence")
    flags = decisions.filter(pl.col("decision") == "flag").group_by("id", maintain_order=True)
    new_flags = flags.agg(fields.alias("new_flags"))
    places = decisions.group_by("id").agg(
        pl.col("group_id").drop_nulls().first().alias("new_group"),
        pl.col("split").drop_nulls().first().alias("new_split"),
    )
    # A decision that needs no words of its own shows the (masked) question as evidence.
    question = pl.col("question").str.slice(0, EVIDENCE_CHARACTERS // 2)
    joined = shard
    for other in (drops, new_flags, places):
        joined = joined.join(other, on="id", how="left", maintain_order="left")
    return joined.with_columns(
        evidence=pl.when(pl.col("reason").is_not_null()).then(pl.coalesce("evidence", question)),
        group_id=pl.coalesce("new_group", "group_id"),
        split=pl.coalesce("new_split", "split"),
        flags=pl.when(pl.col("new_flags").is_null())
        .then("flags")
        .otherwise(pl.concat_list("flags", pl.col("new_flags").cast(ITEM_COLUMNS["flags"]))),
    )
