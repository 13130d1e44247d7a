"""Turns the rows of one configuration, language and split into the published columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from pipeline.release.messages import messages
from schemas.release import RELEASE, letters


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
