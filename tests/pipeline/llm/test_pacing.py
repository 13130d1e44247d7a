"""The gate in front of an endpoint, in a time that passes only while somebody sleeps."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from pipeline.errors import StoppedError
from pipeline.llm.pacing import Pacing
from tests.pipeline.llm.loopback import FakeTime, run


def pacing(time: FakeTime, **settings: Any) -> Pacing:
    return Pacing(**settings, clock=time.clock, sleep=time.sleep)


async def pass_times(gate: Pacing, time: FakeTime, tokens: list[int]) -> list[float]:
    times = []
    for number in tokens:
        await gate.enter(number)
        times.append(time.now - 1000)
        gate.leave()
    return times


def test_no_minute_holds_more_requests_than_allowed() -> None:
    time = FakeTime()
    times = run(pass_times(pacing(time, requests_per_minute=30), time, [1] * 100))
    for begin in times:
        assert sum(begin <= one < begin + 60 for one in times) <= 30
    assert times[-1] == pytest.approx(99 * 2)


def test_a_standstill_is_not_made_up_for() -> None:
    time = FakeTime()
    gate = pacing(time, requests_per_minute=60)

    async def work() -> list[float]:
        times = await pass_times(gate, time, [1, 1])
        time.now += 50  # the process was asleep
        return times + await pass_times(gate, time, [1] * 5)

    times = run(work())
    assert all(later - earlier >= 0.97 for earlier, later in pairwise(times))


def test_tokens_are_paced_by_what_they_may_come_to() -> None:
    time = FakeTime()
    times = run(pass_times(pacing(time, tokens_per_minute=6000), time, [1000, 3000, 10, 10]))
    assert times == pytest.approx([0, 10, 40, 40.1])


def test_tokens_that_were_not_used_are_given_back() -> None:
    time = FakeTime()
    gate = pacing(time, tokens_per_minute=6000)

    async def work() -> float:
        await gate.enter(3000)
        gate.leave(unused_tokens=2000)
        await gate.enter(1)
        return time.now - 1000

    assert run(work()) == pytest.approx(10)


def test_the_number_in_flight_doubles_until_the_first_overload() -> None:
    gate = pacing(FakeTime(), max_concurrency=256)
    begun = gate.limit
    for _ in range(16):
        gate.succeeded()
    assert gate.limit == 2 * begun


def test_it_halves_once_for_all_that_were_in_flight_together_and_then_grows_slowly() -> None:
    gate = pacing(FakeTime(), max_concurrency=256)

    async def work() -> list[int]:
        return [await gate.enter(1) for _ in range(16)]

    tickets = run(work())
    for ticket in tickets:
        gate.overloaded(ticket)
    assert gate.limit == 8
    for _ in range(8):
        gate.succeeded()
    assert 8.9 < gate.limit <= 9
    for _ in tickets:
        gate.leave()
    gate.overloaded(run(gate.enter(1)))
    assert 4.4 < gate.limit <= 4.5


def test_one_request_always_gets_through() -> None:
    gate = pacing(FakeTime())

    async def work() -> None:
        for _ in range(20):
            gate.overloaded(await gate.enter(1))
            gate.leave()
        await gate.enter(1)

    run(work())
    assert gate.limit == 1


def test_it_never_grows_beyond_its_most() -> None:
    gate = pacing(FakeTime(), max_concurrency=3)
    for _ in range(10):
        gate.succeeded()
    assert gate.limit == 3


def test_who_came_first_goes_first() -> None:
    gate = pacing(FakeTime(), max_concurrency=1)
    order = []

    async def one(number: int) -> None:
        await gate.enter(1)
        order.append(number)
        await asyncio.sleep(0)
        gate.leave()

    async def work() -> None:
        await asyncio.gather(*(one(number) for number in range(10)))

    run(work())
    assert order == list(range(10))


def test_who_gave_up_waiting_blocks_nobody() -> None:
    gate = pacing(FakeTime(), max_concurrency=1)

    async def work() -> None:
        await gate.enter(1)
        quitter = asyncio.create_task(gate.enter(1))
        await asyncio.sleep(0)
        quitter.cancel()
        follower = asyncio.create_task(gate.enter(1))
        await asyncio.sleep(0)
        gate.leave()
        await asyncio.wait_for(follower, timeout=1)

    run(work())
    assert gate.in_flight == 1


def test_a_pause_holds_for_all_and_the_longest_counts() -> None:
    time = FakeTime()
    gate = pacing(time)
    gate.pause(30)
    gate.pause(5)
    assert gate.paused_s() == 30
    [passed] = run(pass_times(gate, time, [1]))
    assert 30 <= passed <= 31


def test_rates_hold_after_a_pause_too() -> None:
    time = FakeTime()
    gate = pacing(time, requests_per_minute=60)

    async def work() -> list[float]:
        gate.pause(100)
        passed = []

        async def one() -> None:
            await gate.enter(1)
            passed.append(time.now)

        await asyncio.gather(*(one() for _ in range(5)))
        return sorted(passed)

    assert all(later - earlier >= 0.999 for earlier, later in pairwise(run(work())))


def test_a_closed_gate_tells_why() -> None:
    gate = pacing(FakeTime(), max_concurrency=1)

    async def work() -> list[Any]:
        await gate.enter(1)
        waiting = [asyncio.create_task(gate.enter(1)) for _ in range(3)]
        await asyncio.sleep(0)
        gate.close("the cap is reached")
        return await asyncio.gather(*waiting, gate.enter(1), return_exceptions=True)

    errors = run(work())
    assert [str(error) for error in errors] == ["the cap is reached"] * 4
    assert all(isinstance(error, StoppedError) for error in errors)


def test_the_same_seed_gives_the_same_waits() -> None:
    first, second = (pacing(FakeTime()) for _ in range(2))
    assert [first.backoff_s(n) for n in range(9)] == [second.backoff_s(n) for n in range(9)]
    assert pacing(FakeTime(), seed=1).backoff_s(3) != pacing(FakeTime()).backoff_s(3)
