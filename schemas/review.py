"""Reviewers' verdicts: one row per judged record, as `review.parquet` holds them."""

from __future__ import annotations

import pyarrow as pa

DECISIONS = ("accept", "reject", "correct")
CORRECTABLE = ("question", "context", "answer", "rationale")

REVIEW = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text_digest", pa.string(), nullable=False),  # of the text that was judged
        pa.field("decision", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        pa.field("field", pa.string(), nullable=False),  # of CORRECTABLE; empty without correction
        pa.field("correction", pa.string(), nullable=False),
        pa.field("comment", pa.string(), nullable=False),
        pa.field("reviewer", pa.string(), nullable=False),
    ]
)
