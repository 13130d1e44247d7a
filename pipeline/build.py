"""A build: plan, run the stages in order, then make the views (release, ledger, report, manifest).

Everything that a stage makes lies in the store. The views are made of it anew whenever they are
missing or no longer fit, each made aside and swapped in whole. A build that is interrupted anywhere
leaves whole views, at worst none of a kind for a moment, and goes on when it is repeated.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import polars as pl

import schemas
from pipeline import ledger, lock
from pipeline.engine.local import LocalEngine
from pipeline.errors import InputError
from pipeline.llm.session import CallOptions, Session
from pipeline.plan import FileDigests, Plan, make_plan
from pipeline.previous import keep_previous
from pipeline.recipe import Recipe, StageEntry
from pipeline.release.write import ReleaseInput, write_release
from pipeline.runner import Runner, StageRun
from pipeline.stages import make_stage
from pipeline.stages.ingest import Ingest
from pipeline.stages.stage import CallStage, GlobalStage, MapStage
from pipeline.store import (
    Store,
    code_digest,
    digest,
    parquet_bytes,
    read_note,
    remove_leftovers,
    stopping_when_disk_is_full,
    write_atomically,
)
from pipeline.verdicts import review_facts, with_review

MANIFEST = "manifest.json"
LEDGER_FILE = "ledger.parquet"
POOL_PAYS_FROM_BYTES = 4_000_000  # below, starting processes takes longer than the work
LIBRARIES = ("fasttext-predict", "langdetect", "numba", "numpy", "openai", "polars", "pyarrow")


@dataclass(frozen=True, slots=True)
class Built:
    """A finished build: its manifest and how each stage went."""

    manifest: Mapping[str, Any]
    runs: tuple[StageRun, ...]


def build(
    recipe: Recipe,
    raw: Path,
    out: Path,
    workers: int | None = None,
    options: CallOptions | None = None,
) -> Built:
    """Run a recipe to the end and return its manifest; repeating it costs only what changed.

    Without a number of workers there is one per core, or only one where there is little to read.
    """
    session = Session(recipe.llm, options or CallOptions(), out)
    started = time.monotonic()
    with locked(out):
        store = Store(out / "store")
        remove_leftovers(out, out / "store", out / "report")
        plan = make_plan(recipe, raw, FileDigests(out / "store" / "files.json"))
        with LocalEngine(workers or fitting_workers(plan)) as engine:
            runner = Runner(store, engine, with_review(recipe, out), session, is_dry=False)
            timed = list(_timed(run_stages(runner, plan)))
        runs = tuple(run for run, _ in timed)
        write_ledger(out, runs)
        facts = _facts(recipe, plan, runs)
        release = write_release(out, _release_input(recipe, plan, runs, facts))
        seconds = {run.instance: round(taken, 3) for run, taken in timed}
        total = round(time.monotonic() - started, 3)
        manifest = {
            **facts,
            **release,
            "review": review_facts(out, facts),
            "spent_usd": session.spent_usd(),
            "seconds": {**seconds, "total": total},
        }
        keep_previous(out / MANIFEST, manifest)
        text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True)
        write_atomically(out / MANIFEST, text.encode())
    return Built(manifest, runs)


def fitting_workers(plan: Plan) -> int:
    """Return one worker per core, or only one where there is little to read."""
    sizes = (f.path.stat().st_size for one in plan.inputs for fs in one.files.values() for f in fs)
    return (os.cpu_count() or 1) if sum(sizes) >= POOL_PAYS_FROM_BYTES else 1


def dry_run(
    recipe: Recipe, raw: Path, out: Path, options: CallOptions | None = None
) -> tuple[Plan, list[StageRun]]:
    """Look at what a build would find stored and what it would make; write nothing."""
    session = Session(recipe.llm, options or CallOptions(), out)
    notes = out / "store" / "files.json"
    plan = make_plan(recipe, raw, FileDigests(notes), is_dry=True)
    obeying = with_review(recipe, out)
    runner = Runner(Store(out / "store"), LocalEngine(1), obeying, session, is_dry=True)
    return plan, list(run_stages(runner, plan))


def run_stages(runner: Runner, plan: Plan) -> Iterator[StageRun]:
    """Run the recipe's stages in order and yield each when it is done."""
    run: StageRun | None = None
    for entry in runner.recipe.stages:
        run = run_stage(runner, plan, entry, run)
        yield run


def run_stage(runner: Runner, plan: Plan, entry: StageEntry, before: StageRun | None) -> StageRun:
    """Run one stage on what the stage before it left; nothing came before `ingest`."""
    stage = make_stage(entry, runner.recipe)
    if isinstance(stage, Ingest):
        return runner.ingest(entry, stage, plan.inputs)
    assert before is not None
    if isinstance(stage, MapStage):
        return runner.map_stage(entry, stage, before)
    if isinstance(stage, CallStage):
        return runner.call_stage(entry, stage, before)
    return runner.global_stage(entry, cast(GlobalStage[Any], stage), before)


