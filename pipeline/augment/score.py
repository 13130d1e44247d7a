"""Lets a model score a row from 1 to 10; thresholds belong to the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.augment.twice import Reply, ask_twice, read_json
from pipeline.llm.program import Call, ProgramSettings, RowAsk, max_tokens_for
from pipeline.llm.prompts import prompt
from pipeline.llm.request import Answer, Ask
from pipeline.translation.problem import Problem
from schemas.item import LETTERS

Row = Mapping[str, Any]

_SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 10}},
    "required": ["score"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of a row, or why there is none."""

    score: int | None
    problems: tuple[Problem, ...]
    keys: tuple[str, ...]
    variant: int
    prompt: str


async def score_row(row: Row, settings: ProgramSettings, ask: Ask) -> Scored:
    """Return the score that a model gives to a question with its answer."""
    asking = RowAsk(row, settings, ask)
    judged = prompt("score")
    options = (f"{letter}. {text}" for letter, text in zip(LETTERS, row["options"], strict=False))
    values = {
        **{name: row[name] for name in ("context", "question", "answer", "rationale")},
        "options": "\n".join(options),
    }

    def call(remarks: str, is_retry: bool) -> Call:
        messages = judged.render(**values, remarks=remarks)
        return Call(judged, messages, max_tokens_for(""), is_retry, _SCHEMA)

    async def read(answer: Answer) -> Reply[Any]:
        return read_json(answer, _SCHEMA, "en")

    reply, variant = await ask_twice(asking, "en", call, read)
    score = None if reply.value is None else reply.value["score"]
    return Scored(score, reply.problems, tuple(asking.keys), variant, judged.name)
