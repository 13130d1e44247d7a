"""What a stage that asks a model makes of some records, given a scripted way to get answers."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipeline.frames import DROPPED_COLUMNS, ITEM_COLUMNS
from pipeline.ledger import check_balance
from pipeline.llm.gather import run_program
from pipeline.llm.request import Ask
from pipeline.stages.stage import CallStage, Job
from tests.pipeline.stages.rows import RECIPE, Row, frame, make

MODEL = "endpoint/large"
WITH_MODEL = {**RECIPE, "llm": {"model": MODEL, "base_url": "http://127.0.0.1:9/v1"}}


def asking(name: str, model: dict[str, Any] | None = None, **settings: Any) -> CallStage[Any]:
    """Return a stage that asks, of a recipe with a model."""
    llm = {**WITH_MODEL["llm"], **(model or {})}
    stage = make(name, {**WITH_MODEL, "llm": llm}, **settings)
    assert isinstance(stage, CallStage)
    return stage


def chosen(stage: CallStage[Any], *rows: Row) -> list[tuple[str, str, str]]:
    """Return the jobs of a stage on records: id, operation and target."""
    return stage.choose(stage.candidates(frame(*rows))).rows()


def called(stage: CallStage[Any], ask: Ask, *rows: Row) -> tuple[list[Row], list[Row]]:
    """Return what a stage keeps and what it drops; the balance is checked."""
    by_id = {row["id"]: row for row in rows}
    jobs = [Job(by_id[one], operation, target) for one, operation, target in chosen(stage, *rows)]
    results = [(job, run_program(stage.program(job, ask))) for job in jobs]
    after = stage.run(frame(*rows), results)
    assert after.kept.schema == ITEM_COLUMNS
    assert after.dropped.schema == DROPPED_COLUMNS
    check_balance(stage.name, frame(*rows), after)
    return after.kept.to_dicts(), after.dropped.to_dicts()


def added(kept: list[Row]) -> list[Row]:
    """Return the rows that a model made."""
    return [row for row in kept if row["parent_id"] is not None]


def shard(rows: list[Row]) -> pl.DataFrame:
    """Return rows that a stage kept as a shard again."""
    return pl.DataFrame(rows, schema=ITEM_COLUMNS)
