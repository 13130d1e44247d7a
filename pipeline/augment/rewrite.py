"""Makes one more question with its answer out of a text passage or a long answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.augment.checks import CHECKS, check_copy, check_leaning, check_numbers, check_written
from pipeline.augment.twice import Reply, ask_twice, read_json
from pipeline.llm.program import Call, ProgramSettings, RowAsk
from pipeline.llm.prompts import prompt
from pipeline.llm.request import Answer, Ask
from pipeline.text.units import CHARACTER_LANGUAGES, count_units
from pipeline.translation.piece import gravest_first
from pipeline.translation.problem import Problem

Row = Mapping[str, Any]

_MAX_TOKENS = 768
# A shorter text holds no second question.
_MIN_PASSAGE = 60
_MIN_PASSAGE_IN_CHARACTERS = 150
_SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["question", "answer"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A new question and its answer; with problems for a reader to see, not to keep."""

    question: str
    answer: str
    problems: tuple[Problem, ...]
    keys: tuple[str, ...]
    variant: int
    prompt: str


def passage_of(row: Row) -> str:
    """Return the text that a row can be rewritten from, or nothing where it has none."""
    if row["history"] or row["form"] in ("classification", "sentence", "term"):
        return ""
    text: str = row["context"] or (row["answer"] if row["task"] == "qa" else "")
    is_in_characters = row["language"] in CHARACTER_LANGUAGES
    shortest = _MIN_PASSAGE_IN_CHARACTERS if is_in_characters else _MIN_PASSAGE
    return text if count_units(text, row["language"]) >= shortest else ""


async def rewrite(row: Row, settings: ProgramSettings, ask: Ask) -> Rewritten:
    """Return a question and an answer from the passage of a row, in the row's language."""
    asking = RowAsk(row, settings, ask)
    language = row["language"]
    passage = passage_of(row)
    asked = prompt("rewrite", target=language)

    def call(remarks: str, is_retry: bool) -> Call:
        messages = asked.render(question=row["question"], passage=passage, remarks=remarks)
        return Call(asked, messages, _MAX_TOKENS, is_retry, _SCHEMA)

    async def read(answer: Answer) -> Reply[Any]:
        reply = read_json(answer, _SCHEMA, language)
        if reply.value is None:
            return reply
        return Reply(
            reply.value, reply.text, gravest_first(_problems(reply.value, row, passage), CHECKS)
        )

    reply, variant = await ask_twice(asking, language, call, read)
    pair = reply.value or {"question": "", "answer": reply.text}
    return Rewritten(
        question=pair["question"].strip(),
        answer=pair["answer"].strip(),
        problems=reply.problems,
        keys=tuple(asking.keys),
        variant=variant,
        prompt=asked.name,
    )


def _problems(pair: Mapping[str, str], row: Row, passage: str) -> Iterator[Problem]:
    question, answer, language = pair["question"], pair["answer"], row["language"]
    for kind, text in (("sentence", question), ("text", answer)):
        yield from check_written(text, language, kind)
        yield from check_numbers(text, passage)
    yield from check_leaning(question)
    yield from check_copy(question, row["question"], answer, language=language)
