"""The files of the Batch API: shards of requests as JSON lines, and the lines that come back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.llm.cache import BatchLine
from pipeline.llm.completion import answer_of, empty_answer
from pipeline.llm.endpoint import Endpoint
from pipeline.llm.failures import CallError, FatalError, TransientError, excerpt, of_status
from pipeline.llm.request import Answer, Outcome, Request

CHAT = "/v1/chat/completions"
MOST_LINES = 50_000
MOST_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Shard:
    """What is submitted as one batch."""

    requests: Sequence[Request]
    content: bytes


def shards(
    requests: Sequence[Request],
    endpoint: Endpoint,
    most_lines: int = MOST_LINES,
    most_bytes: int = MOST_BYTES,
) -> Iterator[Shard]:
    """Cut requests into batches that the API takes; one batch asks one model."""
    for model in dict.fromkeys(request.model for request in requests):
        part: list[Request] = []
        content = bytearray()
        for request in requests:
            if request.model != model:
                continue
            line = _line(request, endpoint)
            if part and (len(part) == most_lines or len(content) + len(line) > most_bytes):
                yield Shard(part, bytes(content))
                part, content = [], bytearray()
            part.append(request)
            content += line
        yield Shard(part, bytes(content))


def _line(request: Request, endpoint: Endpoint) -> bytes:
    way = None if request.schema is None else endpoint.schema_mode(request.schema).way
    line = {
        "custom_id": request.key,
        "method": "POST",
        "url": CHAT,
        "body": endpoint.payload(request, way),
    }
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def read_lines(content: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the key and the whole of every line of a batch's results that can be read."""
    for text in content.split("\n"):
        try:
            line = json.loads(text)
            key = line["custom_id"]
        except (ValueError, KeyError, TypeError):
            continue  # an empty line, or one that the end of the download cut off
        yield str(key), line


def result_of(
    line: Mapping[str, Any], asked: BatchLine, where: str
) -> Answer | CallError | FatalError:
    """Return the answer in a line of results, or the failure that it tells of."""
    response = line.get("response")
    if not isinstance(response, dict):
        return TransientError(f"{where} left a request undone: {excerpt(str(line.get('error')))}")
    status, body = response.get("status_code"), response.get("body")
    if status != 200 or not isinstance(body, dict):
        return of_status(int(status or 500), json.dumps(body), {}, where)
    # Whatever the request was: what is not told here lies in the answer.
    request = Request(asked.model, (), 0, prompt=asked.prompt, is_local=asked.is_local)
    try:
        answer = answer_of(request, body, str(response.get("request_id") or ""), where)
    except TransientError as error:
        return error
    return replace(answer, key=asked.key)


def rejection(asked: BatchLine, said: str) -> Answer:
    """Return the answer to a request of a batch that the endpoint does not take."""
    request = Request(asked.model, (), 0, prompt=asked.prompt, is_local=asked.is_local)
    return replace(empty_answer(request, Outcome.REJECTED, said), key=asked.key)
