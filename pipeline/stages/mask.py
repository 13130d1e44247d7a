"""Replaces personal data by typed placeholders, before any text leaves or is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import polars as pl

from pipeline.frames import StageResult, nothing_dropped
from pipeline.stages.stage import MapStage
from pipeline.text.mask import mask

TEXT_COLUMNS = ("question", "context", "answer", "rationale")


class Mask(MapStage):
    """Masks every text of a record and flags the records that held something."""

    name: ClassVar[str] = "mask"

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard with masked texts; a masked record has the flag `personal_data`."""
        masked = [mask_row(row) for row in shard.iter_rows(named=True)]
        if not any(masked):
            return StageResult(shard, nothing_dropped())
        rows = [new or row for new, row in zip(masked, shard.iter_rows(named=True), strict=True)]
        return StageResult(pl.DataFrame(rows, schema=shard.schema), nothing_dropped())


def mask_row(row: dict[str, Any]) -> dict[str, Any] | None:
    """Return a record with masked texts, or None where there is nothing to mask."""
    found: list[str] = []

    def change(text: str) -> str:
        result = mask(text, row["language"])
        found.extend(result.found)
        return str(result.text)

    changed: dict[str, Any] = {name: change(row[name]) for name in TEXT_COLUMNS}
    changed["options"] = [change(option) for option in row["options"]]
    changed["history"] = [{**t, "content": change(t["content"])} for t in row["history"]]
    changed["flags"] = [_masked_flag(flag, change) for flag in row["flags"]]
    return {**row, **changed, "flags": [*changed["flags"], _flag(found)]} if found else None


def _masked_flag(flag: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    return {**flag, "evidence": change(flag["evidence"])}


def _flag(found: Sequence[str]) -> dict[str, Any]:
    kinds = ", ".join(sorted(set(found)))
    return {
        "name": "personal_data",
        "other_id": None,
        "value": float(len(found)),
        "evidence": kinds,
    }
