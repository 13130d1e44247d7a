"""Makes text NFC with clean line ends; otherwise it stays as its author wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import polars as pl

from pipeline.frames import StageResult, nothing_dropped
from pipeline.stages.stage import MapStage
from pipeline.text.normalize import published, published_series

TEXT_COLUMNS = ("question", "context", "answer", "rationale", "topic")


class Normalize(MapStage):
    """Normalises every text of a record that is published."""

    name: ClassVar[str] = "normalize"

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard with normalised texts; nothing is dropped."""
        texts = [published_series(shard[name]).alias(name) for name in TEXT_COLUMNS]
        return StageResult(
            shard.with_columns(*texts, *nested_texts(shard, published)), nothing_dropped()
        )


def nested_texts(shard: pl.DataFrame, change: Callable[[str], str]) -> list[pl.Series]:
    """Return the options and the history of a shard with a function applied to every text."""
    options = [[change(option) for option in row] for row in shard["options"].to_list()]
    history = [
        [{**turn, "content": change(turn["content"])} for turn in row]
        for row in shard["history"].to_list()
    ]
    return [
        pl.Series("options", options, dtype=shard.schema["options"]),
        pl.Series("history", history, dtype=shard.schema["history"]),
    ]
