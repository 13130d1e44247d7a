"""Rows that a model made of other rows: their identity, lineage, and why some leave at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.frames import (
    DROP_COLUMNS,
    DROPPED_COLUMNS,
    EVIDENCE_CHARACTERS,
    ITEM_COLUMNS,
    StageResult,
)
from pipeline.keys import text_digest
from pipeline.llm.endpoint import leads_to_loopback
from pipeline.llm.program import ProgramSettings
from pipeline.llm.request import LOCAL_MODEL
from pipeline.stages.stage import PIPELINE
from sources.explanation import rules

if TYPE_CHECKING:
    from pipeline.llm.prompts import Prompt
    from pipeline.recipe import Llm
    from pipeline.translation.problem import Problem

_DECIDING = (
    "json_schema.py",
    "program.py",
    "prompts.py",
    "prompts",
    "refusal.py",
    "refusals.yaml",
    "request.py",
    "structured.py",
    "tokens.py",
)
# What decides requests and what is read from answers; how they are got decides nothing.
REQUEST_CODE = (
    *(PIPELINE / "llm" / name for name in _DECIDING),
    PIPELINE / "translation",
    PIPELINE / "quality" / "words.py",
    PIPELINE / "quality" / "repeats.py",
    Path(rules.__file__),  # of letters in explanations
)

# What a parent's later stages found out does not hold for its children.
_FOUND_LATER: dict[str, Any] = {
    "group_id": None,
    "split": None,
    "detected_language": None,
    "language_confidence": None,
    "scores": None,
    "flags": [],
}
_KEPT: dict[str, Any] = dict.fromkeys(DROP_COLUMNS)  # no reason: the row stays


def step(
    stage: str, model: str, prompt: str, variant: int, cache_keys: Sequence[str]
) -> dict[str, Any]:
    """Return what a row's `steps` say of work that a model did on it."""
    return {
        "stage": stage,
        "model": model,
        "prompt": prompt,
        "variant": variant,
        "cache_keys": list(cache_keys),
    }


def child(
    parent: Mapping[str, Any], done: Mapping[str, Any], prompt: Prompt, language: str
) -> dict[str, Any]:
    """Return the row that a step made of a parent, with the parent's texts still in it.

    Its id follows from the parent, the operation, the language, the model, the prompt's text and
    the variant, so that it is another row where any of them is another.
    """
    deciding = (done["stage"], language, done["model"], prompt.digest, str(done["variant"]))
    return {
        **parent,
        **_FOUND_LATER,
        "id": text_digest(parent["id"], *deciding),
        "parent_id": parent["id"],
        "language": language,
        "steps": [*parent["steps"], dict(done)],
    }


def dropped(row: Mapping[str, Any], reason: str, evidence: str) -> dict[str, Any]:
    """Return a row with the reason for which it leaves."""
    return {**row, **_KEPT, "reason": reason, "evidence": evidence[:EVIDENCE_CHARACTERS]}


def is_kept_out(llm: Llm) -> bool:
    """Tell whether what this model writes stays out of a release."""
    return llm.model.startswith(LOCAL_MODEL) and llm.model not in llm.allow_models


def is_loopback(llm: Llm) -> bool:
    """Tell whether what is asked of this model stays on this machine."""
    if llm.pack is not None:
        return False  # a pack was recorded elsewhere, and never holds rows that may not leave
    return leads_to_loopback(llm.base_url)


def program_settings(llm: Llm) -> ProgramSettings:
    """Return how programs ask this model."""
    return ProgramSettings(model=llm.model, temperature=llm.temperature, extra=llm.extra)


def evidence_of(problems: Sequence[Problem]) -> str:
    """Return what all problems say, the gravest first."""
    return "; ".join(f"{one.check}: {one.evidence}" for one in problems)


def with_children(shard: pl.DataFrame, rows: Sequence[Mapping[str, Any]]) -> StageResult:
    """Return a shard with rows added to it; those with a reason count as added and dropped."""
    judged = [{**_KEPT, **row} for row in rows]
    kept = [row for row in judged if row["reason"] is None]
    left = [row for row in judged if row["reason"] is not None]
    return StageResult(
        pl.concat([shard, _frame(kept, ITEM_COLUMNS)]), _frame(left, DROPPED_COLUMNS)
    )


def _frame(rows: Sequence[Mapping[str, Any]], columns: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame([{name: row[name] for name in columns} for row in rows], schema=columns)
