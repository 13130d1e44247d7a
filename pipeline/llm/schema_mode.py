"""How an endpoint wants to be told a JSON Schema; found by trying, once per schema.

Endpoints refuse what they do not know with 400 or 500, or take it and ignore it. So the first
request with a schema is the probe, the others wait for it. The way is not part of a request's key.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

_MOST_SERVER_ERRORS = 2  # one 500 may be an accident

_INSTRUCTION = (
    "Answer with one JSON value and nothing else. It has to satisfy this JSON Schema:\n{schema}"
)


class SchemaWay(StrEnum):
    """The ways, best first."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    PLAIN = "plain"


class SchemaMode:
    """What is known about one schema on one endpoint."""

    def __init__(self) -> None:
        self.way = SchemaWay.JSON_SCHEMA
        self.is_settled = False
        self.lock = asyncio.Lock()  # held by the request that probes
        self._num_server_errors = 0

    def step_down(self) -> bool:
        """Go on to the next way; False, and back to the first, where there is none left."""
        self._num_server_errors = 0
        ways = list(SchemaWay)
        number = ways.index(self.way) + 1
        self.way = ways[number % len(ways)]
        return number < len(ways)

    def is_to_blame(self) -> bool:
        """Count a server error; tell whether it is taken for a refusal of the present way."""
        self._num_server_errors += 1
        is_last = self.way is SchemaWay.PLAIN
        return not is_last and self._num_server_errors >= _MOST_SERVER_ERRORS


def tell(payload: dict[str, Any], schema: Mapping[str, Any], way: SchemaWay) -> None:
    """Put a schema into the payload of a chat completion."""
    if way is SchemaWay.JSON_SCHEMA:
        stated = {"name": "answer", "strict": True, "schema": schema}
        payload["response_format"] = {"type": "json_schema", "json_schema": stated}
        return
    if way is SchemaWay.JSON_OBJECT:
        payload["response_format"] = {"type": "json_object"}
    *earlier, last = payload["messages"]
    instruction = _INSTRUCTION.format(schema=json.dumps(schema, ensure_ascii=False))
    payload["messages"] = [*earlier, {**last, "content": f"{last['content']}\n\n{instruction}"}]