def _timed(runs: Iterator[StageRun]) -> Iterator[tuple[StageRun, float]]:
    started = time.monotonic()
    for run in runs:
        now = time.monotonic()
        print(progress_line(run, now - started), file=sys.stderr)  # noqa: T201 - for who waits
        yield run, now - started
        started = now


def progress_line(run: StageRun, seconds: float) -> str:
    """Return what a person who waits for a build reads of a stage."""
    kept, dropped, added, aside = (
        sum(getattr(count, name) for count in run.counts)
        for name in ("rows_kept", "rows_dropped", "rows_added", "rows_set_aside")
    )
    made = f"+{added:,} added" if added else ""
    away = f"{aside:,} set aside" if aside else ""
    return (
        f"{run.instance:14} {kept:>9,} kept {made:>12} {dropped - aside:>8,} dropped {away:>15} "
        f"{run.hits:>4}/{run.units} stored {seconds:7.1f} s"
    )


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the lock of an output folder; a second build, or no permission, is an `InputError`."""
    with stopping_when_disk_is_full(out), lock.locked(out):
        store = out / "store"
        if store.exists() and not store.is_dir():
            raise InputError(
                f"{store}: a file, where a build keeps its work. Give another folder with --out."
            )
        store.mkdir(exist_ok=True)
        yield


def write_ledger(out: Path, runs: Sequence[StageRun]) -> None:
    """Write `ledger.parquet` unless the one in place is already this one."""
    path, note = out / LEDGER_FILE, out / "store" / "ledger.json"
    dropped = [[run.instance, [table.digest for table in run.dropped]] for run in runs]
    code = code_digest(Path(__file__), Path(ledger.__file__), Path(schemas.__file__).parent)
    fingerprint = digest([dropped, code])
    if path.exists():
        there = {"fingerprint": fingerprint, "sha256": sha256(path.read_bytes()).hexdigest()}
        if read_note(note) == there:
            return
    payload = parquet_bytes(_ledger(runs))
    write_atomically(path, payload)
    facts = {"fingerprint": fingerprint, "sha256": sha256(payload).hexdigest()}
    write_atomically(note, json.dumps(facts).encode())


def _ledger(runs: Sequence[StageRun]) -> pl.DataFrame:
    """Return every drop, ordered by stage, source, file and row."""
    parts = [
        ledger.ledger_rows(run.instance, pl.read_parquet(table.path))
        for run in runs
        for table in sorted(run.dropped, key=lambda table: table.digest)
        if table.rows
    ]
    stages = pl.Enum([run.instance for run in runs])
    rows = pl.concat([ledger.empty(), *parts])
    return rows.sort(pl.col("stage").cast(stages), "source", "file", "row", "id")


def _facts(recipe: Recipe, plan: Plan, runs: Sequence[StageRun]) -> dict[str, Any]:
    checked, missing = plan.benchmarks()
    return {
        "recipe": recipe.model_dump(mode="json"),
        "versions": {
            "python": ".".join(map(str, sys.version_info[:3])),
            **{name: version(name) for name in ("mmed-ift", *LIBRARIES)},
        },
        "sources": {
            one.source.name: {f.shown: f.sha256 for files in one.files.values() for f in files}
            for one in plan.inputs
        },
        "missing": dict(plan.missing),
        "benchmarks": {"checked": checked, "missing": missing},
        "stages": [_stage_facts(run) for run in runs],
        "counts": {run.instance: ledger.to_json(run.counts) for run in runs},
        "unfinished": {run.instance: run.unfinished for run in runs if run.unfinished},
        "fingerprints": {
            run.instance: digest([shard.table.digest for shard in run.shards]) for run in runs
        },
        "tables": {run.instance: _tables(run) for run in runs},
    }


def _tables(run: StageRun) -> dict[str, list[str]]:
    """Return where a stage's rows lie, below the store."""
    kept = [shard.table for shard in run.shards]
    return {
        kind: [f"{table.path.parent.name}/{table.path.name}" for table in tables if table.rows]
        for kind, tables in (("kept", kept), ("dropped", run.dropped))
    }


def _stage_facts(run: StageRun) -> dict[str, Any]:
    return {
        "name": run.instance,
        "rows_in": sum(count.rows_in for count in run.counts),
        "rows_added": sum(count.rows_added for count in run.counts),
        "rows_kept": sum(count.rows_kept for count in run.counts),
        "rows_dropped": sum(count.rows_dropped for count in run.counts),
    }


def _release_input(
    recipe: Recipe, plan: Plan, runs: Sequence[StageRun], facts: Mapping[str, Any]
) -> ReleaseInput:
    checked, missing = plan.benchmarks()
    before_split = next(a for a, b in pairwise(runs) if b.instance == _split(recipe))
    return ReleaseInput(
        recipe=recipe,
        sources={one.source.name: one.source for one in plan.inputs},
        shards=runs[-1].shards,
        protected=before_split.shards,
        checked=tuple(checked),
        missing=tuple(missing),
        counts=facts["counts"],
        unfinished=facts["unfinished"],
    )


def _split(recipe: Recipe) -> str:
    return next(entry.instance for entry in recipe.stages if entry.stage == "split")
