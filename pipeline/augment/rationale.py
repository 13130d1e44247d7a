"""Writes why the key is right, and keeps it only if a second reader arrives at the key by it.

The writer sees options without letters, so that it has none to name: a rationale that names one
all the same is refused. The second reader then sees the very text that is kept. Letters that were
only hidden from that reader would still stand in the release, and keep the text untranslated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.augment.checks import CHECKS, check_copy, check_written
from pipeline.augment.letters import chosen
from pipeline.augment.twice import Reply, ask_twice, read_text
from pipeline.llm.program import Call, ProgramSettings, RowAsk, max_tokens_for
from pipeline.llm.prompts import prompt
from pipeline.llm.request import Answer, Ask, Outcome
from pipeline.translation.option_labels import label_spans
from pipeline.translation.piece import gravest_first
from pipeline.translation.problem import Problem
from schemas.item import LETTERS

Row = Mapping[str, Any]

_MAX_TOKENS = 512  # six sentences of Russian in a small vocabulary, with room
_EVIDENCE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Rationale:
    """What was written for a row; with problems it is for a reader to see, not to keep."""

    text: str
    problems: tuple[Problem, ...]
    keys: tuple[str, ...]
    variant: int
    prompt: str


async def write_rationale(row: Row, settings: ProgramSettings, ask: Ask) -> Rationale:
    """Return a rationale for the key of a multiple-choice row, in the row's language."""
    asking = RowAsk(row, settings, ask)
    written = prompt("rationale", target=row["language"])

    def call(remarks: str, is_retry: bool) -> Call:
        messages = written.render(
            context=row["context"],
            question=row["question"],
            options="\n".join(f"- {option}" for option in row["options"]),
            key="\n".join(row["options"][index] for index in row["answer_indices"]),
            remarks=remarks,
        )
        return Call(written, messages, _MAX_TOKENS, is_retry)

    async def read(answer: Answer) -> Reply[str]:
        reply = read_text(answer, row["language"])
        if reply.value is None:
            return reply
        problems = () if asking.is_guess else _problems(reply.value, row)
        problems = problems or await _other_key(reply.value, row, asking)
        return Reply(reply.value, reply.text, problems)

    reply, variant = await ask_twice(asking, row["language"], call, read)
    return Rationale(reply.text, reply.problems, tuple(asking.keys), variant, written.name)


def _problems(text: str, row: Row) -> tuple[Problem, ...]:
    language = row["language"]
    labels = [text[start:end] for start, end in label_spans(text, language)]
    others = (row["question"], "\n".join(row["options"]), *row["options"])
    found = [
        *(Problem("labels", label) for label in labels[:1]),
        *check_written(text, language, "text"),
        *check_copy(text, *others, language=language),
    ]
    return gravest_first(found, CHECKS)


async def _other_key(text: str, row: Row, asking: RowAsk) -> tuple[Problem, ...]:
    """Return a problem where a reader of question and rationale chooses something else."""
    solve = prompt("solve")
    options = "\n".join(
        f"{letter}. {option}" for letter, option in zip(LETTERS, row["options"], strict=False)
    )
    messages = solve.render(
        context=row["context"], question=row["question"], options=options, rationale=text
    )
    answer = await asking.one(Call(solve, messages, max_tokens_for("")))
    letters = chosen(answer.text, len(row["options"])) if answer.outcome is Outcome.OK else None
    if letters == tuple(sorted(row["answer_indices"])):
        return ()
    said = answer.text if answer.outcome is Outcome.OK else str(answer.outcome)
    return (Problem("key", said[:_EVIDENCE_LENGTH]),)
