"""Lets a model write what rows lack: rationales, further questions from long texts, points.

A rationale is filled in place, and only if a second reader arrives at the key by it; a rewrite is
a child; points are a score, whose threshold is under `select`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field

from pipeline.augment.rationale import Rationale, write_rationale
from pipeline.augment.rewrite import Rewritten, passage_of, rewrite
from pipeline.augment.score import Scored, score_row
from pipeline.frames import EVIDENCE_CHARACTERS, ITEM_COLUMNS, StageResult
from pipeline.llm.program import ProgramSettings
from pipeline.llm.prompts import prompt
from pipeline.llm.request import Ask
from pipeline.stages.children import (
    REQUEST_CODE,
    child,
    dropped,
    evidence_of,
    is_kept_out,
    is_loopback,
    program_settings,
    step,
    with_children,
)
from pipeline.stages.stage import JOBS, PIPELINE, CallStage, Job, StageSettings
from pipeline.translation.problem import Problem
from schemas.item import SCORE_NAMES, Language
from schemas.release import SUBSETS

RATIONALE, REWRITE, SCORE = "rationale", "rewrite", "score"
REJECTED, UNSCORED = "rationale_rejected", "llm_score_missing"  # flags
_UNTAUGHT = ("classification", "sentence", "term")


class Operation(StageSettings):
    """What is written for how many rows, and for which."""

    operation: Literal["rationale", "rewrite", "score"]
    language: Language | None = None
    source: str | None = None
    subset: Literal["mmed_ift", "mmed_ift_mc"] | None = None
    rows: int = Field(ge=0)


class AugmentSettings(StageSettings):
    """Operations, in the order in which they take rows; rows are taken by id."""

    operations: tuple[Operation, ...] = ()


class Augment(CallStage[AugmentSettings]):
    """Fills rationales, adds rewrites as children, adds points; keeps every row it was given."""

    name: ClassVar[str] = "augment"
    Settings: ClassVar[type[StageSettings]] = AugmentSettings

    def code(self) -> tuple[Path, ...]:
        """Return what makes requests, judges answers and makes rows."""
        return (PIPELINE / "augment", PIPELINE / "stages" / "children.py", *REQUEST_CODE)

    def inputs(self) -> Mapping[str, str]:
        """Return what decides the answers and which rows may be asked about."""
        if not self.settings.operations:
            return {}
        return {**super().inputs(), "is_loopback": str(is_loopback(self.llm))}

    def candidates(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return the train rows that may be sent, with what each of them could be given."""
        is_near = not self.settings.operations or is_loopback(self.llm)
        may_leave = (pl.col("egress") != "local") | pl.lit(is_near)
        is_taught = ~pl.col("form").is_in(_UNTAUGHT)
        rows = shard.filter((pl.col("role") == "train") & is_taught & may_leave)
        has_passage = [bool(passage_of(row)) for row in rows.iter_rows(named=True)]
        is_bare = (pl.col("task") == "mcq") & (pl.col("rationale") == "")
        return rows.select(
            "id",
            "language",
            "source",
            subset=pl.col("task").replace_strict(SUBSETS, return_dtype=pl.String),
            rationale=is_bare,
            rewrite=pl.Series(has_passage, dtype=pl.Boolean),
            score=pl.lit(value=True),
        )

    def choose(self, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return jobs: rows by id, each at most once per operation."""
        jobs = pl.DataFrame(schema=JOBS)
        ordered = candidates.sort("id")
        for wanted in self.settings.operations:
            done = jobs.filter(operation=wanted.operation)
            fitting = ordered.filter(_fits(wanted)).join(done, on="id", how="anti")
            taken = fitting.sort("id").head(wanted.rows).select("id")
            new = taken.with_columns(operation=pl.lit(wanted.operation), target=pl.lit(""))
            jobs = pl.concat([jobs, new])
        return jobs

    def program(self, job: Job, ask: Ask) -> Coroutine[Any, Any, Any]:
        """Return what an operation does for a row."""
        settings = self._program_settings
        if job.operation == RATIONALE:
            return write_rationale(job.row, settings, ask)
        if job.operation == REWRITE:
            return rewrite(job.row, settings, ask)
        return score_row(job.row, settings, ask)

    @cached_property
    def _program_settings(self) -> ProgramSettings:
        return program_settings(self.llm)

    def run(self, shard: pl.DataFrame, results: Sequence[tuple[Job, Any]]) -> StageResult:
        """Return the shard with rationales and points filled in, and the rewrites of its rows."""
        changed: dict[str, dict[str, Any]] = {}
        children = []
        for job, done in results:
            row = changed.get(job.row["id"], dict(job.row))
            if isinstance(done, Rewritten):
                children.append(self._rewritten(job.row, done))
            elif isinstance(done, Rationale):
                changed[row["id"]] = self._explained(row, done)
            else:
                changed[row["id"]] = self._scored(row, done)
        if changed:
            rows = [changed.get(row["id"], row) for row in shard.iter_rows(named=True)]
            shard = pl.DataFrame(rows, schema=ITEM_COLUMNS)
        return with_children(shard, children)

    def _step(self, done: Rationale | Rewritten | Scored) -> dict[str, Any]:
        return step(self.name, self.llm.model, done.prompt, done.variant, done.keys)

    def _explained(self, row: dict[str, Any], done: Rationale) -> dict[str, Any]:
        if done.problems:
            return _flagged(row, REJECTED, f"{evidence_of(done.problems)}; {done.text}")
        if is_kept_out(self.llm):
            return _flagged(row, REJECTED, f"local_model: {self.llm.model}")
        return {**row, "rationale": done.text, "steps": [*row["steps"], self._step(done)]}

    def _scored(self, row: dict[str, Any], done: Scored) -> dict[str, Any]:
        if done.score is None:
            return _flagged(row, UNSCORED, evidence_of(done.problems))
        if is_kept_out(self.llm):
            return _flagged(row, UNSCORED, f"local_model: {self.llm.model}")
        scores = {**dict.fromkeys(SCORE_NAMES), **(row["scores"] or {}), "llm_score": done.score}
        return {**row, "scores": scores, "steps": [*row["steps"], self._step(done)]}

    def _rewritten(self, row: Mapping[str, Any], done: Rewritten) -> dict[str, Any]:
        language = row["language"]
        made = child(row, self._step(done), prompt(REWRITE, target=language), language) | {
            "task": "qa",
            "form": row["form"] if row["task"] == "qa" else "reading",
            "origin": "generated",
            "question": done.question,
            "answer": done.answer,
            "context": "",
            "options": [],
            "answer_indices": [],
            "several_allowed": False,
            "rationale": "",
        }
        if done.problems:
            return dropped(made, _reason(done.problems[0]), evidence_of(done.problems))
        return dropped(made, "local_model", self.llm.model) if is_kept_out(self.llm) else made


def _reason(problem: Problem) -> str:
    return problem.check if problem.check.startswith("llm_") else f"{REWRITE}_{problem.check}"


def _flagged(row: Mapping[str, Any], name: str, evidence: str) -> dict[str, Any]:
    flag = {
        "name": name,
        "other_id": None,
        "value": None,
        "evidence": evidence[:EVIDENCE_CHARACTERS],
    }
    return {**row, "flags": [*row["flags"], flag]}


def _fits(wanted: Operation) -> pl.Expr:
    fits = pl.col(wanted.operation)
    if wanted.language is not None:
        fits &= pl.col("language") == wanted.language
    if wanted.subset is not None:
        fits &= pl.col("subset") == wanted.subset
    if wanted.source is not None:
        is_part = pl.col("source").str.starts_with(f"{wanted.source}.")
        fits &= (pl.col("source") == wanted.source) | is_part
    return fits
