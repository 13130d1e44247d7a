"""Asking once, and once more with other words where the reply fails its checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

from pipeline.llm.program import Call, RowAsk, may_retry
from pipeline.llm.refusal import is_refusal
from pipeline.llm.request import Answer, Outcome
from pipeline.llm.structured import MalformedError, parse
from pipeline.text.normalize import published
from pipeline.translation.problem import Problem
from schemas.item import Language

Value = TypeVar("Value")
_EVIDENCE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Reply(Generic[Value]):
    """What an answer was read as, and what is wrong with it; `text` as it came, for a reader."""

    value: Value | None
    text: str
    problems: tuple[Problem, ...] = ()


async def ask_twice(
    ask: RowAsk,
    language: Language,
    call: Callable[[str, bool], Call],
    read: Callable[[Answer], Awaitable[Reply[Value]]],
) -> tuple[Reply[Value], int]:
    """Return the reply, and 1 where it is that to a varied retry; `call` is given its remarks."""
    answer = await ask.one(call("", False))
    reply = await read(answer)
    if not reply.problems or not may_retry(answer):
        return reply, 0
    again = await ask.one(call(remarks(reply.problems, language), True))
    return await read(again), 1


def read_text(answer: Answer, language: Language) -> Reply[str]:
    """Return the text of an answer, or why there is none."""
    text = published(answer.text)
    evidence = text[:_EVIDENCE_LENGTH]
    if answer.outcome is not Outcome.OK:
        return Reply(None, text, (Problem(f"llm_{answer.outcome}", evidence),))
    if not text:
        return Reply(None, text, (Problem("llm_empty", ""),))
    if is_refusal(text, language):
        return Reply(None, text, (Problem("llm_refusal", evidence),))
    return Reply(text, text)


def read_json(answer: Answer, schema: Mapping[str, Any], language: Language) -> Reply[Any]:
    """Return the JSON value of an answer, or why there is none."""
    reply = read_text(answer, language)
    if reply.value is None:
        return reply
    try:
        return Reply(parse(reply.value, schema), reply.text)
    except MalformedError as error:
        problem = Problem("llm_malformed", str(error)[:_EVIDENCE_LENGTH])
        return Reply(None, reply.text, (problem,))


def remarks(problems: Iterable[Problem], language: Language) -> str:
    """Return what a retry says about a first try, in the language of its prompt."""
    own = _remarks()[language]
    found = dict.fromkeys(own[one.check] for one in problems)
    return "\n".join([own["intro"], *found])


@cache
def _remarks() -> dict[str, dict[str, str]]:
    import yaml

    path = files("pipeline.llm").joinpath("prompts", "remarks.yaml")
    table: dict[str, dict[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return table
