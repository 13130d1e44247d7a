"""Files and batches of the fault server: `/v1/files` and `/v1/batches`, gone wrong as scripted."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.llm.serve.http import Call, Response, error_response, json_response
from pipeline.llm.serve.script import BatchPlan, Script

Line = Mapping[str, Any]
Answer = Callable[[Mapping[str, Any]], Response]  # payload of a chat completion -> response

_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_FIELD = re.compile(rb'name="([^"]*)"')
_EXPIRED = {"code": "batch_expired", "message": "This request was not done within 24h."}


@dataclass
class Batch:
    """A batch that was created; `lines` are what its file held."""

    id: str
    input_file: str
    endpoint: str
    lines: list[Line]
    metadata: Mapping[str, str]
    status: str = "validating"
    num_polls: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    output_file: str | None = None
    error_file: str | None = None
    num_completed: int = 0
    num_failed: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the batch as the API shows it."""
        counts = {
            "total": len(self.lines),
            "completed": self.num_completed,
            "failed": self.num_failed,
        }
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.input_file,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output_file,
            "error_file_id": self.error_file,
            "created_at": int(time.time()),
            "request_counts": counts,
            "metadata": self.metadata,
        }


class Batches:
    """Keeps files and batches; a batch is worked off at the poll after its scripted number."""

    def __init__(self, script: Callable[[], Script], answer: Answer) -> None:
        self._script = script
        self._answer = answer
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}

    def respond(self, call: Call) -> Response:
        """Answer a call to `/v1/files` or `/v1/batches`."""
        kind, *rest = call.path.removeprefix("/v1/").strip("/").split("/")
        if kind == "files":
            return self._respond_files(call, rest)
        return self._respond_batches(call, rest)

    def _respond_files(self, call: Call, rest: list[str]) -> Response:
        if not rest and call.method == "POST":
            return json_response(self._file_json(self._keep(_uploaded(call))))
        if not rest:
            return _list([self._file_json(name) for name in self.files])
        if rest[0] not in self.files:
            return error_response(404, f"No such File object: {rest[0]}")
        if rest[1:] == ["content"]:
            return Response(body=self.files[rest[0]], content_type="application/octet-stream")
        if call.method == "DELETE":
            del self.files[rest[0]]
            return json_response({"id": rest[0], "object": "file", "deleted": True})
        return json_response(self._file_json(rest[0]))

    def _respond_batches(self, call: Call, rest: list[str]) -> Response:
        if not rest and call.method == "POST":
            return self._create(json.loads(call.body))
        if not rest:
            return _list([batch.as_json() for batch in self.batches.values()])
        batch = self.batches.get(rest[0])
        if batch is None:
            return error_response(404, f"No batch found with id {rest[0]!r}.")
        if rest[1:] == ["cancel"]:
            batch.status = "cancelling"
        else:
            self._poll(batch)
        return json_response(batch.as_json())

    def _keep(self, content: bytes) -> str:
        name = f"file-{len(self.files) + 1}"
        self.files[name] = content
        return name

    def _file_json(self, name: str) -> dict[str, Any]:
        return {
            "id": name,
            "object": "file",
            "bytes": len(self.files[name]),
            "created_at": int(time.time()),
            "filename": f"{name}.jsonl",
            "purpose": "batch",
            "status": "processed",
        }

    def _create(self, wanted: Mapping[str, Any]) -> Response:
        name = wanted.get("input_file_id", "")
        if name not in self.files:
            return error_response(400, f"No such File object: {name}")
        lines, errors = _read_lines(self.files[name])
        batch = Batch(
            f"batch_{len(self.batches) + 1}",
            name,
            wanted.get("endpoint", ""),
            lines,
            wanted.get("metadata") or {},
            status="failed" if errors else "validating",
            errors=errors,
        )
        self.batches[batch.id] = batch
        return json_response(batch.as_json())

    def _poll(self, batch: Batch) -> None:
        if batch.status == "cancelling":
            batch.status = "cancelled"
        if batch.status not in ("validating", "in_progress"):
            return
        plan = self._script().batch
        batch.num_polls += 1
        if batch.num_polls <= plan.polls:
            batch.status = "in_progress"
        elif plan.end == "failed":
            batch.status = "failed"
            batch.errors = [{"code": "scripted", "message": "scripted failure", "line": None}]
        else:
            self._finish(batch, plan)

    def _finish(self, batch: Batch, plan: BatchPlan) -> None:
        is_expired = plan.end == "expired"
        num_done = int(len(batch.lines) * plan.answered) if is_expired else len(batch.lines)
        results = [self._result(line) for line in batch.lines[:num_done]]
        results += [_result_line(line, None, _EXPIRED) for line in batch.lines[num_done:]]
        good = [one for one in results if (one["response"] or {}).get("status_code") == 200]
        bad = [one for one in results if (one["response"] or {}).get("status_code") != 200]
        batch.num_completed, batch.num_failed = len(good), len(bad)
        batch.status = "expired" if is_expired else "completed"
        if plan.end != "no_output":
            batch.output_file = self._write(good, plan)
            batch.error_file = self._write(bad, plan)

    def _result(self, line: Line) -> dict[str, Any]:
        response = self._answer(line["body"])
        text = response.body.decode()
        is_json = response.content_type == "application/json"
        body = json.loads(text) if is_json else {"error": {"message": text}}
        request_id = response.headers.get("x-request-id", "")
        answer = {"status_code": response.status, "request_id": request_id, "body": body}
        return _result_line(line, answer, None)

    def _write(self, results: list[dict[str, Any]], plan: BatchPlan) -> str | None:
        if not results:
            return None
        if plan.order == "reversed":
            results.reverse()
        elif plan.order == "shuffled":
            results = random.Random(self._script().seed).sample(results, len(results))  # noqa: S311
        lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in results]
        return self._keep("".join(lines).encode())


def _result_line(line: Line, response: object, error: object) -> dict[str, Any]:
    custom_id = line["custom_id"]
    return {
        "id": f"batch_req_{custom_id}",
        "custom_id": custom_id,
        "response": response,
        "error": error,
    }


def _read_lines(content: bytes) -> tuple[list[Line], list[dict[str, Any]]]:
    """Return the lines of a batch's file and what the API would find wrong with them."""
    lines: list[Line] = []
    errors = []
    names = set()
    for number, text in enumerate(content.decode().splitlines(), 1):
        try:
            line = json.loads(text)
            name, _ = line["custom_id"], line["body"]
        except (ValueError, KeyError, TypeError):
            errors.append({"code": "invalid_json_line", "message": "not a request", "line": number})
            continue
        if name in names:
            message = f"The custom_id {name!r} is used twice."
            errors.append({"code": "duplicate_custom_id", "message": message, "line": number})
        names.add(name)
        lines.append(line)
    return lines, errors


def _uploaded(call: Call) -> bytes:
    """Return the file of a multipart upload."""
    match = _BOUNDARY.search(call.headers.get("content-type", ""))
    parts = call.body.split(b"--" + match[1].encode()) if match else []
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        name = _FIELD.search(head)
        if name and name[1] == b"file":
            return content.removesuffix(b"\r\n")
    return b""


def _list(values: list[dict[str, Any]]) -> Response:
    return json_response({"object": "list", "data": values, "has_more": False})
