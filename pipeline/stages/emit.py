"""The last stage: what reaches it is published, and `pipeline/release` writes it."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from pipeline.frames import StageResult, nothing_dropped
from pipeline.stages.stage import MapStage, StageSettings


class Emit(MapStage[StageSettings]):
    """Publishes every row."""

    name: ClassVar[str] = "emit"

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard as it is."""
        return StageResult(shard, nothing_dropped())
