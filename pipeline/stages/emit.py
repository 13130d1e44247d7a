"""Turns the rows of one configuration, language and split into the published columns."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pyarrow as pa

from pipeline.frames import StageResult, nothing_dropped
from pipeline.release.messages import messages
from pipeline.stages.stage import PIPELINE, MapStage
from schemas.release import RELEASE, letters


class Emit(MapStage):
    """The last stage: every row that reaches it is published."""

    name: ClassVar[str] = "emit"

    def code(self) -> tuple[Path, ...]:
        """Return the module that writes the messages."""
        return (PIPELINE / "release" / "messages.py",)

    def inputs(self) -> Mapping[str, str]:
        """Return what decides the wording."""
        words = (PIPELINE / "release" / "wording.yaml").read_bytes()
        return {
            "wording": sha256(words).hexdigest(),
            "mc_style": self.recipe.release.mc_style,
        }

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard as it is: emit drops nothing."""
        return StageResult(shard, nothing_dropped())


def published_table(
    rows: pl.DataFrame, mc_style: str, labels: Mapping[str, tuple[str, ...]]
) -> pa.Table:
    """Return rows in the release schema, ordered by source and id."""
    ordered = rows.sort("source", "id").iter_rows(named=True)
    values = [_published(row, mc_style, labels.get(row["source"], ())) for row in ordered]
    return pa.Table.from_pylist(values, schema=RELEASE)


def _published(row: dict[str, Any], mc_style: str, labels: tuple[str, ...]) -> dict[str, Any]:
    names = letters(list(range(len(row["options"]))))
    return {
        **{name: row[name] for name in RELEASE.names if name in row},
        "messages": messages(row, mc_style, labels),
        "options": [
            {"letter": n, "text": text} for n, text in zip(names, row["options"], strict=True)
        ],
        "answer_letters": letters(row["answer_indices"]),
        "flags": sorted({flag["name"] for flag in row["flags"]}),
    }
