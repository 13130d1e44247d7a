"""Money: exact prices, a cap that holds, and plain words for what is missing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError, StoppedError
from pipeline.llm.budget import Budget, Price, open_budget, usd_text
from pipeline.llm.cache import Cache
from tests.pipeline.llm.loopback import PRICE, request, requests, run
from tests.pipeline.llm.test_cache import answer


@pytest.mark.parametrize(
    ("price", "tokens", "micro_usd"),
    [
        ((1, 2), (10, 20), 50),
        ((0.15, 0.6), (1000, 0), 150),  # as a float it is 150.00000000000003
        ((0.1, 0), (3, 0), 1),
        ((0, 0), (10_000, 10_000), 0),
        ((0.000001, 0), (1, 0), 1),
    ],
)
def test_cost_is_exact_and_rounded_up(
    price: tuple[float, float], tokens: tuple[int, int], micro_usd: int
) -> None:
    assert Price(*price).micro_usd(*tokens) == micro_usd


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0, "0.00"),
        (0.000001, "0.0000010"),
        (0.0034, "0.0034"),
        (0.0999, "0.100"),
        (0.1, "0.10"),
        (1234.5, "1,234.50"),
    ],
)
def test_an_amount_never_reads_as_nothing(usd: float, text: str) -> None:
    assert usd_text(usd) == text


@pytest.mark.parametrize("usd", [-1, float("nan"), float("inf")])
def test_a_price_or_cap_has_to_be_an_amount(tmp_path: Path, usd: float) -> None:
    with pytest.raises(InputError, match=r"0\.15:0\.60"):
        Price(usd, 1)
    with Cache(tmp_path / "cache") as cache, pytest.raises(InputError, match="--max-cost"):
        Budget(usd, PRICE, cache, "a")


def test_nothing_is_sent_without_a_price_or_a_cap(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        with pytest.raises(InputError, match=r"no price is stated for model 'm'.*--price"):
            open_budget(5, None, cache, "a", "m")
        with pytest.raises(InputError, match="Add `--max-cost USD`"):
            open_budget(None, PRICE, cache, "a", "m")
        assert open_budget(5, PRICE, cache, "a", "m").cap == 5_000_000


def test_what_is_in_flight_is_waited_for_before_the_cap_is_called_reached(tmp_path: Path) -> None:
    most = PRICE.most(request())

    async def work(budget: Budget) -> None:
        first = await budget.reserve(request("one"))
        second = asyncio.create_task(budget.reserve(request("two")))
        await asyncio.sleep(0)
        assert not second.done()
        budget.settle(first, answer())
        assert (await second).micro_usd == PRICE.most(request("two"))

    with Cache(tmp_path / "cache") as cache:
        run(work(Budget(1.5 * most / 1e6, PRICE, cache, "a")))


@settings(deadline=None, max_examples=40)  # it opens a cache each time
@given(st.lists(st.integers(1, 60), min_size=2, max_size=12), st.integers(60, 100))
def test_who_waits_for_the_cap_is_served_in_the_order_of_coming(
    lengths: list[int], cap: int
) -> None:
    wanted = [request("x", max_tokens=length, messages=()) for length in lengths]
    served: list[int] = []

    async def one(budget: Budget, number: int) -> None:
        held = await budget.reserve(wanted[number])
        assert budget.spent <= budget.cap
        served.append(number)
        await asyncio.sleep(0)
        budget.release(held)

    async def work(budget: Budget) -> None:
        tasks = []
        for number in range(len(wanted)):  # newcomers while others wait
            tasks.append(asyncio.create_task(one(budget, number)))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    price = Price(0, 1)
    with TemporaryDirectory() as folder, Cache(Path(folder) / "cache") as cache:
        run(work(Budget(cap / 1e6, price, cache, "a")))
        assert cache.spent("a") == 0
    assert served == sorted(served)


@pytest.mark.parametrize("is_served", [False, True])
def test_who_gives_up_waiting_for_the_cap_holds_nothing(tmp_path: Path, is_served: bool) -> None:
    async def work(budget: Budget) -> None:
        first = await budget.reserve(request("one"))
        second = asyncio.create_task(budget.reserve(request("two")))
        third = asyncio.create_task(budget.reserve(request("three")))
        await asyncio.sleep(0)
        if is_served:  # but it does not know it yet
            budget.release(first)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        if not is_served:
            budget.release(first)
        budget.release(await third)

    most = max(PRICE.most(request(text)) for text in ("one", "two", "three"))
    with Cache(tmp_path / "cache") as cache:
        run(work(Budget(1.5 * most / 1e6, PRICE, cache, "a")))
        assert cache.spent("a") == 0


def test_the_cap_is_reached_when_nothing_is_in_flight_and_too_little_left(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        budget = Budget(0.00001, PRICE, cache, "a")
        with pytest.raises(StoppedError, match="the next request may cost up to"):
            run(budget.reserve(request()))
        assert budget.spent == cache.spent("a") == 0


def test_reservations_made_together_stop_at_the_cap(tmp_path: Path) -> None:
    wanted = requests(10)
    with Cache(tmp_path / "cache") as cache:
        cap = sum(map(PRICE.most, wanted[:4])) + 1
        budget = Budget(cap / 1e6, PRICE, cache, "a")
        held = budget.reserve_all(wanted)
        assert list(held) == [one.key for one in wanted[:4]]
        with pytest.raises(StoppedError):
            budget.reserve_all(wanted[4:])
        assert budget.reserve_all([]) == {}
        for reservation in held.values():
            budget.release(reservation)
        assert budget.spent == cache.spent("a") == 0
