"""Answers from a server on loopback: never paid twice, typed, in order, whatever goes wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.llm.cache import Cache
from pipeline.llm.client import Replay
from pipeline.llm.pack import Pack, write_pack
from pipeline.llm.request import MissError, Outcome, RequestFailedError
from pipeline.llm.serve.fault import FaultServer
from pipeline.llm.serve.script import Reply, parse_script
from tests.pipeline.llm.loopback import TEXTS, Rig, ask, request, requests, run


def script(server: FaultServer, **values: Any) -> None:
    server.script = parse_script(values, "test")


@pytest.mark.parametrize("language", TEXTS)
def test_an_answer_is_paid_once_and_read_from_the_cache_ever_after(
    server: FaultServer, rig: Rig, language: str
) -> None:
    wanted = [request(TEXTS[language])]
    first = rig.ask(wanted)
    assert first[0].text == TEXTS[language]
    assert rig.ask(wanted) == first
    assert server.counts.num_requests == 1


def test_a_new_row_sends_the_requests_of_that_row_alone(server: FaultServer, rig: Rig) -> None:
    rig.ask(requests(20))
    rig.ask(requests(21))
    assert server.counts.num_requests == 21
    assert server.received[-1].payload["messages"][-1]["content"].startswith("20. ")


def test_a_changed_prompt_sends_the_requests_of_that_prompt_alone(
    server: FaultServer, rig: Rig
) -> None:
    rig.ask([request("one"), request("two", prompt="rationale/en@1")])
    rig.ask([request("one"), request("two, in other words", prompt="rationale/en@2")])
    assert server.counts.num_requests == 3


def test_an_attempt_number_makes_another_request_of_the_same_text(
    server: FaultServer, rig: Rig
) -> None:
    rig.ask([request(), request(attempt=1)])
    assert server.counts.num_requests == 2


def test_equal_requests_in_flight_are_sent_once(server: FaultServer, rig: Rig) -> None:
    script(server, latency_ms=50)

    async def work() -> Any:
        client = rig.client()
        answers = await asyncio.gather(*(client([request(), request()]) for _ in range(8)))
        await client.close()
        return answers

    answers = run(work())
    assert server.counts.num_requests == 1
    assert {answer.text for pair in answers for answer in pair} == {TEXTS["en"]}


def test_who_gives_up_waiting_takes_the_answer_from_nobody(server: FaultServer, rig: Rig) -> None:
    script(server, latency_ms=100)

    async def work() -> Any:
        client = rig.client()
        impatient = asyncio.create_task(client([request()]))
        patient = asyncio.create_task(client([request()]))
        await asyncio.sleep(0.03)
        impatient.cancel()
        answers = await patient
        await client.close()
        return answers

    assert run(work())[0].text == TEXTS["en"]
    assert server.counts.num_requests == 1


@pytest.mark.parametrize("concurrency", [1, 16])
def test_answers_are_the_same_and_in_order_whatever_the_concurrency(
    server: FaultServer, rig: Rig, concurrency: int
) -> None:
    flaky = {"when": {"probability": 0.2, "seen": 1}, "then": {"status": 502}}
    script(server, rules=[flaky])
    wanted = requests(40)
    answers = rig.ask(wanted, rig.client(pacing=rig.pacing(max_concurrency=concurrency)))
    assert [answer.text for answer in answers] == [one.messages[-1].content for one in wanted]
    assert server.counts.max_in_flight <= concurrency


def test_a_pack_is_asked_before_the_endpoint(server: FaultServer, rig: Rig, tmp_path: Path) -> None:
    recorded = rig.ask(requests(3))
    write_pack(rig.cache, tmp_path / "pack.parquet")
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    other = Rig(fresh, rig.base_url)
    client = other.client(pack=Pack(tmp_path / "pack.parquet"))
    assert other.ask(requests(4), client)[:3] == recorded
    assert client.totals.num_hits == 3
    assert server.counts.num_requests == 4


def test_what_was_asked_and_who_answered_is_noted(server: FaultServer, rig: Rig) -> None:
    default = {"model": "some-model-2026-01-01", "fingerprint": "fp_7", "usage": [31, 17]}
    script(server, default=default)
    wanted = request()
    [answer] = rig.ask([wanted])
    assert (answer.key, answer.prompt, answer.model) == (
        wanted.key,
        "translate/en-fr@1",
        "some-model",
    )
    assert (answer.model_returned, answer.fingerprint) == ("some-model-2026-01-01", "fp_7")
    assert (answer.prompt_tokens, answer.completion_tokens) == (31, 17)
    assert answer.request_id == "req_1"


OUTCOMES: list[tuple[dict[str, Any], Outcome]] = [
    ({"finish_reason": "length", "wrap": "cut"}, Outcome.LENGTH),
    ({"finish_reason": "length", "text": '{"a": 1}'}, Outcome.LENGTH),
    ({"finish_reason": "max_tokens"}, Outcome.LENGTH),
    ({"finish_reason": "content_filter"}, Outcome.CONTENT_FILTER),
    ({"refusal": "I cannot help with that."}, Outcome.REFUSAL),
    ({"text": ""}, Outcome.EMPTY),
    ({"text": " \n\t"}, Outcome.EMPTY),
    ({"content": "null"}, Outcome.EMPTY),
    ({"num_choices": 0}, Outcome.EMPTY),
    ({"finish_reason": "tool_calls"}, Outcome.MALFORMED),
    ({"finish_reason": "gave_up", "text": ""}, Outcome.MALFORMED),
]


@pytest.mark.parametrize(("reply", "outcome"), OUTCOMES)
def test_outcomes_of_content_are_typed_paid_and_never_sent_again(
    server: FaultServer, rig: Rig, reply: dict[str, Any], outcome: Outcome
) -> None:
    script(server, default={**reply, "usage": [10, 5]})
    budget = rig.budget()
    client = rig.client(budget=budget)
    [answer] = rig.ask([request()], client)
    assert answer.outcome is outcome
    assert client.totals.outcomes == {outcome: 1}
    assert budget.spent == 10 * 1 + 5 * 2
    assert rig.ask([request()])[0].outcome is outcome
    assert server.counts.num_requests == 1


def test_missing_usage_is_estimated_and_says_so(server: FaultServer, rig: Rig) -> None:
    script(server, default={"usage": "missing"})
    client = rig.client()
    [answer] = rig.ask([request()], client)
    assert answer.is_estimated
    assert answer.prompt_tokens > 0
    assert answer.completion_tokens > 0
    assert client.totals.num_estimated == 1


PASSING_FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("500", {"status": 500}),
    ("502 with a page", {"status": 502, "body": "<html><b>Bad gateway</b></html>"}),
    ("503", {"status": 503}),
    ("529", {"status": 529}),
    ("408", {"status": 408}),
    ("a page that says 200", {"body": "<html>Please log in</html>"}),
    ("no body", {"body": ""}),
    ("no object", {"body": "[1, 2]", "content_type": "application/json"}),
    *(
        (f"choices of {choices}", {"body": f'{{"choices": {choices}}}'})
        for choices in (
            '"plain"',
            '["plain"]',
            '[{"message": "plain"}]',
            '[{"message": ["plain"]}]',
            '[{"message": []}]',
            '[{"message": 0}]',
        )
    ),
    ("half an object", {"body": '{"choices": [{"mess', "content_type": "application/json"}),
    ("another object", {"body": '{"ok": true}', "content_type": "application/json"}),
    (
        "an error that says 200",
        {"body": '{"error": {"code": 502}}', "content_type": "application/json"},
    ),
    ("an answer that broke off", {"finish_reason": "error"}),
    ("a reset before the body", {"reset_after": 0}),
    ("a reset within the body", {"reset_after": 40}),
]


@pytest.mark.parametrize("fault", [fault for _, fault in PASSING_FAULTS], ids=dict(PASSING_FAULTS))
def test_a_fault_that_passes_is_tried_again(
    server: FaultServer, rig: Rig, fault: dict[str, Any]
) -> None:
    script(server, rules=[{"when": {"seen": [1, 2]}, "then": fault}])
    [answer] = rig.ask([request()])
    assert answer.text == TEXTS["en"]
    assert server.counts.num_requests == 3
    assert len(rig.time.slept) == 2


@pytest.mark.parametrize("fault", [{"delay_ms": 3000}, {"drip_ms": 300}], ids=["silent", "slow"])
def test_a_server_that_is_silent_or_drips_is_given_up_after_the_timeout(
    server: FaultServer, rig: Rig, fault: dict[str, Any]
) -> None:
    script(server, rules=[{"when": {"seen": 1}, "then": fault}])
    budget = rig.budget()
    client = rig.client(budget=budget, endpoint=rig.endpoint(timeout_s=0.3))
    [answer] = rig.ask([request()], client)
    assert answer.text == TEXTS["en"]
    assert server.counts.num_requests == 2
    # What timed out may have been paid for: it counts at its reservation.
    cost = budget.price.micro_usd(answer.prompt_tokens, answer.completion_tokens)
    assert budget.spent == cost + budget.price.most(request())


def test_a_request_that_never_gets_through_fails_and_the_others_go_on(
    server: FaultServer, rig: Rig
) -> None:
    script(server, rules=[{"when": {"contains": "metformine"}, "then": {"status": 500}}])
    with pytest.raises(RequestFailedError) as caught:
        rig.ask([request(text) for text in TEXTS.values()])
    assert "no answer after 7 attempts" in str(caught.value)
    assert "500" in str(caught.value)
    assert server.counts.by_status == {200: 5, 500: 7}
    assert rig.cache.count() == 5


def test_times_between_attempts_double_with_full_jitter(server: FaultServer, rig: Rig) -> None:
    script(server, default={"status": 500})
    with pytest.raises(RequestFailedError):
        rig.ask([request()])
    longest = [0.5 * 2**n for n in range(6)]
    assert len(rig.time.slept) == 6
    assert all(0 <= slept <= most for slept, most in zip(rig.time.slept, longest, strict=True))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_rejected_request_is_one_rows_end_and_is_not_sent_again(
    server: FaultServer, rig: Rig, status: int
) -> None:
    rule = {"when": {"contains": "метформин"}, "then": {"status": status, "message": "too long"}}
    script(server, rules=[rule])
    wanted = [request(text) for text in TEXTS.values()]
    answers = rig.ask(wanted)
    outcomes = {one.outcome for one in answers if "метформин" not in one.text}
    assert answers[4].outcome is Outcome.REJECTED
    assert "too long" in answers[4].text
    assert outcomes == {Outcome.OK, Outcome.REJECTED}
    assert rig.ask(wanted)[4].outcome is Outcome.REJECTED
    assert server.counts.num_requests == 6


def test_a_prompt_that_a_filter_rejects_is_filtered_content(server: FaultServer, rig: Rig) -> None:
    script(server, default={"status": 400, "code": "content_filter"})
    assert rig.ask([request()])[0].outcome is Outcome.CONTENT_FILTER
    assert rig.ask([request()])[0].outcome is Outcome.CONTENT_FILTER
    assert server.counts.num_requests == 1


def test_an_endpoint_that_knows_another_name_for_the_limit_is_told_that(
    server: FaultServer, rig: Rig
) -> None:
    message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    server.script = parse_script({}, "test")

    def answer(payload: Any) -> str | Reply:
        if "max_tokens" in payload:
            return Reply(status=400, message=message)
        return "fine"

    with FaultServer(answer=answer) as strict:
        rig.base_url = strict.base_url
        client = rig.client(pacing=rig.pacing(max_concurrency=1))
        assert {one.text for one in rig.ask(requests(3), client)} == {"fine"}
        assert strict.counts.by_status == {400: 1, 200: 3}


def test_a_local_row_is_never_sent_elsewhere(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "http://198.51.100.7/v1")
    client = rig.client(endpoint=rig.endpoint(environment={"OPENAI_API_KEY": "sk-x"}))
    with pytest.raises(InputError, match="may not leave this machine"):
        rig.ask([request("open"), request("closed", is_local=True)], client)
    assert client.totals.num_sent == 0


def test_a_local_row_is_asked_on_loopback(server: FaultServer, rig: Rig) -> None:
    [answer] = rig.ask([request(is_local=True)])
    assert answer.is_local
    assert server.counts.num_requests == 1


def test_a_replay_gives_what_is_there_without_waiting(rig: Rig) -> None:
    recorded = rig.ask(requests(5))
    with Cache(rig.cache.path, is_read_only=True) as cache:
        call = Replay(cache, where="the cache", hint="Ask again.")(requests(5))
        with pytest.raises(StopIteration) as ended:
            call.send(None)
    assert ended.value.value == recorded


def test_a_miss_names_row_prompt_and_place(rig: Rig) -> None:
    replay = Replay(rig.cache, where="answers.sqlite", hint="Ask again.")
    with pytest.raises(MissError) as caught:
        run(replay([request()]))
    assert str(caught.value) == (
        "answers.sqlite holds no answer to prompt 'translate/en-fr@1' for row 0123abcd "
        "(model 'some-model'). Ask again."
    )


@pytest.mark.parametrize(
    ("recorded", "asked", "is_other"),
    [
        ("translate/en-fr@1", "translate/en-fr@2", True),
        ("translate/en-fr@1", "translate/en-fr@2+0a1b2c3d", True),
        ("translate/en-fr@1+99999999", "translate/en-fr@1+0a1b2c3d", True),  # of its examples
        ("translate/en-fr@1", "translate/en-fr@1+0a1b2c3d", False),  # an older pack
        ("translate/en-fr@1+0a1b2c3d", "translate/en-fr@1+0a1b2c3d", False),
    ],
)
def test_a_miss_names_the_version_that_a_pack_was_recorded_with(
    rig: Rig, tmp_path: Path, recorded: str, asked: str, is_other: bool
) -> None:
    rig.ask([request(prompt=recorded)])
    write_pack(rig.cache, tmp_path / "pack.parquet")
    replay = Replay(Pack(tmp_path / "pack.parquet"), where="pack.parquet", hint="Record it.")
    with pytest.raises(MissError) as caught:
        run(replay([request("in other words", prompt=asked)]))
    hint = f"It was recorded with {recorded}. Record it."
    assert str(caught.value).endswith(hint if is_other else "'some-model'). Record it.")


def test_one_client_serves_one_loop_after_another(server: FaultServer, rig: Rig) -> None:
    client = rig.client()
    run(ask(client, requests(2)))
    run(ask(client, requests(4)))
    assert server.counts.num_requests == 4
