"""JSON in an answer, taken only where it satisfies its schema, whatever the endpoint checks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pipeline.llm.json_schema import problems

_FENCED = re.compile(r"\A\s*```[\w-]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
# No word on where: what Python says differs between versions, and evidence has to stay the same.
_NO_JSON = "it is no JSON."


class MalformedError(ValueError):
    """A text is not the JSON that was asked for; the message says what is wrong with it."""


def parse(text: str, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value in an answer, with or without a fence around it.

    What is no JSON, repeats a key or does not satisfy the schema is a `MalformedError`.
    """
    fenced = _FENCED.match(text)
    value = _loaded(fenced[1] if fenced else text)
    if (wrong := next(problems(value, schema), None)) is not None:
        raise MalformedError(wrong)
    return value


def _loaded(text: str) -> Any:  # noqa: ANN401
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
        # An escape may stand for half of a character, which no file can hold.
        json.dumps(value, ensure_ascii=False).encode()
    except MalformedError:
        raise
    except UnicodeEncodeError:
        raise MalformedError("it holds half of a character.") from None
    except (ValueError, RecursionError):  # a number of thousands of digits is a ValueError, too
        raise MalformedError(_NO_JSON) from None
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
