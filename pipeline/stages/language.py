"""Identifies the language of each record from all its text; drops nothing."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from pipeline.frames import StageResult, nothing_dropped
from pipeline.stages.stage import MapStage, StageSettings
from pipeline.text.language import detect_frame


class IdentifyLanguage(MapStage[StageSettings]):
    """Sets `detected_language` and `language_confidence`; `language` stays as declared."""

    name: ClassVar[str] = "language"

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard with both columns set."""
        # Per record, not per option: an option is often a drug name, the same in every language.
        texts = shard.select(
            pl.concat_str(
                "question", "context", pl.col("options").list.join("\n"), "answer", separator="\n"
            ).alias("text")
        )["text"]
        found = detect_frame(texts, shard["language"])
        return StageResult(
            shard.with_columns(
                detected_language=found["language"],
                language_confidence=found["confidence"].cast(pl.Float32),
            ),
            nothing_dropped(),
        )
