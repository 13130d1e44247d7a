"""Adds scores to records; `select` is where thresholds drop."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from pipeline.frames import StageResult, nothing_dropped
from pipeline.stages.stage import MapStage, StageSettings
from pipeline.text.units import count_units


class Score(MapStage[StageSettings]):
    """Measures lengths in the language's own units: words, or characters for zh and ja."""

    name: ClassVar[str] = "score"

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard with `scores` filled."""
        lengths = [_lengths(shard, column) for column in ("question", "answer")]
        scores = pl.DataFrame(dict(zip(("question_units", "answer_units"), lengths, strict=True)))
        column = scores.cast(pl.Float32).to_struct("scores")
        return StageResult(shard.with_columns(column), nothing_dropped())


def _lengths(shard: pl.DataFrame, column: str) -> list[int]:
    pairs = shard.select(column, "language").iter_rows()
    return [count_units(text, language) for text, language in pairs]
