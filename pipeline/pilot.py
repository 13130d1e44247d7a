"""A few jobs of every direction, for a person to read before the rest is paid for.

The stages before are built as usual and the answers stay in the cache, so that nothing of a pilot
is paid again. What the jobs gave lies in `OUT/pilot`, source and result side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.build import fitting_workers, locked, run_stage
from pipeline.calls import choose, get_answers, jobs_of
from pipeline.engine.local import LocalEngine
from pipeline.errors import InputError
from pipeline.frames import ITEM_COLUMNS
from pipeline.llm.budget import Price, usd_text
from pipeline.llm.cache import Cache
from pipeline.llm.gather import run_program
from pipeline.llm.session import CallOptions, Session
from pipeline.pilot_page import write_page
from pipeline.plan import FileDigests, make_plan
from pipeline.recipe import Recipe, StageEntry
from pipeline.runner import Runner, StageRun
from pipeline.stages import make_stage
from pipeline.stages.stage import JOBS, CallStage, Job
from pipeline.store import Store, parquet_bytes, write_atomically
from pipeline.verdicts import with_review

TEXTS = ("context", "question", "options", "answer", "rationale")
_COLUMNS = (
    *("stage", "operation", "language", "target", "id", "reason", "evidence"),
    *(f"{side}_{name}" for side in ("source", "made") for name in TEXTS),
)
_DIRECTION = ("operation", "language", "target")


@dataclass(frozen=True, slots=True)
class Tried:
    """One job of a pilot: the row, the row that came of it, and why that one would be dropped."""

    stage: str
    job: Job
    made: Mapping[str, Any]
    reason: str | None
    evidence: str
    tokens: tuple[int, int]

    @property
    def direction(self) -> tuple[str, str, str]:
        """Operation, language and target."""
        return self.job.operation, self.job.row["language"], self.job.target


@dataclass(frozen=True, slots=True)
class Direction:
    """How the jobs of one operation, from one language to another, went; `usd` for all of them."""

    stage: str
    operation: str
    direction: str
    tried: int
    passed: int
    num_jobs: int
    usd: float | None

    @property
    def usd_text(self) -> str:
        """What all jobs of the direction cost, as this pilot's did."""
        return "no price" if self.usd is None else usd_text(self.usd)


@dataclass(frozen=True, slots=True)
class Pilot:
    """A finished pilot."""

    directions: tuple[Direction, ...]
    page: Path

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"directions": [asdict(one) for one in self.directions], "page": str(self.page)}


def run_pilot(recipe: Recipe, raw: Path, out: Path, options: CallOptions) -> Pilot:
    """Try `options.pilot` jobs of each direction and write them side by side."""
    session = Session(recipe.llm, options, out)
    with locked(out):
        plan = make_plan(recipe, raw, FileDigests(out / "store" / "files.json"))
        with LocalEngine(fitting_workers(plan)) as engine:
            obeying = with_review(recipe, out)
            runner = Runner(Store(out / "store"), engine, obeying, session, is_dry=False)
            asking = [entry for entry in recipe.stages if _asks(entry, recipe)]
            if not asking:
                raise InputError("the recipe asks no language model, so there is nothing to try.")
            run: StageRun | None = None
            parts = []
            for entry in recipe.stages[: recipe.stages.index(asking[-1]) + 1]:
                if entry in asking:
                    assert run is not None
                    parts.append(list(_try(runner, entry, run)))
                else:
                    run = run_stage(runner, plan, entry, run)
    tried = [one for part in parts for one, _ in part]
    directions = tuple(_directions(parts, session.price))
    folder = out / "pilot"
    folder.mkdir(exist_ok=True)
    write_atomically(folder / "pilot.parquet", parquet_bytes(_table(tried)))
    return Pilot(directions, write_page(folder / "index.html", tried, directions))


def _asks(entry: StageEntry, recipe: Recipe) -> bool:
    return isinstance(make_stage(entry, recipe), CallStage)


