"""One fault that a build caught, to be printed: a dropped row beside what gave it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.build import Built
from pipeline.runner import StageRun
from pipeline.text.mask import mask
from schemas.ledger import REASONS

Row = Mapping[str, Any]

# Faults that best show what a build catches.
TELLING_REASONS = ("conflicting_key", "near_duplicate", "benchmark_root", "language_mismatch")


def caught_fault(built: Built) -> tuple[Row, Sequence[Row]] | None:
    """Return a dropped row and the row that gave it away, if one is there."""
    for reason in TELLING_REASONS:
        for run in built.runs:
            if any(reason in count.dropped for count in run.counts):
                row = _most_telling(run, reason)
                return row, _with_id(run, row["kept_instead"])
    return None


def _most_telling(run: StageRun, reason: str) -> Row:
    paths = [table.path for table in run.dropped if table.rows]
    rows = pl.scan_parquet(paths).filter(pl.col("reason") == reason).sort("id").collect()
    if reason == "conflicting_key":
        # Translations are dropped with the question; only rows that name each other contradict.
        back = rows.select(kept_instead="id", back="kept_instead")
        rows = rows.join(back, on="kept_instead", maintain_order="left")
        rows = rows.filter(pl.col("back") == pl.col("id")).drop("back")
    return rows.row(0, named=True)


def _with_id(run: StageRun, record: str | None) -> Sequence[Row]:
    tables = [shard.table for shard in run.shards] + list(run.dropped)
    paths = [table.path for table in tables if table.rows]
    rows = pl.scan_parquet(paths, missing_columns="insert", extra_columns="ignore")
    return rows.filter(pl.col("id") == record).collect().to_dicts()


def fault_text(row: Row, others: Sequence[Row]) -> str:
    """Return a fault as text: the reason, the dropped row, the rows beside it."""
    caught = f"One fault caught: {row['reason']}. {REASONS[row['reason']]}"
    is_conflict = row["reason"] == "conflicting_key"
    lines = [f"{caught} Both rows were dropped:" if is_conflict else caught]
    lines.append(_row_text("dropped", row))
    lines += [_row_text("dropped" if is_conflict else _end(other), other) for other in others]
    return "\n".join(lines)


def _end(other: Row) -> str:
    # A benchmark item is not kept for the release; it is what the row was compared with.
    return "kept" if other["role"] == "train" else str(other["role"])


def _row_text(end: str, row: Row) -> str:
    # Several right options stand on lines of their own.
    texts = (" ".join(row["question"].split()), " | ".join(row["answer"].splitlines()))
    question, answer = (mask(text, row["language"]).text for text in texts)
    place = f"{row['source_row']['file']}, row {row['source_row']['row']}"
    return f"  {end:<9} {place}: {_cut(question, 120)} -> {_cut(answer, 80)}"


def _cut(text: str, characters: int) -> str:
    return text[:characters] + ("…" if len(text) > characters else "")
