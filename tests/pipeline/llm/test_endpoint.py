"""Where requests go: stated addresses, keys of the environment, schemas told as they are taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.errors import InputError, StoppedError
from pipeline.llm.endpoint import Endpoint, leads_to_loopback
from pipeline.llm.failures import FatalError, of_status, retry_after_s
from pipeline.llm.request import Outcome
from pipeline.llm.serve.fault import FaultServer, Reply
from tests.pipeline.llm.loopback import PRICE, TEXTS, Rig, ask, request, requests, run
from tests.pipeline.llm.test_client import script

SCHEMA = {
    "type": "object",
    "properties": {"letter": {"enum": ["A", "B"]}, "why": {"type": "string"}},
    "required": ["letter", "why"],
    "additionalProperties": False,
}


def test_no_address_is_taken_by_default() -> None:
    with pytest.raises(InputError, match="no endpoint is stated") as caught:
        Endpoint(None, environment={"OPENAI_API_KEY": "sk-x"})
    assert "OPENAI_BASE_URL" in str(caught.value)


def test_the_recipes_address_goes_before_the_environments() -> None:
    environment = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "sk-x"}
    assert Endpoint(None, environment=environment).base_url == "http://127.0.0.1:1/v1"
    stated = Endpoint("https://host.example/v1/", environment=environment)
    assert stated.base_url == "https://host.example/v1"


NO_ADDRESSES = (
    "host.example/v1",
    "ftp://host.example",
    "https://",
    "http://127.0.0.1:abc/v1",
    "http://127.0.0.1:99999/v1",
    "http://[::1/v1",
    "http://host\0.example/v1",
)


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_an_address_has_to_be_one(url: str) -> None:
    with pytest.raises(InputError, match="does not begin with http"):
        Endpoint(url, environment={"OPENAI_API_KEY": "sk-x"})
    with pytest.raises(InputError, match=r"does not begin with http.* Correct OPENAI_BASE_URL or"):
        leads_to_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:sk-canary@host.example/v1",
        "https://sk-canary@host.example/v1",
        "https://host.example/v1?key=sk-canary",
    ],
)
def test_secrets_in_an_address_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InputError, match=r"host\.example") as caught:
        Endpoint(url, environment={})
    assert "canary" not in str(caught.value)


def test_a_key_is_needed_beyond_this_machine_only() -> None:
    with pytest.raises(InputError, match="Set OPENAI_API_KEY"):
        Endpoint("https://host.example/v1", environment={})
    for host in ("127.0.0.1", "localhost", "[::1]", "127.9.9.9"):
        assert Endpoint(f"http://{host}:8000/v1", environment={}).is_loopback
    for host in ("10.0.0.1", "localhost.example", "0.0.0.0", "128.0.0.1"):
        key = {"OPENAI_API_KEY": "sk-x"}
        assert not Endpoint(f"http://{host}:8000/v1", environment=key).is_loopback


def test_logging_of_whole_requests_is_refused() -> None:
    with pytest.raises(InputError, match="OPENAI_LOG=debug"):
        Endpoint("http://127.0.0.1:1/v1", environment={"OPENAI_LOG": "debug"})


def test_loopback_heeds_no_proxy(
    server: FaultServer, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    rig.ask([request(is_local=True)])
    assert server.counts.num_requests == 1


def test_the_payload_is_what_was_asked_for(server: FaultServer, rig: Rig) -> None:
    rig.ask([request(temperature=None, extra={"seed": 7, "top_p": 0.9})])
    payload = dict(server.received[0].payload)
    assert payload.pop("messages")[1] == {"role": "user", "content": TEXTS["en"]}
    assert payload == {"model": "some-model", "max_tokens": 100, "seed": 7, "top_p": 0.9}


@pytest.mark.parametrize("name", ["max_completion_tokens", "n", "stream", "messages"])
def test_fields_that_bound_the_cost_cannot_be_stated_elsewhere(
    server: FaultServer, rig: Rig, name: str
) -> None:
    with pytest.raises(InputError, match=f"`extra` .* states '{name}'"):
        rig.ask([request(), request(extra={name: 9})])
    assert server.counts.num_requests == 0


@pytest.mark.parametrize(
    ("taken", "way", "num_extra"),
    [
        ("honour", "json_schema", 0),
        ("json_object", "json_object", 1),
        (400, "plain", 2),
        (500, "plain", 4),  # one 500 may be an accident
    ],
)
def test_a_schema_is_told_as_the_endpoint_takes_it(
    server: FaultServer, rig: Rig, taken: Any, way: str, num_extra: int
) -> None:
    script(server, response_format=taken, answers={"": '{"letter": "A", "why": "because"}'})
    endpoint = rig.endpoint()
    wanted = [request(text, schema=SCHEMA) for text in TEXTS.values()]
    answers = rig.ask(wanted, rig.client(endpoint=endpoint))
    assert all(json.loads(answer.text)["letter"] == "A" for answer in answers)
    assert endpoint.schema_mode(SCHEMA).way == way
    assert server.counts.num_requests == len(wanted) + num_extra
    last = server.received[-1].payload
    assert ("JSON Schema" in last["messages"][-1]["content"]) == (way != "json_schema")


def test_a_schema_that_is_silently_ignored_is_told_otherwise_and_paid(
    server: FaultServer, rig: Rig
) -> None:
    script(server, response_format="ignore", default={"usage": [10, 10]})
    endpoint, budget = rig.endpoint(), rig.budget()
    wanted = [request(text, schema=SCHEMA) for text in TEXTS.values()]
    answers = rig.ask(wanted, rig.client(endpoint=endpoint, budget=budget))
    assert {answer.outcome for answer in answers} == {Outcome.OK}
    assert endpoint.schema_mode(SCHEMA).way == "plain"
    assert server.counts.num_requests == len(wanted) + 2
    assert budget.spent == server.counts.num_requests * PRICE.micro_usd(10, 10)


def test_the_way_of_a_schema_is_no_part_of_the_key(server: FaultServer, rig: Rig) -> None:
    script(server, response_format="json_object")
    rig.ask([request(schema=SCHEMA)])
    script(server, response_format="honour")
    rig.ask([request(schema=SCHEMA)])
    assert server.counts.num_requests == 2


def test_a_request_that_no_way_helps_is_rejected_alone(server: FaultServer, rig: Rig) -> None:
    rule = {"when": {"contains": "метформин"}, "then": {"status": 400}}
    script(server, rules=[rule])
    endpoint = rig.endpoint()
    wanted = [request(TEXTS["ru"], schema=SCHEMA), request(TEXTS["fr"], schema=SCHEMA)]
    client = rig.client(endpoint=endpoint, pacing=rig.pacing(max_concurrency=1))
    outcomes = [answer.outcome for answer in rig.ask(wanted, client)]
    assert outcomes == [Outcome.REJECTED, Outcome.OK]
    assert endpoint.schema_mode(SCHEMA).way == "json_schema"


def test_more_than_a_hundred_are_in_flight_at_once(server: FaultServer, rig: Rig) -> None:
    script(server, default={"delay_ms": 60_000})

    async def work() -> int:
        client = rig.client(pacing=rig.pacing(max_concurrency=128), drain_s=0)
        client.pacing.limit = 128
        asking = asyncio.create_task(ask(client, requests(128)))
        async with asyncio.timeout(30):
            while server.counts.in_flight < 128:
                await asyncio.sleep(0.01)
        client.stop("seen enough")
        await asyncio.wait([asking])
        assert isinstance(asking.exception(), StoppedError)
        return server.counts.max_in_flight

    assert run(work()) == 128


RETRY_AFTER: list[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"retry-after": "5"}, 5),
    ({"retry-after": "-3"}, 0),
    ({"retry-after": "inf"}, None),
    ({"retry-after": "nonsense"}, None),
    ({"retry-after-ms": "20", "retry-after": "5"}, 0.02),
    (
        {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
        30,
    ),
    ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "nonsense"}, None),
    ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
]


@pytest.mark.parametrize(("headers", "seconds"), RETRY_AFTER)
def test_all_forms_of_retry_after_are_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "(nothing)"),
        ('{"error": {"message": "no"}}', "no"),
        ('{"error": "no"}', "no"),
        ('{"detail": "no"}', "no"),
        ('[{"error": {"message": "no"}}]', "no"),
        ("<html><style>a {b: c}</style><h1>no</h1></html>", "no"),
        ("null", "None"),
    ],
)
def test_what_an_endpoint_says_is_told_in_one_line(body: str, said: str) -> None:
    assert str(of_status(500, body, {}, "http://here/v1")) == f"http://here/v1 answers 500: {said}"


def test_requests_in_flight_together_all_learn_the_other_name_of_the_limit(
    server: FaultServer, rig: Rig
) -> None:
    said = "Unsupported parameter: use 'max_completion_tokens' instead."

    def answer(payload: Mapping[str, Any]) -> str | Reply:
        return Reply(status=400, message=said) if "max_tokens" in payload else "Fine."

    server._answer = answer
    script(server, latency_ms=100)
    answers = rig.ask(requests(6))
    assert [one.outcome for one in answers] == [Outcome.OK] * 6
    assert server.counts.by_status == {400: 6, 200: 6}


def test_white_space_around_a_key_is_no_part_of_it(rig: Rig) -> None:
    with FaultServer({"key": "sk-right"}) as server:
        endpoint = Endpoint(server.base_url, environment={"OPENAI_API_KEY": " sk-right\r\n"})
        rig.ask([request()], rig.client(endpoint=endpoint))
        assert server.counts.by_status == {200: 1}


@pytest.mark.parametrize("key", ["sk-canary-é", "sk-canary-键", "sk-canary\n2", "sk-canary\x00"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(InputError, match="OPENAI_API_KEY holds a character") as caught:
        Endpoint("https://host.example/v1", environment={"OPENAI_API_KEY": key})
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


EMPTY_PURSES = [
    {"code": "insufficient_quota"},
    {"type": "insufficient_quota"},
    {"code": 429, "type": "insufficient_quota"},
    {"code": "insufficient_quota", "type": "requests"},
    {"code": "rate_limit_exceeded", "type": "billing_hard_limit_reached"},
]


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("error", EMPTY_PURSES)
def test_an_exhausted_account_stops_at_once_wherever_its_word_stands(
    server: FaultServer, rig: Rig, status: int, error: dict[str, Any]
) -> None:
    script(server, default={"status": status, "body": json.dumps({"error": error})})
    with pytest.raises(FatalError, match="no money left"):
        rig.ask([request()])
    assert server.counts.num_requests == 1


@pytest.mark.parametrize("opening", ["[", '{"error": ', '{"message": '])
@pytest.mark.parametrize("depth", [900, 100_000])
def test_an_error_nested_however_deeply_is_told_in_one_line(opening: str, depth: int) -> None:
    ending = "]" if opening == "[" else "}"
    body = f"{opening * depth}1{ending * depth}"
    assert "http://here/v1 answers 500: " in str(of_status(500, body, {}, "http://here/v1"))
