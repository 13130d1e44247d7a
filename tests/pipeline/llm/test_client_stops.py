"""What stops a run or slows it down: wrong keys, dead endpoints, rates, caps, Ctrl-C."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipeline.errors import StoppedError
from pipeline.llm.client import BREAKER, RATE_LIMITED_MOST
from pipeline.llm.pacing import Pacing
from pipeline.llm.request import Outcome, RequestFailedError
from pipeline.llm.serve.fault import FaultServer, Reply
from tests.pipeline.llm.loopback import PRICE, TEXTS, Rig, ask, request, requests, run
from tests.pipeline.llm.test_client import script

FATAL: list[tuple[dict[str, Any], str]] = [
    ({"status": 401, "message": "No."}, r"answers 401: No\. No key was sent\. Set OPENAI_API_KEY"),
    ({"status": 403}, "Check the base URL and the model's name"),
    ({"status": 404, "message": "no such model"}, "no such model"),
    ({"status": 402}, "no money left"),
    ({"status": 429, "code": "insufficient_quota"}, "no money left"),
    ({"status": 405}, "Check the base URL and the model's name"),
    ({"status": 307, "body": "", "headers": {"Location": "/elsewhere"}}, "answers 307"),
]


@pytest.mark.parametrize(("reply", "said"), FATAL)
def test_what_a_person_has_to_change_stops_the_run_at_once(
    server: FaultServer, rig: Rig, reply: dict[str, Any], said: str
) -> None:
    script(server, default=reply)
    client = rig.client(pacing=rig.pacing(max_concurrency=1))
    with pytest.raises(StoppedError, match=said) as caught:
        rig.ask(requests(5), client)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert server.counts.num_requests == 1
    assert rig.time.slept == []


def test_a_failed_status_costs_nothing(server: FaultServer, rig: Rig) -> None:
    script(server, rules=[{"when": {"seen": [1, 2, 3]}, "then": {"status": 503}}])
    budget = rig.budget()
    [answer] = rig.ask([request()], rig.client(budget=budget))
    assert budget.spent == PRICE.micro_usd(answer.prompt_tokens, answer.completion_tokens)


def test_an_answer_that_broke_off_counts_in_full(server: FaultServer, rig: Rig) -> None:
    script(server, rules=[{"when": {"seen": 1}, "then": {"reset_after": 10}}])
    budget = rig.budget()
    [answer] = rig.ask([request()], rig.client(budget=budget))
    paid = PRICE.micro_usd(answer.prompt_tokens, answer.completion_tokens)
    assert budget.spent == paid + PRICE.most(request())
    assert rig.cache.spent("build") == budget.spent


def test_an_endpoint_that_is_down_stops_the_run(rig: Rig) -> None:
    rig.base_url = "http://127.0.0.1:9/v1"
    budget = rig.budget()
    with pytest.raises(StoppedError, match="cannot be reached") as caught:
        rig.ask(requests(40), rig.client(budget=budget))
    assert f"failed {BREAKER} times one after another" in str(caught.value)
    assert "http://127.0.0.1:9/v1" in str(caught.value)
    assert budget.spent == 0


def test_failures_one_after_another_open_the_breaker(server: FaultServer, rig: Rig) -> None:
    rig.ask(requests(3))
    script(server, default={"status": 502, "body": "<html>proxy is ill</html>"})
    client = rig.client(pacing=rig.pacing(max_concurrency=1))
    with pytest.raises(StoppedError, match="proxy is ill"):
        rig.ask(requests(40), client)
    assert client.totals.num_sent == BREAKER
    assert rig.cache.count() == 3


def test_failures_of_requests_in_flight_together_count_once(server: FaultServer, rig: Rig) -> None:
    # The first sixteen fail together, as when a server restarts: that is no dead endpoint.
    rule = {"when": {"number": list(range(1, 17))}, "then": {"status": 503}}
    script(server, latency_ms=30, rules=[rule])
    assert len(rig.ask(requests(16))) == 16
    assert server.counts.by_status == {503: 16, 200: 16}


def test_rejections_of_everything_stop_the_run_and_are_not_kept(
    server: FaultServer, rig: Rig
) -> None:
    script(server, default={"status": 400, "message": "unknown parameter"})
    with pytest.raises(StoppedError, match=r"took none of the first .* unknown parameter"):
        rig.ask(requests(60), rig.client(pacing=rig.pacing(max_concurrency=2)))
    assert server.counts.num_requests <= BREAKER + 2 + 1  # in flight, and the short one
    assert rig.cache.count() == 0


def test_a_few_rejections_and_nothing_else_are_not_kept_either(
    server: FaultServer, rig: Rig
) -> None:
    script(server, default={"status": 400})
    with pytest.raises(StoppedError, match="took none of the first 2 requests"):
        rig.ask(requests(2))
    assert rig.cache.count() == 0


def test_a_rejection_before_the_first_success_is_kept_after_it(
    server: FaultServer, rig: Rig
) -> None:
    script(server, rules=[{"when": {"number": 1}, "then": {"status": 400}}])
    rig.ask(requests(3), rig.client(pacing=rig.pacing(max_concurrency=1)))
    assert rig.cache.count() == 3


WAITS = [
    ({"Retry-After": "7"}, 7.0),
    ({"Retry-After": "0.25"}, 0.25),
    ({"retry-after-ms": "1500"}, 1.5),
    ({"Retry-After": "3600"}, 3600.0),
    ({"Retry-After": "date+120"}, 120.0),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
def test_the_whole_pool_waits_as_long_as_it_is_told(
    server: FaultServer, rig: Rig, headers: dict[str, str], seconds: float
) -> None:
    rule = {"when": {"number": 3}, "then": {"status": 429, "headers": headers}}
    script(server, rules=[rule])
    began = rig.time.now
    rig.ask(requests(6), rig.client(pacing=rig.pacing(max_concurrency=1)))
    # A date has whole seconds, and up to a second keeps all from coming back at once.
    assert seconds - 2 <= rig.time.now - began <= seconds + 3
    assert max(rig.time.slept) >= seconds - 2
    assert server.counts.by_status == {200: 6, 429: 1}


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}, {"Retry-After": "date-60"}])
def test_without_a_usable_time_it_waits_as_after_any_failure(
    server: FaultServer, rig: Rig, headers: dict[str, str]
) -> None:
    rule = {"when": {"number": 1}, "then": {"status": 429, "headers": headers}}
    script(server, rules=[rule])
    rig.ask([request()])
    assert len(rig.time.slept) == 1
    assert 0 <= rig.time.slept[0] <= 0.5


def test_a_minute_of_being_told_to_wait_is_no_dead_endpoint(server: FaultServer, rig: Rig) -> None:
    script(server, rules=[{"when": {"seen": list(range(1, 13))}, "then": {"status": 429}}])
    rig.ask(requests(2), rig.client(pacing=rig.pacing(max_concurrency=1)))
    assert rig.cache.count() == 2


def test_being_told_to_wait_for_ever_stops_the_run(server: FaultServer, rig: Rig) -> None:
    script(server, default={"status": 429})
    with pytest.raises(StoppedError, match=f"failed {RATE_LIMITED_MOST} times"):
        rig.ask(requests(40), rig.client(pacing=rig.pacing(max_concurrency=4)))


def test_a_pause_of_hours_stops_the_run_instead(server: FaultServer, rig: Rig) -> None:
    script(server, default={"status": 429, "headers": {"Retry-After": "86400"}})
    with pytest.raises(StoppedError, match="left alone for 86400 s"):
        rig.ask(requests(3))
    assert rig.time.slept == []


def test_requests_do_not_come_back_from_a_pause_in_one_instant(
    server: FaultServer, rig: Rig
) -> None:
    rule = {"when": {"seen": 1}, "then": {"status": 429, "headers": {"Retry-After": "60"}}}
    script(server, rules=[rule])
    rig.ask(requests(16))
    waited = [seconds for seconds in rig.time.slept if seconds >= 59]
    assert len(set(waited)) == len(waited) > 1


def test_a_server_that_takes_four_at_once_is_not_flooded(server: FaultServer, rig: Rig) -> None:
    script(server, latency_ms=30, limit={"in_flight": 4})
    client = rig.client(pacing=rig.pacing(max_concurrency=32))
    assert len(rig.ask(requests(200), client)) == 200
    assert server.counts.by_status[429] < 100


def test_rates_are_kept(server: FaultServer, rig: Rig) -> None:
    # In real time: the server counts what comes in each of its windows.
    script(server, limit={"requests": 11, "window_s": 0.5})
    client = rig.client(pacing=Pacing(requests_per_minute=20 * 60))
    rig.ask(requests(30), client)
    assert server.counts.by_status == {200: 30}
    assert max(server.counts.by_window.values()) <= 11


@pytest.mark.parametrize("concurrency", [1, 32])
def test_a_run_never_spends_more_than_its_cap(
    server: FaultServer, rig: Rig, concurrency: int
) -> None:
    script(server, latency_ms=5, default={"usage": [20, 100]})
    budget = rig.budget(cap_usd=0.005)
    client = rig.client(budget=budget, pacing=rig.pacing(max_concurrency=concurrency))
    with pytest.raises(StoppedError, match=r"`--max-cost 0.005` is reached") as caught:
        rig.ask(requests(100), client)
    assert "The same command with a higher cap goes on." in str(caught.value)
    cost = PRICE.micro_usd(20, 100)
    assert rig.cache.spent("build") == rig.cache.count() * cost
    assert 5000 - PRICE.most(request()) - cost <= rig.cache.spent("build") <= 5000


def test_a_resumed_run_counts_what_its_account_has_spent(server: FaultServer, rig: Rig) -> None:
    script(server, default={"usage": [20, 100]})
    with pytest.raises(StoppedError):
        rig.ask(requests(100), rig.client(budget=rig.budget(cap_usd=0.005)))
    num_before = server.counts.num_requests
    with pytest.raises(StoppedError, match="is reached"):
        rig.ask(requests(100), rig.client(budget=rig.budget(cap_usd=0.005)))
    assert server.counts.num_requests == num_before
    # Another output folder has a purse of its own, and the answers are there for it.
    other = rig.client(budget=rig.budget(cap_usd=0.005, account="elsewhere"))
    with pytest.raises(StoppedError):
        rig.ask(requests(100), other)
    assert server.counts.num_requests == rig.cache.count() > num_before


def test_stopping_sends_nothing_more_and_keeps_what_was_in_flight(
    server: FaultServer, rig: Rig
) -> None:
    script(server, latency_ms=200)

    async def work() -> None:
        client = rig.client(pacing=rig.pacing(max_concurrency=4))
        asking = asyncio.create_task(ask(client, requests(50)))
        while server.counts.in_flight < 4:
            await asyncio.sleep(0.01)
        client.stop("interrupted")
        await asking

    with pytest.raises(StoppedError, match="interrupted"):
        run(work())
    assert server.counts.num_requests == 4
    assert rig.cache.count() == 4
    assert rig.cache.spent("build") == sum(
        PRICE.micro_usd(one.prompt_tokens, one.completion_tokens)
        for one in rig.cache.in_key_order()
    )


def test_stopping_does_not_wait_for_ever(server: FaultServer, rig: Rig) -> None:
    script(server, default={"delay_ms": 60_000})

    async def work() -> None:
        client = rig.client(drain_s=0.1)
        asking = asyncio.create_task(ask(client, [request()]))
        while server.counts.in_flight < 1:
            await asyncio.sleep(0.01)
        client.stop("interrupted")
        await asking

    with pytest.raises(StoppedError, match="stopped before an answer came"):
        run(work())
    assert rig.cache.spent("build") == PRICE.most(request())


def test_stopping_wakes_those_who_wait_for_an_hour(server: FaultServer, rig: Rig) -> None:
    script(server, default={"status": 429, "headers": {"Retry-After": "3600"}})

    async def work() -> None:
        client = rig.client(pacing=Pacing())  # in real time
        asking = asyncio.create_task(ask(client, requests(3)))
        while not client.pacing.paused_s():
            await asyncio.sleep(0.01)
        client.stop("interrupted")
        await asking

    with pytest.raises(StoppedError, match="interrupted"):
        run(asyncio.wait_for(work(), timeout=5))


@pytest.mark.parametrize("language", TEXTS)
def test_a_failed_request_names_row_prompt_and_the_last_failure(
    server: FaultServer, rig: Rig, language: str
) -> None:
    script(server, default={"status": 500, "body": "<html><h1>Server error</h1></html>"})
    with pytest.raises(RequestFailedError) as caught:
        rig.ask([request(TEXTS[language], row=f"row-{language}")])
    assert f"row row-{language}, prompt translate/en-fr@1" in str(caught.value)
    assert "answers 500: Server error" in str(caught.value)
    assert "<" not in str(caught.value)


def test_a_rejection_of_one_new_row_after_a_run_that_went_well_is_kept(
    server: FaultServer, rig: Rig
) -> None:
    rig.ask(requests(3))
    rule = {"when": {"contains": "more row"}, "then": {"status": 400, "message": "too long"}}
    script(server, rules=[rule])
    new = request("one more row")
    for _ in range(2):
        assert [one.outcome for one in rig.ask([new])] == [Outcome.REJECTED]
    assert server.counts.by_status == {200: 3 + 1, 400: 1}


@pytest.mark.parametrize("concurrency", [1, 32])
@pytest.mark.parametrize("number", [1, BREAKER - 1, BREAKER, 40])
def test_bad_rows_alone_end_as_rejections_where_the_endpoint_takes_other_text(
    server: FaultServer, rig: Rig, number: int, concurrency: int
) -> None:
    script(server, rules=[{"when": {"contains": "mg"}, "then": {"status": 400}}])
    wanted = [request(f"{n} mg") for n in range(number)]
    for _ in range(2):
        client = rig.client(pacing=rig.pacing(max_concurrency=concurrency))
        assert {one.outcome for one in rig.ask(wanted, client)} == {Outcome.REJECTED}
    assert server.counts.by_status == {200: 1, 400: number}  # a short request once; none again
    sent = next(one for one in server.received if "mg" not in str(one.payload)).payload
    assert [one["role"] for one in sent["messages"]] == ["system", "user"]


@pytest.mark.usefixtures("server")
def test_what_is_wrong_with_every_request_is_wrong_with_the_short_one(rig: Rig) -> None:
    rig.ask(requests(3))
    with FaultServer(answer=lambda one: Reply(status=400) if "extra" in one else "OK") as picky:
        rig.base_url = picky.base_url
        with pytest.raises(StoppedError, match="took none of the first"):
            rig.ask([request(f"{n} mg", extra={"extra": 1}) for n in range(3)])
    assert rig.cache.count() == 3


def test_rejections_of_a_model_that_never_answered_are_not_kept(
    server: FaultServer, rig: Rig
) -> None:
    rig.ask(requests(3))
    script(server, default={"status": 400})
    with pytest.raises(StoppedError, match="took none of the first 1 requests"):
        rig.ask([request(model="misspelt")])
    assert rig.cache.count() == 3


def test_rejections_of_many_rows_are_the_runs_fault_though_earlier_ones_went_well(
    server: FaultServer, rig: Rig
) -> None:
    rig.ask(requests(3))
    script(server, default={"status": 400})
    with pytest.raises(StoppedError, match="took none of the first"):
        rig.ask(requests(60)[3:])
    assert rig.cache.count() == 3
