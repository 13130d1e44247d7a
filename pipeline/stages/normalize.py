"""Makes text NFC with clean line ends; otherwise it stays as its author wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import polars as pl

from pipeline.frames import StageResult, nothing_dropped
from pipeline.stages.stage import MapStage, StageSettings
from pipeline.text.normalize import published, published_series

TEXT_COLUMNS = ("question", "context", "answer", "rationale", "topic")


class Normalize(MapStage[StageSettings]):
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
    rows = [
        {
            "options": [change(option) for option in options],
            "history": [{**turn, "content": change(turn["content"])} for turn in history],
        }
        for options, history in shard.select("options", "history").iter_rows()
    ]
    # A frame of dictionaries: a series of nested lists is made row by row, some ten times slower.
    return pl.DataFrame(rows, schema=shard.select("options", "history").schema).get_columns()
