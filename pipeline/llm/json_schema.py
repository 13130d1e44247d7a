"""Checks a value against the part of JSON Schema that our prompts use; no more, and nothing else.

A keyword that is not known here is an error of the schema's author, never passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_NOTES = {"title", "description"}
_KNOWN = _NOTES | {
    "type",
    "const",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
}
_IS_OF_TYPE: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "null": lambda value: value is None,
}
_SHOWN = 60  # characters of a value that is in the wrong


def problems(value: Any, schema: Mapping[str, Any], place: str = "the value") -> Iterator[str]:  # noqa: ANN401
    """Yield in words what keeps a value from satisfying a schema."""
    if unknown := schema.keys() - _KNOWN:
        raise ValueError(f"the schema uses {min(unknown)!r}, which is not checked here")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_IS_OF_TYPE[kind](value) for kind in kinds):
        yield f"{place} is {_shown(value)}, not of type {' or '.join(kinds)}."
        return
    allowed = [schema["const"]] if "const" in schema else schema.get("enum")
    if allowed is not None and not any(_is_same(value, one) for one in allowed):
        yield f"{place} is {_shown(value)}, not one of {_shown(allowed)}."
    if isinstance(value, dict):
        yield from _of_object(value, schema, place)
    elif isinstance(value, list):
        yield from _of_list(value, schema, place)
    elif isinstance(value, str):
        yield from _of_text(value, schema, place)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _of_range(value, schema, "imum", place)


def _of_object(value: dict[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    fields = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place} lacks the key {name!r}."
    if schema.get("additionalProperties") is False:
        for name in value:
            if name not in fields:
                yield f"{place} holds the unknown key {name!r}."
    for name, one in fields.items():
        if name in value:
            yield from problems(value[name], one, f"{name!r} of {place}")


def _of_list(value: list[Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    yield from _of_range(len(value), schema, "Items", f"the number of items of {place}")
    for number, one in enumerate(value, 1):
        yield from problems(one, schema.get("items", {}), f"item {number} of {place}")


def _of_text(value: str, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    yield from _of_range(len(value), schema, "Length", f"the number of characters of {place}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{place} is {_shown(value)}, which does not match {schema['pattern']!r}."


def _of_range(number: float, schema: Mapping[str, Any], what: str, place: str) -> Iterator[str]:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if least is not None and number < least:
        yield f"{place} is {number}, below {least}."
    if most is not None and number > most:
        yield f"{place} is {number}, above {most}."


def _is_same(left: object, right: object) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
