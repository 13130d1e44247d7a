"""Answers that have to be whole, or JSON that satisfies a schema, whatever the endpoint checks.

An answer cut at its limit is asked for once more with twice the room, broken JSON once more with
the error: the request then holds what was wrong, not the transcript, so it does not grow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.llm.json_schema import problems
from pipeline.llm.request import Answer, Ask, Message, Outcome, Request

_FENCED = re.compile(r"\A\s*```[\w-]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_REPAIR = "Your last answer could not be used: {error} Answer again, with the JSON value alone."


# No word on where: what Python says differs between versions, and the repair has to be the same
# request for ever.
_NO_JSON = "it is no JSON."


class MalformedError(ValueError):
    """A text is not the JSON that was asked for; the message says what is wrong with it."""


async def ask_whole(ask: Ask, request: Request) -> Answer:
    """Return the answer to a request; one cut at its limit is asked for again with twice the room.

    That is another request with a key of its own. If it is cut as well, it comes back as it is.
    """
    [answer] = await ask([request])
    if answer.outcome is Outcome.LENGTH:
        [answer] = await ask([replace(request, max_tokens=2 * request.max_tokens)])
    return answer


async def ask_json(ask: Ask, request: Request) -> tuple[Any, Answer]:
    """Return the value that a request with a schema asks for, and the answer it stands in.

    Broken JSON is asked for once more. If there is no value after that, it is None and the answer's
    outcome says why.
    """
    assert request.schema is not None
    answer = await ask_whole(ask, request)
    value, error = _value(answer, request.schema)
    if error:
        answer = await ask_whole(ask, _repair(request, error))
        value, error = _value(answer, request.schema)
    return value, replace(answer, outcome=Outcome.MALFORMED) if error else answer


def _value(answer: Answer, schema: Mapping[str, Any]) -> tuple[Any, str]:
    """Return the value in an answer and what is wrong with it; neither if there is no text."""
    if answer.outcome is not Outcome.OK:
        return None, ""
    try:
        return parse(answer.text, schema), ""
    except MalformedError as error:
        return None, str(error)


def _repair(request: Request, error: str) -> Request:
    # Added to the last turn: many chat templates refuse two turns of the same role.
    *earlier, last = request.messages
    content = f"{last.content}\n\n{_REPAIR.format(error=error)}"
    return replace(request, messages=(*earlier, Message(last.role, content)))


def parse(text: str, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value in an answer, with or without a fence around it.

    What is no JSON, repeats a key or does not satisfy the schema is a `MalformedError`.
    """
    fenced = _FENCED.match(text)
    try:
        value = json.loads(
            fenced[1] if fenced else text,
            object_pairs_hook=_without_repeats,
            parse_constant=_no_constant,
        )
    except (json.JSONDecodeError, RecursionError):
        raise MalformedError(_NO_JSON) from None
    if (wrong := next(problems(value, schema), None)) is not None:
        raise MalformedError(wrong)
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise MalformedError(f"it holds the key {repeated!r} more than once.")
    return value


def _no_constant(name: str) -> None:
    raise MalformedError(f"it holds {name}, which is no JSON.")
