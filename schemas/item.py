"""The record that flows through every stage, and `Item`, what a source's parser yields.

`ITEM` is the one schema of every shard between two stages. A parser fills `Item`; the ingest
stage turns it into a record by adding identifiers, role and licence (`pipeline/stages/ingest.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa

Language = Literal["en", "zh", "ja", "fr", "ru", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

Role = Literal["train", "validation", "benchmark", "reference"]
ROLES: tuple[Role, ...] = get_args(Role)

Task = Literal["qa", "mcq"]

# `sentence` and `term` only occur in the role `reference` (parallel sentences, terminology).
Form = Literal[
    "exam",
    "yes_no",
    "classification",
    "reading",
    "encyclopedia",
    "consultation",
    "explanation",
    "sentence",
    "term",
]
FORMS: tuple[Form, ...] = get_args(Form)

Origin = Literal["native", "translated", "generated"]
Split = Literal["train", "validation", "test"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# One nullable float per length, per rule of `pipeline/quality/rules.py` in its order, and for the
# points that a model gave; a closed list, so that a typo cannot add a column.
SCORE_NAMES = (
    "question_units",
    "answer_units",
    "option_units",
    "rationale_units",
    "image_dependent",
    "linked_case",
    "placeholder",
    "answer_not_option",
    "answer_repeats_question",
    "option_repeats_question",
    "option_names_options",
    "above_not_last",
    "rationale_other_key",
    "mojibake",
    "repeated_ngrams",
    "repeated_paragraph",
    "bare_list",
    "markup",
    "boilerplate",
    "urls",
    "citation",
    "cut_off",
    "llm_score",
)

ITEM = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("root_id", pa.string(), nullable=False),
        pa.field("group_id", pa.string()),
        pa.field("parent_id", pa.string()),
        pa.field("role", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("task", pa.string(), nullable=False),
        pa.field("form", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("detected_language", pa.string()),
        pa.field("language_confidence", pa.float32()),
        pa.field("question", pa.string(), nullable=False),
        pa.field("context", pa.string(), nullable=False),
        pa.field(
            "history",
            pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])),
            nullable=False,
        ),
        pa.field("options", pa.list_(pa.string()), nullable=False),
        pa.field("answer_indices", pa.list_(pa.int8()), nullable=False),
        pa.field("several_allowed", pa.bool_(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),
        pa.field("rationale", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field(
            "source_row",
            pa.struct([pa.field("file", pa.string()), pa.field("row", pa.int64())]),
            nullable=False,
        ),
        pa.field("license", pa.string(), nullable=False),
        pa.field("redistributable", pa.string(), nullable=False),
        pa.field("egress", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        pa.field("year", pa.int32()),
        pa.field("jurisdiction", pa.string(), nullable=False),
        pa.field(
            "steps",
            pa.list_(
                pa.struct(
                    [
                        pa.field("stage", pa.string()),
                        pa.field("model", pa.string()),
                        pa.field("prompt", pa.string()),
                        pa.field("variant", pa.int32()),
                        pa.field("cache_keys", pa.list_(pa.string())),
                    ]
                )
            ),
            nullable=False,
        ),
        pa.field(
            "flags",
            pa.list_(
                pa.struct(
                    [
                        pa.field("name", pa.string()),
                        pa.field("other_id", pa.string()),
                        pa.field("value", pa.float64()),
                        pa.field("evidence", pa.string()),
                    ]
                )
            ),
            nullable=False,
        ),
        pa.field("scores", pa.struct([pa.field(name, pa.float32()) for name in SCORE_NAMES])),
    ]
)


@dataclass(frozen=True, slots=True)
class Flag:
    """A remark on a record; it never drops the record by itself.

    Names that parsers use: `image_dependent` (cannot be answered without a picture),
    `ambiguous_key` (upstream offers alternative keys, such as "a or d"), `linked_case` (continues
    the previous question's case), `truncated_answer` (upstream cut the answer off).
    """

    name: str
    evidence: str = ""
    other_id: str | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier turn of a dialogue; `role` is `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question as a source's parser read it.

    Text is exactly upstream's, less letter prefixes ("A.", "ア."), markup and packing, which end
    at `parse`; `normalize` makes it NFC later. `answer_indices` are 0-based and all required; they
    stay empty where upstream gives no key or alternative keys (flag `ambiguous_key`). For `mcq`
    leave `answer` empty: ingest fills it from the keyed options.
    """

    file: str  # the path that `parse` was given, as text; `<path>!<member>` inside an archive
    row: int  # 1-based line, record or pair number in that file
    key: str  # unique within (source, subset, language, part); never holds the split or revision
    split: str  # upstream split, a key of `Source.splits`
    task: Task
    form: Form
    language: Language
    question: str
    part: str = "main"  # `explanation`, … where one upstream row gives several items
    subset: str = ""  # told apart in reports as `<source>.<subset>`
    parallel_key: str = ""  # the same in every language of the source's parallel family
    context: str = ""
    history: tuple[Turn, ...] = ()
    options: tuple[str, ...] = ()
    answer_indices: tuple[int, ...] = ()
    several_allowed: bool = False  # by the exam's rule, never by this item's key
    answer: str = ""
    rationale: str = ""
    origin: Origin = "native"
    license: str = ""  # only where it differs from the source's
    topic: str = ""
    year: int | None = None
    jurisdiction: str = ""  # where the content rests on one country's law or institutions
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRow:
    """An upstream row that gives no item; it enters the ledger with its file and row."""

    file: str
    row: int
    reason: str  # a name of `schemas.ledger.REASONS`
    excerpt: str = ""  # ingest masks it before anything is written
    language: str = ""
    subset: str = ""
