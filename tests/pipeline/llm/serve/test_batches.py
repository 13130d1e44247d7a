"""Files and batches of the fault server, through the `openai` client."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types import Batch

from pipeline.llm.serve.fault import FaultServer

TEXTS = ["Aspirin", "阿司匹林", "アスピリン", "Aspirine", "Аспирин", "Aspirina"]


def client(server: FaultServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0)


def line(number: int, text: str) -> dict[str, Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    url = "/v1/chat/completions"
    return {"custom_id": f"c{number}", "method": "POST", "url": url, "body": body}


def submit(server: FaultServer, content: str = "") -> Batch:
    lines = [json.dumps(line(n, text), ensure_ascii=False) for n, text in enumerate(TEXTS)]
    api = client(server)
    file = api.files.create(
        file=("in.jsonl", (content or "\n".join(lines)).encode()), purpose="batch"
    )
    return api.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )


def poll(server: FaultServer, batch: Batch, times: int = 2) -> Batch:
    for _ in range(times):
        batch = client(server).batches.retrieve(batch.id)
    return batch


def results(server: FaultServer, file: str | None) -> dict[str, Any]:
    text = client(server).files.content(file or "").text
    return {one["custom_id"]: one for one in map(json.loads, text.splitlines())}


def answer(result: Any) -> Any:
    return result["response"]["body"]["choices"][0]["message"]["content"]


def test_a_batch_is_validated_worked_on_and_completed() -> None:
    with FaultServer({"batch": {"polls": 2}}) as server:
        batch = submit(server)
        statuses = [batch.status] + [poll(server, batch, 1).status for _ in range(3)]
        done = poll(server, batch, 1)
        found = results(server, done.output_file_id)
        listed = client(server).batches.list().data
    assert statuses == ["validating", "in_progress", "in_progress", "completed"]
    assert [answer(found[f"c{n}"]) for n in range(6)] == TEXTS
    assert done.error_file_id is None
    assert done.request_counts is not None
    assert (done.request_counts.completed, done.request_counts.total) == (6, 6)
    assert [one.id for one in listed] == [batch.id]
    assert server.counts.num_requests == 0
    assert server.counts.num_batch_lines == 6


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_results_come_out_of_order(order: str) -> None:
    with FaultServer({"batch": {"order": order}}) as server:
        found = results(server, poll(server, submit(server)).output_file_id)
    assert list(found) != sorted(found)
    assert [answer(found[f"c{n}"]) for n in range(6)] == TEXTS


def test_failed_lines_are_in_the_error_file() -> None:
    rules = [{"when": {"contains": "Aspirin"}, "then": {"status": 400, "message": "too odd"}}]
    with FaultServer({"rules": rules}) as server:
        batch = poll(server, submit(server))
        good, bad = results(server, batch.output_file_id), results(server, batch.error_file_id)
    assert batch.status == "completed"
    assert sorted(good) == ["c1", "c2", "c4"]
    assert sorted(bad) == ["c0", "c3", "c5"]
    assert bad["c0"]["response"]["status_code"] == 400
    assert bad["c0"]["response"]["body"]["error"]["message"] == "too odd"


def test_a_batch_whose_lines_all_failed_has_no_output_file() -> None:
    with FaultServer({"default": {"status": 500}}) as server:
        batch = poll(server, submit(server))
        assert len(results(server, batch.error_file_id)) == 6
    assert (batch.status, batch.output_file_id) == ("completed", None)


def test_an_expired_batch_has_a_part_of_its_answers() -> None:
    with FaultServer({"batch": {"end": "expired", "answered": 0.5}}) as server:
        batch = poll(server, submit(server))
        good, bad = results(server, batch.output_file_id), results(server, batch.error_file_id)
    assert batch.status == "expired"
    assert list(good) == ["c0", "c1", "c2"]
    assert {one["error"]["code"] for one in bad.values()} == {"batch_expired"}


@pytest.mark.parametrize(("end", "status"), [("no_output", "completed"), ("failed", "failed")])
def test_a_batch_can_end_with_nothing(end: str, status: str) -> None:
    with FaultServer({"batch": {"end": end}}) as server:
        batch = poll(server, submit(server))
    assert (batch.status, batch.output_file_id, batch.error_file_id) == (status, None, None)
    assert (batch.errors is not None) == (end == "failed")


def test_a_batch_can_be_cancelled() -> None:
    with FaultServer() as server:
        batch = submit(server)
        assert client(server).batches.cancel(batch.id).status == "cancelling"
        assert poll(server, batch, 3).status == "cancelled"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{broken", "invalid_json_line"),
        ("\n".join(json.dumps(line(1, text)) for text in TEXTS), "duplicate_custom_id"),
    ],
)
def test_a_file_that_is_no_batch_fails(content: str, code: str) -> None:
    with FaultServer() as server:
        batch = submit(server, content)
    assert batch.status == "failed"
    assert batch.errors is not None
    assert (batch.errors.data or [])[0].code == code


def test_polling_can_fail_by_a_rule_for_its_path() -> None:
    rules = [{"when": {"path": "/v1/batches/"}, "then": {"status": 503}, "times": 1}]
    with FaultServer({"rules": rules}) as server:
        batch = submit(server)
        with pytest.raises(openai.InternalServerError):
            poll(server, batch, 1)
        assert poll(server, batch).status == "completed"


def test_unknown_files_and_batches_are_404() -> None:
    with FaultServer() as server:
        for call in (client(server).files.content, client(server).batches.retrieve):
            with pytest.raises(openai.NotFoundError):
                call("file-77")
