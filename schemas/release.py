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

# What each column holds, for the card.
MEANINGS: dict[str, str] = {
    "messages": "The conversation, ready for a chat template: user and assistant in turn.",
    "id": "128-bit digest, stable over builds as long as the upstream row is.",
    "root_id": "The question that the row descends from, the same in all its languages.",
    "group_id": "The rows that resemble each other; never divided between splits.",
    "parent_id": "The row that a model made this one of; null otherwise.",
    "language": "ISO 639-1 code.",
    "form": "What kind of exercise it is; see Forms.",
    "question": "The question alone, without passage, options or instruction.",
    "context": "The passage or case that the question is about; empty where there is none.",
    "options": "The options with their letters, in upstream's order; empty in open rows.",
    "answer_letters": "The letters of all right options; empty in open rows.",
    "several_allowed": "Whether the exam's rule allows several letters.",
    "answer": "The answer, or the texts of the right options, one a line.",
    "rationale": "Why it is the answer; empty where nothing is known.",
    "source": "The upstream set, and its part after a dot.",
    "license": "SPDX identifier or LicenseRef-….",
    "redistributable": "Whether the row may be passed on: yes, no or unknown.",
    "egress": "Whether the text may be sent to an endpoint elsewhere: any or local.",
    "origin": "native, translated or generated.",
    "topic": "The subject that upstream names; may be empty.",
    "year": "The year of the exam or page; null where it is not known.",
    "jurisdiction": "The country whose law or institutions the content rests on; mostly empty.",
    "steps": "What models did to the row: stage, model, prompt, answers used.",
    "flags": "What to know of the row; see Flags.",
    "scores": "Lengths, and one figure per rule of quality; null where a rule does not apply.",
}

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
