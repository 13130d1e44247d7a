"""The fault server as clients meet it: over HTTP, by httpx and by the `openai` client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import yaml

from pipeline.errors import InputError
from pipeline.llm.serve.fault import FaultServer, Reply
from pipeline.llm.serve.script import REHEARSAL, load_script, parse_script

ROOT = Path(__file__).parents[4]
TEXTS = {
    "en": "The patient takes 500 mg of metformin.",
    "zh": "患者每天服用二甲双胍500毫克。",
    "ja": "患者はメトホルミン500 mgを服用している。",
    "fr": "Le patient prend 500 mg de metformine.",
    "ru": "Пациент принимает 500 мг метформина.",
    "es": "El paciente toma 500 mg de metformina.",
}
SCHEMA = {
    "type": "object",
    "properties": {
        "letter": {"enum": ["B", "C"]},
        "score": {"type": "integer", "minimum": 2},
        "why": {"type": "string"},
    },
    "required": ["letter", "score", "why"],
}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}


def payload(text: str = "Where does it hurt?", **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **fields}


def post(server: FaultServer, text: str = "Where does it hurt?", **fields: Any) -> httpx.Response:
    return httpx.post(f"{server.base_url}/chat/completions", json=payload(text, **fields))


def texts_of(response: httpx.Response) -> list[str | None]:
    return [choice["message"]["content"] for choice in response.json()["choices"]]


def client(server: FaultServer, key: str = "k") -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url, api_key=key, max_retries=0)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_empty_script_echoes(text: str) -> None:
    with FaultServer() as server:
        answer = client(server).chat.completions.create(
            model="m", messages=[{"role": "user", "content": text}]
        )
    assert answer.choices[0].message.content == text
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "m"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 1
    assert [one.payload["messages"][0]["content"] for one in server.received] == [text]


@pytest.mark.parametrize("language", TEXTS)
def test_answers_come_from_a_mapping_by_the_message_or_a_part_of_it(language: str) -> None:
    answers = {TEXTS["en"]: TEXTS[language], "takes": "part"}
    with FaultServer({"answers": answers}) as server:
        assert texts_of(post(server, TEXTS["en"])) == [TEXTS[language]]
        assert texts_of(post(server, f"Translate: {TEXTS['en']}")) == [TEXTS[language]]
        assert texts_of(post(server, "She takes nothing.")) == ["part"]


def test_code_can_answer_with_a_text_or_a_whole_reply() -> None:
    def answer(request: Any) -> str | Reply:
        return "short" if request["max_tokens"] < 10 else Reply(text="cut", finish_reason="length")

    with FaultServer(answer=answer) as server:
        assert texts_of(post(server, max_tokens=5)) == ["short"]
        assert post(server, max_tokens=50).json()["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"text": "ok", "finish_reason": "length"}, {"finish_reason": "length"}),
        ({"refusal": "No."}, {"message": {"content": None, "refusal": "No."}}),
        ({"content": "null", "finish_reason": "content_filter"}, {"message": {"content": None}}),
        ({"text": ""}, {"message": {"content": ""}}),
        (
            {"text": '{"a": 1}', "wrap": "fenced"},
            {"message": {"content": '```json\n{"a": 1}\n```'}},
        ),
        ({"text": '{"a": 1}', "wrap": "cut"}, {"message": {"content": '{"a"'}}),
    ],
)
def test_a_rule_scripts_the_outcome(reply: dict[str, Any], expected: dict[str, Any]) -> None:
    with FaultServer({"rules": [{"then": reply}]}) as server:
        (choice,) = post(server).json()["choices"]
    for name, value in expected.items():
        found = choice[name]
        assert ({k: found[k] for k in value} if isinstance(value, dict) else found) == value


def test_choices_and_usage_can_be_missing_or_fixed() -> None:
    rules = [
        {"when": {"number": 1}, "then": {"num_choices": 0, "usage": "missing"}},
        {"then": {"usage": [7, 3], "model": "other", "fingerprint": "fp_9"}},
    ]
    with FaultServer({"rules": rules}) as server:
        first, second = post(server).json(), post(server).json()
    assert first["choices"] == []
    assert "usage" not in first
    assert second["usage"]["total_tokens"] == 10
    assert (second["model"], second["system_fingerprint"]) == ("other", "fp_9")


@pytest.mark.parametrize(
    "headers",
    [{"Retry-After": "2"}, {"Retry-After": "3600"}, {"retry-after-ms": "250"}, {}],
)
def test_a_rate_limit_comes_with_its_headers(headers: dict[str, str]) -> None:
    with FaultServer({"default": {"status": 429, "headers": headers}}) as server:
        response = post(server)
    assert response.status_code == 429
    assert {name: response.headers[name] for name in headers} == headers
    assert ("retry-after" in response.headers) == ("Retry-After" in headers)


def test_a_retry_date_is_counted_from_now() -> None:
    with FaultServer({"default": {"status": 429, "headers": {"Retry-After": "date+5"}}}) as server:
        when = parsedate_to_datetime(post(server).headers["retry-after"])
    assert 3 <= when.timestamp() - time.time() <= 5


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, None, openai.BadRequestError),
        (401, None, openai.AuthenticationError),
        (403, None, openai.PermissionDeniedError),
        (404, None, openai.NotFoundError),
        (429, "insufficient_quota", openai.RateLimitError),
        (503, None, openai.InternalServerError),
    ],
)
def test_a_status_is_the_error_that_the_client_knows(
    status: int, code: str | None, error: type[openai.APIStatusError]
) -> None:
    with (
        FaultServer({"default": {"status": status, "code": code}}) as server,
        pytest.raises(error) as caught,
    ):
        client(server).chat.completions.create(model="m", messages=[])
    assert code is None or caught.value.code == code


def test_html_is_sent_instead_of_json() -> None:
    page = "<html>Bad gateway</html>"
    with FaultServer({"default": {"status": 502, "body": page}}) as server:
        response = post(server)
    assert (response.status_code, response.text) == (502, page)
    assert response.headers["content-type"] == "text/html"


@pytest.mark.parametrize("after", [0, 20])
def test_a_connection_is_reset_in_the_middle_of_the_body(after: int) -> None:
    with (
        FaultServer({"default": {"reset_after": after}}) as server,
        pytest.raises(httpx.TransportError),
    ):
        post(server)


def test_a_reply_waits_and_drips() -> None:
    with FaultServer({"latency_ms": 100, "default": {"text": "x", "drip_ms": 10}}) as server:
        begun = time.monotonic()
        response = post(server)
        took_s = time.monotonic() - begun
    assert texts_of(response) == ["x"]
    assert took_s > 0.1 + 0.010 * (len(response.content) // 16)


def test_rules_choose_by_number_repetition_content_and_length() -> None:
    rules = [
        {"when": {"contains": "pain"}, "then": {"text": "content"}},
        {"when": {"number": [2, 4]}, "then": {"text": "number"}},
        {"when": {"seen": 2}, "then": {"text": "again"}},
        {"when": {"max_tokens_below": 9}, "then": {"text": "short"}},
        {"then": {"text": "once"}, "times": 1},
    ]
    asked = [("pain", 99), ("a", 99), ("b", 99), ("b", 99), ("b", 99), ("c", 99), ("c", 99)]
    asked += [("d", 8)]
    with FaultServer({"rules": rules}) as server:
        found = [texts_of(post(server, text, max_tokens=limit))[0] for text, limit in asked]
    assert found == ["content", "number", "once", "number", "b", "c", "again", "short"]


def test_chance_depends_on_the_payload_and_the_seed_but_not_on_the_order() -> None:
    names = [f"request {n}" for n in range(200)]

    def failed(seed: int, asked: list[str]) -> set[str]:
        rules = [{"when": {"probability": 0.25}, "then": {"status": 500}}]
        with (
            FaultServer({"seed": seed, "rules": rules}) as server,
            httpx.Client(base_url=server.base_url) as http,
        ):
            calls = {name: http.post("/chat/completions", json=payload(name)) for name in asked}
        return {name for name, response in calls.items() if response.status_code == 500}

    first = failed(1, names)
    assert 30 <= len(first) <= 70
    assert failed(1, names[::-1]) == first
    assert failed(2, names) != first


def test_a_schema_is_honoured_ignored_or_refused() -> None:
    with FaultServer() as server:
        for stated in (JSON_SCHEMA, {"type": "json_object", "schema": SCHEMA}):
            (text,) = texts_of(post(server, "why not", response_format=stated))
            assert json.loads(text or "") == {"letter": "B", "score": 2, "why": "why not"}
        server.script = server.script.model_copy(update={"response_format": "ignore"})
        assert texts_of(post(server, "why not", response_format=JSON_SCHEMA)) == ["why not"]
        for status in (400, 500):
            server.script = server.script.model_copy(update={"response_format": status})
            assert post(server, response_format=JSON_SCHEMA).status_code == status
            assert post(server).status_code == 200
        server.script = server.script.model_copy(update={"response_format": "json_object"})
        assert post(server, response_format=JSON_SCHEMA).status_code == 400
        assert post(server, response_format={"type": "json_object"}).status_code == 200


def test_a_key_can_be_demanded_and_is_not_kept_unless_asked() -> None:
    key = "sk-canary-2b81"
    with FaultServer({"key": key, "models": ["a", "b"]}) as server:
        assert [model.id for model in client(server, key).models.list()] == ["a", "b"]
        with pytest.raises(openai.AuthenticationError):
            client(server, "wrong").models.list()
    assert key not in repr(server.received)
    with FaultServer(keep_authorization=True) as server:
        client(server, key).models.list()
        assert server.received[-1].headers["authorization"] == f"Bearer {key}"


async def _post_many(server: FaultServer, texts: list[str]) -> list[int]:
    limits = httpx.Limits(max_connections=len(texts))
    async with httpx.AsyncClient(base_url=server.base_url, limits=limits, timeout=30) as http:
        calls = [http.post("/chat/completions", json=payload(text)) for text in texts]
        return [response.status_code for response in await asyncio.gather(*calls)]


def test_requests_are_counted_by_payload_status_window_and_in_flight() -> None:
    texts = ["a", "b", "c", "d", "a", "a"]
    with FaultServer({"latency_ms": 200, "limit": {"window_s": 60}}) as server:
        assert set(asyncio.run(_post_many(server, texts))) == {200}
        counts = httpx.get(f"{server.address}/fault/counts").json()
    assert counts["num_requests"] == server.counts.num_requests == 6
    assert (counts["num_payloads"], counts["most_of_one_payload"]) == (4, 3)
    assert counts["max_in_flight"] == 6
    assert counts["most_in_one_window"] == 6
    assert counts["by_status"] == {"200": 6}


@pytest.mark.parametrize("limit", [{"in_flight": 4}, {"requests": 4, "window_s": 60}])
def test_beyond_its_limit_the_server_answers_429(limit: dict[str, Any]) -> None:
    script = {"latency_ms": 200, "limit": {**limit, "headers": {"Retry-After": "1"}}}
    with FaultServer(script) as server:
        statuses = asyncio.run(_post_many(server, [str(n) for n in range(10)]))
    assert sorted(statuses) == [200] * 4 + [429] * 6


def test_the_port_can_be_taken_up_again_and_a_taken_one_is_one_clear_line() -> None:
    with FaultServer() as server:
        port = int(server.address.rsplit(":", 1)[1])
        with pytest.raises(InputError, match=f"port {port} of 127.0.0.1"), FaultServer(port=port):
            pass
        address = server.address
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
    with FaultServer(port=port) as server:
        assert post(server).status_code == 200


def test_a_served_script_answers_until_it_is_interrupted(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("default: {text: 我肚子疼。}\n", encoding="utf-8")
    mmed = Path(sys.executable).with_name("mmed")
    command = [
        str(mmed),
        "llm",
        "serve",
        "--backend",
        "fault",
        "--script",
        str(script),
        "--port",
        "0",
    ]
    env = {**os.environ, "PYTHONUTF8": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    line = process.stdout.readline()
    url = line.split()[0]
    response = httpx.post(f"{url}/chat/completions", json=payload(model=REHEARSAL))
    refused = httpx.post(f"{url}/chat/completions", json=payload(model="gpt-5"))
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert texts_of(response) == ["我肚子疼。"]
    assert refused.status_code == 404
    assert str(script) in line
    assert REHEARSAL in line


def test_the_documented_script_is_one() -> None:
    text = (ROOT / "docs" / "llm.md").read_text(encoding="utf-8")
    section = text.partition("## Rehearsing with the fault server")[2].partition("\n## ")[0]
    script = parse_script(yaml.safe_load(section.split("```yaml\n")[1].split("```")[0]), "docs")
    assert script.rules[0].then.status == 429
    assert script.batch.order == "reversed"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "rules: [{then: {statuss: 500}}]",
            r"rules\.0\.then: unknown key 'statuss'; known are .*status",
        ),
        (
            "rules: [{whn: {seen: 1}}]",
            r"rules\.0: unknown key 'whn'; known are then, times, when\.",
        ),
        ("batch: {poll: 1}", r"batch: unknown key 'poll'; known are answered, end, order, polls\."),
        ("rule: []", r"the script: unknown key 'rule'; known are .*rules"),
        ("latency_ms: -1", "latency_ms"),
        ("rules: [", "no YAML"),
        ("- a", "the script"),
    ],
)
def test_a_wrong_script_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_script(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
