"""Turns a scripted reply into what goes over the wire: completions, errors, JSON for a schema."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from pipeline.llm.serve.http import Response, error_response, json_response
from pipeline.llm.serve.script import Reply, Script

Payload = Mapping[str, Any]  # of a chat completion, as it was received

_DATE = re.compile(r"date([+-]\d+)")
_CODES = {401: "invalid_api_key", 403: "permission_denied", 404: "model_not_found"}
_CHATTER = "Sure! Here is the translation:\n\n"


def chat_response(script: Script, reply: Reply, payload: Payload, number: int) -> Response:
    """Return the response to a chat completion, the `number`-th that was asked for."""
    refused = (
        _refused_format(script, payload) if reply.status < 400 and reply.body is None else None
    )
    response = (
        refused
        or plain_response(reply)
        or json_response(completion(script, reply, payload, number))
    )
    return sent(reply, response, {"x-request-id": f"req_{number}"})


def sent(reply: Reply, response: Response, headers: Mapping[str, str]) -> Response:
    """Return a response with more headers, and sent in the way that a reply scripts."""
    return replace(
        response,
        headers={**headers, **_headers(reply)},
        drip_s=reply.drip_ms / 1000,
        reset_after=reply.reset_after,
    )


def plain_response(reply: Reply) -> Response | None:
    """Return the failure that a reply scripts, None where it scripts an answer."""
    if reply.body is not None:
        return Response(reply.status, reply.body.encode(), reply.content_type)
    if reply.status < 400:
        return None
    code = reply.code or _CODES.get(reply.status)
    message = reply.message or f"scripted failure {reply.status} {code or ''}".rstrip()
    return error_response(reply.status, message, code=code)


def completion(script: Script, reply: Reply, payload: Payload, number: int) -> dict[str, Any]:
    """Return the body of a chat completion."""
    text = _text(script, reply, payload)
    body: dict[str, Any] = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": reply.model or payload.get("model"),
        "system_fingerprint": reply.fingerprint,
        "choices": [_choice(reply, text, index) for index in range(reply.num_choices)],
    }
    if reply.usage != "missing":
        body["usage"] = _usage(reply, payload, text)
    return body


def _choice(reply: Reply, text: str, index: int) -> dict[str, Any]:
    is_null = reply.content == "null" or reply.refusal is not None
    message = {
        "role": "assistant",
        "content": None if is_null else text,
        "refusal": reply.refusal,
    }
    return {
        "index": index,
        "message": message,
        "logprobs": None,
        "finish_reason": reply.finish_reason,
    }


def _usage(reply: Reply, payload: Payload, text: str) -> dict[str, int]:
    if isinstance(reply.usage, tuple):
        prompt, answer = reply.usage
    else:
        prompt = sum(_count(one) for one in messages(payload))
        answer = _count(text)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _count(text: str) -> int:
    return len(text.encode()) // 4 + 1


def _text(script: Script, reply: Reply, payload: Payload) -> str:
    text = reply.text
    if text is None:
        asked = (messages(payload) or [""])[-1]
        text = _mapped(script.answers, asked)
        if text is None:
            schema = None if script.response_format == "ignore" else schema_of(payload)
            text = asked if schema is None else json.dumps(fill(schema, asked), ensure_ascii=False)
    if reply.wrap == "fenced":
        return f"```json\n{text}\n```"
    if reply.wrap == "cut":
        return text[: len(text) // 2]
    return _CHATTER + text if reply.wrap == "chatter" else text


def _mapped(answers: Mapping[str, str], asked: str) -> str | None:
    if asked in answers:
        return answers[asked]
    parts = [part for part in answers if part in asked]
    return answers[max(parts, key=len)] if parts else None


def messages(payload: Payload) -> list[str]:
    """Return the texts of a request's messages."""
    return [_content(message.get("content")) for message in payload.get("messages", ())]


def _content(content: object) -> str:
    if isinstance(content, list):  # of parts
        return "".join(str(part.get("text", "")) for part in content)
    return str(content or "")


def format_of(payload: Payload) -> str:
    """Return `json_schema`, `json_object` or `none`: how a request wants to be answered."""
    kind = (payload.get("response_format") or {}).get("type")
    return kind if kind in ("json_schema", "json_object") else "none"


def schema_of(payload: Payload) -> Mapping[str, Any] | None:
    """Return the JSON Schema that a request states in one of the known ways, None without one."""
    if (kind := format_of(payload)) == "none":
        return None
    stated = payload["response_format"]
    schema = stated.get("json_schema", {}).get("schema") if kind == "json_schema" else None
    return schema or stated.get("schema") or {"type": "object", "properties": {"text": {}}}


def _refused_format(script: Script, payload: Payload) -> Response | None:
    kind, taken = format_of(payload), script.response_format
    if kind == "none" or taken in ("honour", "ignore", kind):
        return None
    status = taken if isinstance(taken, int) else 400
    return error_response(status, f"response_format of type {kind!r} is not supported")


def fill(schema: Mapping[str, Any], text: str, root: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
    """Return a value that satisfies a schema, with `text` wherever a free string is wanted."""
    root = root or schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return fill(root.get("$defs", {}).get(name, {}), text, root)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return fill(schema[key][0], text, root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    kind = schema.get("type", "string")
    if kind == "object":
        fields = schema.get("properties", {}).items()
        return {name: fill(one, text, root) for name, one in fields}
    if kind == "array":
        count = max(1, schema.get("minItems", 1))
        return [fill(schema.get("items", {}), text, root) for _ in range(count)]
    if kind in ("integer", "number"):
        return schema.get("minimum", min(1, schema.get("maximum", 1)))
    return True if kind == "boolean" else text[: schema.get("maxLength")]


def _headers(reply: Reply) -> dict[str, str]:
    return {name: _DATE.sub(_date, value) for name, value in reply.headers.items()}


def _date(match: re.Match[str]) -> str:
    return formatdate(time.time() + int(match[1]), usegmt=True)
