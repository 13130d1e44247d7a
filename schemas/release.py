"""The published columns: one schema for both subsets, and the table of benchmarks checked."""

from __future__ import annotations

import pyarrow as pa

from schemas.item import ITEM, LETTERS

DATASET_VERSION = "1.2"

SUBSETS = {"qa": "mmed_ift", "mcq": "mmed_ift_mc"}
SPLITS = ("train", "validation", "test")

_TEXT = pa.string()


def _as_in_item(*names: str) -> list[pa.Field]:
    return [pa.field(name, ITEM.field(name).type) for name in names]


# Never a column named prompt, completion, text, conversations or tools: trainers give them
# meanings of their own.
RELEASE = pa.schema(
    [
        pa.field(
            "messages",
            pa.list_(pa.struct([pa.field("role", _TEXT), pa.field("content", _TEXT)])),
        ),
        *_as_in_item("id", "root_id", "group_id", "parent_id", "language", "form"),
        *_as_in_item("question", "context"),
        pa.field(
            "options", pa.list_(pa.struct([pa.field("letter", _TEXT), pa.field("text", _TEXT)]))
        ),
        pa.field("answer_letters", pa.list_(_TEXT)),
        *_as_in_item("several_allowed", "answer", "rationale", "source", "license"),
        *_as_in_item("redistributable", "egress", "origin", "topic", "year", "jurisdiction"),
        *_as_in_item("steps"),
        pa.field("flags", pa.list_(_TEXT)),
        *_as_in_item("scores"),
    ]
)

BENCHMARKS = pa.schema(
    [
        pa.field("benchmark", pa.string()),
        pa.field("status", pa.string()),  # checked | missing
        pa.field("root_id", pa.string()),
        pa.field(
            "question_key", pa.string()
        ),  # digest, see pipeline/contamination/texts.py; never the text
    ]
)


def letters(indices: list[int]) -> list[str]:
    """Return option letters for 0-based indices."""
    return [LETTERS[index] for index in indices]
