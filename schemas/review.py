"""Reviewers' verdicts: one row per verdict on a text, as `review.parquet` holds them.

A record may have several, an ordered history: each is about the text whose digest it carries.
"""

from __future__ import annotations

import pyarrow as pa

DECISIONS = ("accept", "reject", "correct")
CORRECTABLE = ("question", "context", "answer", "rationale")
MAY_BE_EMPTIED = ("context", "rationale")  # a record is one without them, too
SEVERITIES = ("minor", "major", "critical")
QUEUES = ("risk", "random", "browse")  # how the record came before the reviewer

# What is wrong with a record. The names are kept; the page says them in each language.
VERDICT_REASONS = (
    "wrong_answer",
    "wrong_key",
    "dose",
    "dangerous",
    "incomplete",
    "outdated",
    "unclear_question",
    "translation",
    "language",
    "not_medical",
    "duplicate",
    "personal_data",
    "other",
)

REVIEW = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text_digest", pa.string(), nullable=False),  # of the text that was judged
        pa.field("decision", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),  # empty where accepted
        pa.field("severity", pa.string(), nullable=False),  # empty where accepted
        pa.field(
            "corrections",
            pa.list_(pa.struct([pa.field("field", pa.string()), pa.field("text", pa.string())])),
            nullable=False,
        ),
        pa.field("comment", pa.string(), nullable=False),
        pa.field("reviewer", pa.string(), nullable=False),
        pa.field("queue", pa.string(), nullable=False),
        pa.field("judged_at", pa.string(), nullable=False),  # UTC, 2026-01-31T12:00:00.000Z
        pa.field("build", pa.string(), nullable=False),  # digest of the build whose page was open
    ]
)
