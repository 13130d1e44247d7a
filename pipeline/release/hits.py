"""Rows that a build dropped for touching a protected question, per benchmark, from its ledger."""

from __future__ import annotations

from pathlib import Path

import polars as pl

LEDGER_FILE = "ledger.parquet"
_SCHEMA = {"protected": pl.String(), "kind": pl.String(), "language": pl.String()}
# Such as "head_qa (es); also run"; else it is an excerpt, which a release must not repeat.
_NAMED = r"^([\w.]+) \([a-z]{2}\)(?:; also [a-z, ]+)?$"


def benchmark_hits(out: Path) -> pl.DataFrame:
    """Return rows dropped per protected source, its role and the dropped rows' language."""
    drops = pl.scan_parquet(out / LEDGER_FILE).filter(
        pl.col("reason").str.contains(r"^(benchmark|validation)_")
    )
    found = drops.select(
        protected=pl.col("evidence").str.extract(_NAMED).fill_null("not told"),
        kind=pl.col("reason").str.extract(r"^(\w+?)_"),
        language=pl.col("language"),
    )
    by = list(_SCHEMA)
    return found.group_by(by).len("rows").sort(by).collect()


def no_hits() -> pl.DataFrame:
    """Return the table without a row."""
    return pl.DataFrame(schema={**_SCHEMA, "rows": pl.UInt32()})
