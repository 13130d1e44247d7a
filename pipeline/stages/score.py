"""Adds scores to records; `select` is where thresholds drop.

Lengths are in the language's own units, words, or characters for zh and ja. The rules of quality
are in `pipeline/quality`.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import polars as pl

from pipeline.frames import StageResult, nothing_dropped
from pipeline.quality.rule import by_language, rule_scores
from pipeline.quality.rules import RULES
from pipeline.stages.stage import PIPELINE, MapStage, StageSettings
from pipeline.text.units import count_units
from schemas.item import SCORE_NAMES


class Score(MapStage[StageSettings]):
    """Measures lengths, and what each rule of quality finds."""

    name: ClassVar[str] = "score"

    def code(self) -> tuple[Path, ...]:
        """Return the rules."""
        return (PIPELINE / "quality",)

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard with `scores` filled; a rule scores train rows alone."""
        parts = by_language(shard)
        scores: dict[str, list[int] | list[float | None]] = {
            "question_units": _lengths(shard, pl.col("question")),
            "answer_units": _lengths(shard, pl.col("answer")),
            "option_units": _lengths(shard, _longest_option()),
            "rationale_units": _lengths(shard, pl.col("rationale")),
        }
        scores |= {rule.name: rule_scores(rule, parts, shard.height) for rule in RULES}
        measured = pl.DataFrame(scores).with_columns(_paid_score(shard)).cast(pl.Float32)
        column = measured.select(SCORE_NAMES).to_struct("scores")
        return StageResult(shard.with_columns(column), nothing_dropped())


def _paid_score(shard: pl.DataFrame) -> pl.Series:
    """Return the points that a model gave before; scoring again does not take them away."""
    return shard["scores"].struct.field("llm_score")


def _longest_option() -> pl.Expr:
    options = pl.col("options")
    longest = options.list.eval(pl.element().str.len_chars()).list.arg_max()
    return options.list.get(longest, null_on_oob=True).fill_null("")


def _lengths(shard: pl.DataFrame, text: pl.Expr) -> list[int]:
    pairs = shard.select(text, "language").iter_rows()
    return [count_units(text, language) if text else 0 for text, language in pairs]
