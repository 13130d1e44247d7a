"""The polars side of the declared schemas: empty frames, drops, and the check at a boundary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import polars as pl
import pyarrow as pa

from pipeline.errors import BalanceError
from schemas.item import ITEM

# What a dropped row carries beside its whole record; the ledger is a projection of it.
DROP_FIELDS = pa.schema(
    [
        pa.field("reason", pa.string()),
        pa.field("evidence", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("kept_instead", pa.string()),
    ]
)
EVIDENCE_CHARACTERS = 300


@cache
def polars_schema(schema: pa.Schema) -> pl.Schema:
    """Return the polars schema of an Arrow schema."""
    return pl.Schema(schema)  # `from_arrow` would load pandas, a fifth of a second per process


ITEM_COLUMNS = polars_schema(ITEM)
DROP_COLUMNS = polars_schema(DROP_FIELDS)
DROPPED_COLUMNS = pl.Schema({**ITEM_COLUMNS, **DROP_COLUMNS})


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage made of a shard: `kept` in the item schema, `dropped` with its drop columns.

    Rows of either whose id the shard did not hold count as added.
    """

    kept: pl.DataFrame
    dropped: pl.DataFrame


def nothing_dropped() -> pl.DataFrame:
    """Return an empty frame of dropped rows."""
    return pl.DataFrame(schema=DROPPED_COLUMNS)


def drop_by_reason(shard: pl.DataFrame, rules: list[tuple[pl.Expr, str, pl.Expr]]) -> StageResult:
    """Drop each row that meets a rule, by the first one: `(condition, reason, evidence text)`."""
    reason = pl.lit(None, pl.String)
    evidence = pl.lit("")
    for condition, name, text in reversed(rules):
        reason = pl.when(condition).then(pl.lit(name)).otherwise(reason)
        evidence = pl.when(condition).then(text).otherwise(evidence)
    judged = shard.with_columns(
        reason=reason,
        evidence=evidence.fill_null("").str.slice(0, EVIDENCE_CHARACTERS),
        value=pl.lit(None, pl.Float64),
        threshold=pl.lit(None, pl.Float64),
        kept_instead=pl.lit(None, pl.String),
    )
    return split_by_reason(judged)


def split_by_reason(judged: pl.DataFrame) -> StageResult:
    """Split a frame that has the drop columns into rows without and with a reason."""
    dropped = judged.filter(pl.col("reason").is_not_null())
    kept = judged.filter(pl.col("reason").is_null())
    return StageResult(kept.select(ITEM_COLUMNS.names()), dropped.select(DROPPED_COLUMNS.names()))


def check_schema(table: pl.DataFrame, expected: pl.Schema, where: str) -> None:
    """Raise unless a table has exactly the declared columns and types."""
    if table.schema != expected:
        wrong = [
            f"{name}: {table.schema.get(name)} instead of {dtype}"
            for name, dtype in expected.items()
            if table.schema.get(name) != dtype
        ] + [f"{name}: not declared" for name in table.columns if name not in expected]
        raise BalanceError(f"{where}: the table does not fit its schema ({'; '.join(wrong)}).")
