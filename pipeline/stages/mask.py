"""Replaces personal data by typed placeholders, before any text leaves or is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import polars as pl

from pipeline.frames import StageResult, nothing_dropped
from pipeline.stages.stage import MapStage, StageSettings
from pipeline.text.mask import MAY_HOLD, mask

TEXT_COLUMNS = ("question", "context", "answer", "rationale")


class Mask(MapStage[StageSettings]):
    """Masks every text of a record and flags the records that held something."""

    name: ClassVar[str] = "mask"

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard with masked texts; a masked record has the flag `personal_data`."""
        suspects = shard.filter(_every_text().str.contains(MAY_HOLD)).iter_rows(named=True)
        changed = [new for row in suspects if (new := mask_row(row)) is not None]
        if not changed:
            return StageResult(shard, nothing_dropped())
        masked = pl.DataFrame(changed, schema=shard.schema)
        both = pl.concat([shard.join(masked, on="id", how="anti"), masked])
        kept = shard.select("id").join(both, on="id", how="left", maintain_order="left")
        return StageResult(kept.select(shard.columns), nothing_dropped())


def _every_text() -> pl.Expr:
    """Return all texts of a record as one, in which nothing is missing that one of them holds."""
    nested = (("history", "content"), ("flags", "evidence"))
    fields = [
        pl.col(column).list.eval(pl.element().struct.field(field)).list.join("\n")
        for column, field in nested
    ]
    options = pl.col("options").list.join("\n")
    return pl.concat_str(*TEXT_COLUMNS, options, *fields, separator="\n", ignore_nulls=True)


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
