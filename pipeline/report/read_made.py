"""Reads from a build's tables what language models made: translated, written and scored rows.

Rows say it themselves, by their steps and flags. What a row had before a stage is not that stage's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.report.tables import Tables

CALL_STAGES = ("translate", "augment")
OPERATIONS = ("translate", "rationale", "rewrite", "score")  # as names of prompts begin
_CHILD_MAKING = ("translate", "rewrite")
_FLAGGED = {"rationale_rejected": "rationale", "llm_score_missing": "score"}
EXAMPLES = 3  # per language, operation and verdict

# One row per job that a model did; `reason` and `evidence` where the result is not kept.
MADE = pl.Schema(
    {
        "stage": pl.String,
        "operation": pl.String,
        "id": pl.String,
        "source_id": pl.String,
        "source_language": pl.String,
        "language": pl.String,
        "reason": pl.String,
        "evidence": pl.String,
        "model": pl.String,
        "prompt": pl.String,
        "variant": pl.Int32,
        "is_published": pl.Boolean,
    }
)
_JOB = ("id", "operation", "reason", "evidence")


@dataclass(frozen=True, slots=True)
class MadeFacts:
    """What models made in a build; `records` by stage and id, of the examples and their sources."""

    made: pl.DataFrame
    examples: pl.DataFrame  # some rows of `made`
    records: Mapping[tuple[str, str], Mapping[str, Any]]


def read_made(out: Path, manifest: Mapping[str, Any]) -> MadeFacts | None:
    """Return what models made, or None where the tables are not at hand."""
    stages = [entry["instance"] for entry in manifest["recipe"]["stages"]]
    calling = {e["instance"] for e in manifest["recipe"]["stages"] if e["stage"] in CALL_STAGES}
    tables = Tables(out / "store", manifest["tables"])
    looked_at = {*calling, *(a for a, b in pairwise(stages) if b in calling), *stages[-1:]}
    if calling and not tables.are_there(looked_at):
        return None
    parts = [
        _made(tables, before, stage, stages[-1])
        for before, stage in pairwise(stages)
        if stage in calling
    ]
    made = pl.concat([pl.DataFrame(schema=MADE), *parts])
    examples = _examples(made)
    return MadeFacts(made, examples, dict(_records(tables, examples)))


def _made(tables: Tables, before: str, stage: str, last: str) -> pl.DataFrame:
    """Return the jobs of a stage: what its tables show and the one before's do not."""
    known = _jobs(tables, before, "kept").select(_JOB)
    found = [_jobs(tables, stage, "kept"), _jobs(tables, stage, "dropped")]
    new = pl.concat(found).join(known, on=_JOB, how="anti", nulls_equal=True)
    sources = tables.collect(stage, "kept", "id", "language")
    published = tables.collect(last, "kept", "id").with_columns(is_published=pl.lit(value=True))
    joined = new.join(
        sources.rename({"id": "source_id", "language": "source_language"}),
        on="source_id",
        how="left",
    ).join(published, on="id", how="left")
    return joined.with_columns(
        stage=pl.lit(stage),
        source_language=pl.col("source_language").fill_null(""),
        is_published=pl.col("is_published").fill_null(value=False) & pl.col("reason").is_null(),
    ).select(pl.col(name).cast(dtype) for name, dtype in MADE.items())


def _jobs(tables: Tables, stage: str, kind: str) -> pl.DataFrame:
    """Return the jobs that rows show, by their steps, and by flags where nothing was kept."""
    none = pl.DataFrame(schema={name: MADE[name] for name in _COLUMNS})
    parts = [none]
    for table in tables.scan(stage, kind):
        is_dropped = "reason" in table.collect_schema()
        verdict = ("reason", "evidence") if is_dropped else ()
        rows = table.select("id", "parent_id", "language", "steps", "flags", *verdict)
        touched = (pl.col("steps").list.len() > 0) | (pl.col("flags").list.len() > 0)
        shown = rows.filter(touched).collect()
        if not is_dropped:
            nothing = pl.lit(None, pl.String)
            shown = shown.with_columns(reason=nothing, evidence=nothing)
        parts += [_by_step(shown), *([] if is_dropped else [_by_flag(shown)])]
    return pl.concat(
        part.select(pl.col(n).cast(t) for n, t in none.schema.items()) for part in parts
    )


_COLUMNS = (
    "id", "source_id", "language", "operation", "reason", "evidence", "model", "prompt", "variant"
)  # fmt: skip


def _by_step(rows: pl.DataFrame) -> pl.DataFrame:
    number = pl.int_range(pl.len()).over("id")
    steps = rows.explode("steps").with_columns(number=number).unnest("steps")
    name = pl.col("prompt").str.extract(r"^(\w+)").fill_null("")
    named = steps.with_columns(operation=name).filter(name.is_in(OPERATIONS))
    # A child carries the steps of its parent before the one that made it.
    making = pl.col("number").filter(pl.col("operation").is_in(_CHILD_MAKING)).max().over("id")
    own = named.filter(pl.col("number") >= making.fill_null(0))
    is_child = pl.col("operation").is_in(_CHILD_MAKING)
    source = pl.when(is_child).then("parent_id").otherwise("id")
    return own.with_columns(source_id=source).select(_COLUMNS)


def _by_flag(rows: pl.DataFrame) -> pl.DataFrame:
    flags = rows.select("id", "language", "flags").explode("flags")
    flags = flags.unnest("flags").filter(pl.col("name").is_in(list(_FLAGGED)))
    return flags.with_columns(
        source_id="id",
        operation=pl.col("name").replace_strict(_FLAGGED, return_dtype=pl.String),
        reason="name",
        model=pl.lit(""),  # who failed left no step
        prompt=pl.lit(""),
        variant=pl.lit(None, pl.Int32),
    ).select(_COLUMNS)


def _examples(made: pl.DataFrame) -> pl.DataFrame:
    """Return some jobs per language, operation and verdict, of as many reasons as there are."""
    # Ids are hashes: the first by id are a fair sample, and the same one in every run.
    shown = made.filter(pl.col("operation") != "score").sort("language", "operation", "id", "stage")
    kind = ["language", "operation", pl.col("reason").is_null().alias("is_kept")]
    numbered = shown.with_columns(number=pl.int_range(pl.len()).over([*kind[:2], "reason"]))
    spread = numbered.sort("number", "id", maintain_order=True)
    return spread.filter(pl.int_range(pl.len()).over(kind) < EXAMPLES).drop("number")


def _records(
    tables: Tables, examples: pl.DataFrame
) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for (stage,), part in sorted(examples.group_by("stage"), key=lambda pair: str(pair[0])):
        wanted = pl.concat([part["id"], part["source_id"]]).implode()
        for kind in ("kept", "dropped"):
            for table in tables.scan(str(stage), kind):
                for row in table.filter(pl.col("id").is_in(wanted)).collect().iter_rows(named=True):
                    yield (str(stage), row["id"]), row
