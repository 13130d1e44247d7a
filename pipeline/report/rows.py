"""The published rows as the report counts them: one line each, with measures but without texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from pipeline.llm.tokens import estimate_tokens
from pipeline.report.tables import Tables
from pipeline.text.units import count_units

_TYPES: Mapping[str, Any] = {
    "id": pl.String,
    "language": pl.String,
    "source": pl.String,
    "license": pl.String,
    "origin": pl.String,  # or EXPLAINED
    "task": pl.String,
    "form": pl.String,
    "topic": pl.String,
    "split": pl.String,
    "detected_language": pl.String,
    "num_options": pl.UInt32,
    "answer_indices": pl.List(pl.Int8),
    "question_units": pl.Int64,
    "answer_units": pl.Int64,
    "tokens": pl.Int64,  # of all texts of the row, estimated
    "overlaps": pl.List(pl.Struct({"name": pl.String, "other_id": pl.String})),
}
ROWS = pl.Schema(_TYPES)
_AS_THEY_ARE = (
    "id", "language", "source", "license", "task", "form", "topic", "split", "detected_language",
    "answer_indices",
)  # fmt: skip
EXPLAINED = "explained"  # instead of `native`, where a model wrote the rationale
OVERLAPS = ("benchmark_run", "validation_run")


def read_rows(tables: Tables, manifest: Mapping[str, Any]) -> pl.DataFrame | None:
    """Return the rows that the last stage kept, or None where its tables are not at hand."""
    last = manifest["stages"][-1]["name"]
    if last not in tables.names or not tables.are_there({last}):
        return None
    # One table at a time: all texts of a large build would not fit in memory.
    parts = [_measured(table.collect()) for table in tables.scan(last, "kept")]
    return pl.concat([pl.DataFrame(schema=ROWS), *parts]).sort("id")


def _measured(rows: pl.DataFrame) -> pl.DataFrame:
    name = pl.element().struct.field("name")
    shared = pl.col("flags").list.eval(
        pl.struct(name, pl.element().struct.field("other_id")).filter(name.is_in(OVERLAPS))
    )
    prompts = pl.element().struct.field("prompt")
    is_explained = pl.col("steps").list.eval(prompts.str.starts_with("rationale/")).list.any()
    is_changed = (pl.col("origin") == "native") & is_explained
    measured = rows.select(
        *_AS_THEY_ARE,
        origin=pl.when(is_changed).then(pl.lit(EXPLAINED)).otherwise("origin"),
        num_options=pl.col("options").list.len(),
        overlaps=shared,
        question_units=_units(rows, "question"),
        answer_units=_units(rows, "answer"),
        tokens=pl.Series(list(_tokens(rows)), dtype=pl.Int64),
    )
    return measured.select(pl.col(column).cast(dtype) for column, dtype in ROWS.items())


def _units(rows: pl.DataFrame, column: str) -> pl.Series:
    pairs = rows.select(column, "language").iter_rows()
    return pl.Series([count_units(text, language) for text, language in pairs], dtype=pl.Int64)


def _tokens(rows: pl.DataFrame) -> Iterator[int]:
    # The answer of a multiple-choice row only repeats its options.
    is_mcq = pl.col("task") == "mcq"
    answer = pl.when(is_mcq).then(pl.lit("")).otherwise("answer")
    texts = pl.concat_str("question", answer, "context", "rationale", separator="\n")
    options = pl.col("options").list.join("\n")
    for text, listed in rows.select(texts, options).iter_rows():
        yield estimate_tokens(text) + estimate_tokens(listed)