def _try(runner: Runner, entry: StageEntry, before: StageRun) -> Iterator[tuple[Tried, int]]:
    """Yield what jobs gave, each with the number of jobs of its direction."""
    stage = make_stage(entry, runner.recipe)
    assert isinstance(stage, CallStage)
    session, shards = runner.session, before.shards
    languages = [pl.read_parquet(s.table.path, columns=["id", "language"]) for s in shards]
    chosen = choose(runner, entry, stage, shards).jobs
    jobs = chosen.join(pl.concat(languages), on="id").sort(JOBS.names())
    counted = jobs.with_columns(number=pl.int_range(pl.len()).over(_DIRECTION))
    sampled = counted.filter(pl.col("number") < session.options.pilot).select(JOBS.names())
    undone = get_answers(session, entry, stage, sampled, shards)
    answered = sampled.join(undone, on=JOBS.names(), how="anti")
    num_jobs = {key: part.height for key, part in jobs.group_by(_DIRECTION)}
    with session.place.replay() as ask:
        for job in jobs_of(answered, shards):
            result = run_program(stage.program(job, ask))
            tried = _tried(entry.instance, stage, job, result, session)
            yield tried, num_jobs[tried.direction]


def _tried(
    name: str,
    stage: CallStage[Any],
    job: Job,
    result: Any,  # noqa: ANN401 - what a job gives
    session: Session,
) -> Tried:
    shard = pl.DataFrame([job.row], schema=ITEM_COLUMNS)
    after = stage.run(shard, [(job, result)])
    rows = [*after.dropped.iter_rows(named=True), *after.kept.reverse().iter_rows(named=True)]
    made = rows[0]  # a child, dropped or kept, or else the row itself with something filled in
    flags = made["flags"][len(job.row["flags"]) :] if made["id"] == job.row["id"] else []
    reason = made.get("reason") or next((flag["name"] for flag in flags), None)
    evidence = made.get("evidence") or next((flag["evidence"] for flag in flags), "")
    return Tried(name, job, made, reason, evidence, _tokens(result.keys, session))


def _tokens(keys: Sequence[str], session: Session) -> tuple[int, int]:
    if session.place.pack is not None:
        return 0, 0
    with Cache(session.options.cache, is_read_only=True) as cache:
        answers = cache.get(keys).values()
    return sum(a.prompt_tokens for a in answers), sum(a.completion_tokens for a in answers)


def _directions(
    parts: Sequence[Sequence[tuple[Tried, int]]], price: Price | None
) -> Iterator[Direction]:
    for part in parts:
        groups: dict[tuple[str, str, str], list[tuple[Tried, int]]] = {}
        for tried, num_jobs in part:
            groups.setdefault(tried.direction, []).append((tried, num_jobs))
        for (operation, language, target), group in sorted(groups.items()):
            tokens = [sum(tried.tokens[kind] for tried, _ in group) for kind in (0, 1)]
            num_jobs = group[0][1]
            spent = price.micro_usd(tokens[0], tokens[1]) / 1e6 if price else None
            yield Direction(
                stage=group[0][0].stage,
                operation=operation,
                direction=f"{language}-{target}" if target else language,
                tried=len(group),
                passed=sum(tried.reason is None for tried, _ in group),
                num_jobs=num_jobs,
                usd=None if spent is None else spent * num_jobs / len(group),
            )


def _table(tried: Sequence[Tried]) -> pl.DataFrame:
    rows = [
        {
            "stage": one.stage,
            "operation": one.job.operation,
            "language": one.job.row["language"],
            "target": one.job.target,
            "id": one.job.row["id"],
            "reason": one.reason,
            "evidence": one.evidence,
            **{f"source_{name}": _text(one.job.row[name]) for name in TEXTS},
            **{f"made_{name}": _text(one.made[name]) for name in TEXTS},
        }
        for one in tried
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(_COLUMNS, pl.String))


def _text(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else "\n".join(value)
