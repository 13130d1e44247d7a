"""Verdicts of a reviewer on records, as tests give them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from pipeline.verdicts import VERDICTS, judged_digest
from tests.pipeline.stages.rows import Row


def verdict(row: Row, decision: str, **changes: Any) -> Row:
    """Return a verdict on a record as it is."""
    is_fine = decision == "accept"
    return {
        "id": row["id"],
        "text_digest": judged_digest(row),
        "decision": decision,
        "reason": "" if is_fine else "dose",
        "severity": "" if is_fine else "major",
        "corrections": [],
        "comment": "",
        "reviewer": "anna",
        "queue": "browse",
        "judged_at": "2026-01-01T00:00:00.000Z",
        "build": "ab" * 32,
        **changes,
    }


def correct(row: Row, **corrections: str) -> Row:
    """Return a verdict that corrects fields of a record."""
    listed = [{"field": field, "text": text} for field, text in corrections.items()]
    return verdict(row, "correct", corrections=listed)


def write_verdicts(path: Path, *verdicts: Row) -> Path:
    """Write verdicts as the file that a build obeys."""
    pl.DataFrame(verdicts, schema=VERDICTS).write_parquet(path)
    return path
