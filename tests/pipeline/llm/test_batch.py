"""The Batch API: one cache with live calls, nothing submitted twice, whatever comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pipeline.errors import InputError, StoppedError
from pipeline.llm.batch import SUBMISSIONS, BatchRunner
from pipeline.llm.batch_files import shards
from pipeline.llm.budget import Budget
from pipeline.llm.cache import Cache
from pipeline.llm.endpoint import Endpoint, Reply
from pipeline.llm.request import Answer, Outcome, Request
from pipeline.llm.serve.fault import FaultServer
from tests.pipeline.llm.loopback import PRICE, TEXTS, Rig, request, requests, run
from tests.pipeline.llm.test_client import script
from tests.pipeline.llm.test_structured import SCHEMA


def batch(rig: Rig, wanted: Sequence[Request], budget: Budget | None = None) -> list[str]:
    """Get answers in batches; return what was told meanwhile."""
    budget = budget or rig.budget()
    told: list[str] = []

    async def work() -> None:
        endpoint, pacing = rig.endpoint(), rig.pacing()
        live = rig.client(endpoint=endpoint, budget=budget, pacing=pacing)
        runner = BatchRunner(endpoint, rig.cache, budget, pacing, live, tell=told.append)
        try:
            await runner.run_round(wanted)
        finally:
            await live.close()

    run(work())
    return told


def answers(rig: Rig, wanted: Sequence[Request]) -> list[Answer | None]:
    found = rig.cache.get([one.key for one in wanted])
    return [found.get(one.key) for one in wanted]


def created(server: FaultServer) -> int:
    return len(server.batches.batches)


@pytest.mark.parametrize("order", ["input", "reversed", "shuffled"])
def test_results_in_any_order_answer_their_requests(
    server: FaultServer, rig: Rig, order: str
) -> None:
    script(server, batch={"order": order, "polls": 2})
    wanted = [request(text) for text in TEXTS.values()]
    told = batch(rig, wanted)
    found = answers(rig, wanted)
    assert [one.text for one in found if one] == list(TEXTS.values())
    assert all(
        one.prompt == "translate/en-fr@1" and one.model == "some-model" for one in found if one
    )
    assert created(server) == 1
    assert rig.time.slept == [60, 60]
    assert told[-1] == "batch batch_1: completed, 6 of 6 done, 0 failed"


def test_batches_and_live_calls_share_one_cache(server: FaultServer, rig: Rig) -> None:
    live = rig.ask(requests(3))
    batch(rig, requests(5))
    assert server.counts.num_batch_lines == 2
    assert rig.ask(requests(5))[:3] == live
    assert server.counts.num_requests == 3
    batch(rig, requests(5))
    assert created(server) == 1


def test_equal_requests_are_one_line(server: FaultServer, rig: Rig) -> None:
    batch(rig, [request(), request()])
    assert server.counts.num_batch_lines == 1


def test_a_line_says_what_a_live_call_would(server: FaultServer, rig: Rig) -> None:
    [wanted] = requests(1)
    batch(rig, [wanted])
    [file] = [content for name, content in server.batches.files.items() if name == "file-1"]
    line = json.loads(file)
    assert (line["custom_id"], line["method"], line["url"]) == (
        wanted.key,
        "POST",
        "/v1/chat/completions",
    )
    rig.ask([request("another")])
    assert line["body"].keys() == server.received[-1].payload.keys()


def test_requests_are_cut_into_shards_of_one_model(rig: Rig) -> None:
    wanted = [*requests(5), request(model="other"), *requests(7)[5:]]
    found = list(shards(wanted, rig.endpoint(), most_lines=3))
    assert [[one.row for one in shard.requests] for shard in found] == [
        ["row0", "row1", "row2"],
        ["row3", "row4", "row5"],
        ["row6"],
        ["0123abcd"],
    ]
    one_line = len(found[-1].content)
    small = list(shards(wanted, rig.endpoint(), most_bytes=2 * one_line))
    assert all(len(shard.content) <= 2 * one_line for shard in small)
    assert sum(len(shard.requests) for shard in small) == len(wanted)


def test_failed_lines_are_submitted_again(server: FaultServer, rig: Rig) -> None:
    rule = {"when": {"seen": 1, "contains": "metformine"}, "then": {"status": 500}}
    script(server, rules=[rule])
    wanted = [request(text) for text in TEXTS.values()]
    batch(rig, wanted)
    assert all(answers(rig, wanted))
    assert server.counts.num_batch_lines == 7
    assert created(server) == 2


def test_lines_that_always_fail_leave_the_rest_answered(server: FaultServer, rig: Rig) -> None:
    rule = {"when": {"contains": "metformine"}, "then": {"status": 500, "message": "no luck"}}
    script(server, rules=[rule])
    wanted = [request(text) for text in TEXTS.values()]
    with pytest.raises(StoppedError, match=r"1 requests got no answer .*no luck"):
        batch(rig, wanted)
    assert sum(one is not None for one in answers(rig, wanted)) == 5
    assert created(server) == SUBMISSIONS


def test_a_rejected_line_is_one_rows_end(server: FaultServer, rig: Rig) -> None:
    script(server, rules=[{"when": {"contains": "metformine"}, "then": {"status": 400}}])
    wanted = [request(text) for text in TEXTS.values()]
    batch(rig, wanted)
    outcomes = [one.outcome for one in answers(rig, wanted) if one]
    assert outcomes.count(Outcome.REJECTED) == 1
    assert created(server) == 1


def test_a_batch_of_nothing_but_rejections_is_not_kept(server: FaultServer, rig: Rig) -> None:
    script(server, default={"status": 400, "message": "unknown model"})
    with pytest.raises(StoppedError, match="unknown model"):
        batch(rig, requests(3))
    assert rig.cache.count() == 0


@pytest.mark.parametrize("number", [1, 20])
def test_a_batch_of_bad_rows_alone_ends_where_the_endpoint_takes_other_text(
    server: FaultServer, rig: Rig, number: int
) -> None:
    script(server, rules=[{"when": {"contains": "mg"}, "then": {"status": 400}}])
    wanted = [request(f"{n} mg") for n in range(number)]
    batch(rig, wanted)
    assert {one.outcome for one in answers(rig, wanted) if one} == {Outcome.REJECTED}
    assert created(server) == server.counts.num_requests == 1  # one short request


def test_a_key_that_is_refused_line_by_line_stops_the_run(server: FaultServer, rig: Rig) -> None:
    script(server, default={"status": 401})
    with pytest.raises(StoppedError, match="OPENAI_API_KEY"):
        batch(rig, requests(3))
    assert created(server) == 1


def test_what_an_expired_batch_did_is_kept_and_the_rest_submitted_again(
    server: FaultServer, rig: Rig
) -> None:
    script(server, batch={"end": "expired", "answered": 0.5})
    with pytest.raises(StoppedError, match="This request was not done within 24h"):
        batch(rig, requests(8))
    assert rig.cache.count() == 7  # four, two and one of those that were left each time
    script(server)
    batch(rig, requests(8))
    assert rig.cache.count() == 8


def test_a_completed_batch_without_files_counts_in_full(server: FaultServer, rig: Rig) -> None:
    script(server, batch={"end": "no_output"})
    budget = rig.budget()
    with pytest.raises(StoppedError, match="no line of the results tells of it"):
        batch(rig, requests(2), budget)
    assert budget.spent == SUBMISSIONS * sum(map(PRICE.most, requests(2)))


def test_a_batch_that_is_refused_as_a_whole_stops_the_run(server: FaultServer, rig: Rig) -> None:
    script(server, batch={"end": "failed"})
    budget = rig.budget()
    with pytest.raises(StoppedError, match=r"batch_1 was refused: .*scripted failure"):
        batch(rig, requests(2), budget)
    assert budget.spent == 0
    script(server)
    batch(rig, requests(2))
    assert rig.cache.count() == 2


class KilledError(Exception):
    """The process dies here."""


class DyingEndpoint(Endpoint):
    """One whose process dies: `create` when a batch is made and its id not heard, else polling."""

    moment = "poll"

    async def post(self, path: str, payload: Mapping[str, Any]) -> Reply:
        reply = await super().post(path, payload)
        if self.moment == "create":
            raise KilledError
        return reply

    async def get(self, path: str) -> Reply:
        raise KilledError(path)


def killed_at(moment: str, server: FaultServer, rig: Rig, wanted: Sequence[Request]) -> None:
    endpoint = DyingEndpoint(rig.base_url, environment={})
    endpoint.moment = moment
    budget, pacing = rig.budget(), rig.pacing()
    live = rig.client(endpoint=endpoint, budget=budget, pacing=pacing)
    with pytest.raises(KilledError):
        run(BatchRunner(endpoint, rig.cache, budget, pacing, live).run_round(wanted))
    assert created(server) == 1


@pytest.mark.parametrize("moment", ["create", "poll"])
def test_a_run_that_died_polls_on_and_submits_nothing_twice(
    server: FaultServer, rig: Rig, moment: str
) -> None:
    killed_at(moment, server, rig, requests(4))
    assert rig.cache.spent("build") == sum(map(PRICE.most, requests(4)))
    budget = rig.budget()
    batch(rig, requests(6), budget)  # two rows are new
    assert created(server) == 2
    assert server.counts.num_batch_lines == 6
    found = [one for one in answers(rig, requests(6)) if one]
    assert len(found) == 6
    paid = sum(PRICE.micro_usd(one.prompt_tokens, one.completion_tokens) for one in found)
    assert budget.spent == rig.cache.spent("build") == paid


def test_a_batch_of_another_build_is_waited_for_if_it_holds_what_is_wanted(
    server: FaultServer, rig: Rig
) -> None:
    killed_at("poll", server, rig, requests(4))
    other = rig.budget(account="elsewhere")
    batch(rig, requests(2), other)
    assert created(server) == 1
    assert other.spent == 0
    assert rig.cache.count() == 4
    assert rig.cache.pending_batches(rig.base_url) == []


def test_a_run_that_died_before_submitting_submits_now(server: FaultServer, rig: Rig) -> None:
    script(server, rules=[{"when": {"path": "/v1/files"}, "then": {"status": 500}}])
    with pytest.raises(StoppedError, match="the Batch API failed"):
        batch(rig, requests(2))
    script(server)
    budget = rig.budget()
    batch(rig, requests(2), budget)
    assert created(server) == 1
    assert budget.spent < sum(map(PRICE.most, requests(2)))


def test_a_batch_whose_creation_was_not_heard_of_is_not_created_again(
    server: FaultServer, rig: Rig
) -> None:
    # The batch is made, the answer lost.
    rule = {"when": {"path": "/v1/batches", "number": 1}, "then": {"reset_after": 5}}
    script(server, rules=[rule])
    batch(rig, requests(2))
    assert created(server) == 1
    assert rig.cache.count() == 2


def test_troubles_of_the_way_are_passed_over(server: FaultServer, rig: Rig) -> None:
    rules = [
        {"when": {"path": "/v1/files", "number": 1}, "then": {"status": 503}},
        {"when": {"path": "/v1/batches", "number": 1}, "then": {"status": 429}},
        {"when": {"path": "/v1/batches/", "number": 1}, "then": {"status": 502, "body": "<p>"}},
    ]
    script(server, rules=rules)
    batch(rig, requests(2))
    assert rig.cache.count() == 2
    assert created(server) == 1


def test_a_batch_that_the_endpoint_forgot_is_submitted_again(server: FaultServer, rig: Rig) -> None:
    killed_at("poll", server, rig, requests(2))
    server.batches.batches.clear()
    batch(rig, requests(2))
    assert rig.cache.count() == 2


def test_a_small_cap_submits_what_it_bears_and_goes_on_with_what_is_left_of_it(
    server: FaultServer, rig: Rig
) -> None:
    script(server, default={"usage": [10, 80]})
    wanted = requests(10)
    cap = sum(map(PRICE.most, wanted[:4])) + 1
    budget = rig.budget(cap_usd=cap / 1e6)
    with pytest.raises(StoppedError, match="`--max-cost"):
        batch(rig, wanted, budget)
    assert 4 < rig.cache.count() < 10
    assert [one is not None for one in answers(rig, wanted)[:5]] == [True] * 5
    assert budget.spent == rig.cache.count() * PRICE.micro_usd(10, 80) <= cap


def test_missing_usage_counts_at_the_reservation(server: FaultServer, rig: Rig) -> None:
    script(server, default={"usage": "missing"})
    budget = rig.budget()
    batch(rig, requests(2), budget)
    assert budget.spent == sum(map(PRICE.most, requests(2)))
    assert all(one and one.is_estimated for one in answers(rig, requests(2)))


def test_a_new_schema_is_tried_live_first(server: FaultServer, rig: Rig) -> None:
    script(server, response_format="json_object")
    wanted = [request(text, schema=SCHEMA) for text in TEXTS.values()]
    batch(rig, wanted)
    assert all(answers(rig, wanted))
    assert server.counts.by_status == {400: 1, 200: 1}
    assert server.counts.num_batch_lines == 5


def test_local_rows_do_not_leave(rig: Rig) -> None:
    rig.base_url = "http://198.51.100.7/v1"
    endpoint = rig.endpoint(environment={"OPENAI_API_KEY": "sk-x"})
    live = rig.client(endpoint=endpoint)
    runner = BatchRunner(endpoint, rig.cache, rig.budget(), rig.pacing(), live)
    with pytest.raises(InputError, match="may not leave this machine"):
        run(runner.run_round([request(is_local=True)]))


class DyingCache(Cache):
    """One whose process dies when the lines of a batch are settled, and the batch is not ended."""

    def end_batch(self, shard: str) -> None:
        raise KilledError(shard)


def test_lines_that_a_run_settled_before_it_died_are_not_settled_again(
    server: FaultServer, rig: Rig
) -> None:
    whole = rig.cache
    rig.cache = DyingCache(whole.path)
    with pytest.raises(KilledError):
        batch(rig, requests(4))
    rig.cache.close()
    rig.cache = whole
    budget = rig.budget()
    batch(rig, requests(6), budget)  # two rows are new
    assert budget.spent == rig.cache.spent("build") > 0
    assert server.counts.num_batch_lines == 6
    assert rig.cache.pending_batches(rig.base_url) == []


def test_a_shard_that_fails_gives_back_what_was_put_aside_for_those_after_it(
    server: FaultServer, rig: Rig
) -> None:
    rule = {"when": {"path": "/v1/files", "number": 2}, "then": {"status": 401}}
    script(server, rules=[rule], default={"usage": [10, 20]})
    budget = rig.budget()
    models = ("some-model", "second", "third")  # a batch asks one model
    with pytest.raises(StoppedError, match="OPENAI_API_KEY"):
        batch(rig, [request(model=model) for model in models], budget)
    assert created(server) == 1
    assert budget.spent == rig.cache.spent("build") == PRICE.micro_usd(10, 20)
