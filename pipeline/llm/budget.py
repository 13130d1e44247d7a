"""Money: a hard cap kept by reservation, so that nothing in flight can carry the run past it.

Before a request is sent, the most that it may cost is reserved and noted in the cache; when it
ends, the reservation becomes what it did cost. Money is counted in micro-USD, as integers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from math import floor, log10
from typing import NamedTuple

from pipeline.errors import InputError, MmedError, StoppedError
from pipeline.llm.cache import Cache
from pipeline.llm.request import Answer, Request
from pipeline.llm.tokens import prompt_tokens

_MICRO = 1_000_000
_WHOLE_CENTS_USD = 0.1  # from here on cents tell two digits


def usd_text(usd: float) -> str:
    """Return an amount with cents, a small one with its first two digits."""
    if usd == 0 or usd >= _WHOLE_CENTS_USD:
        return f"{usd:,.2f}"
    return f"{usd:.{1 - floor(log10(usd))}f}"


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in USD."""

    input_usd_per_million: float
    output_usd_per_million: float

    def __post_init__(self) -> None:
        if not all(0 <= usd < float("inf") for usd in self._both):
            raise InputError(
                f"the price {self._both!r} is no pair of amounts. "
                "State USD per million tokens, in and out, such as 0.15:0.60."
            )

    @property
    def _both(self) -> tuple[float, float]:
        return self.input_usd_per_million, self.output_usd_per_million

    def micro_usd(self, num_prompt: int, num_completion: int) -> int:
        """Return what tokens cost in micro-USD, rounded up."""
        # USD per million tokens are micro-USD per token; here in millionths, to be exact.
        per_input, per_output = (round(usd * _MICRO) for usd in self._both)
        return -(-(num_prompt * per_input + num_completion * per_output) // _MICRO)

    def most(self, request: Request) -> int:
        """Return the most that one sending of a request may cost, in micro-USD."""
        return self.micro_usd(prompt_tokens(request), request.max_tokens)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is put aside for one sending of a request."""

    attempt: int  # its row in the cache
    micro_usd: int
    account: str


class _Waiter(NamedTuple):
    """A request that waits for the cap to bear it."""

    promise: asyncio.Future[Reservation]
    key: str
    micro_usd: int


class Budget:
    """What an account may spend in all its runs; `account` stands for one output folder."""

    def __init__(self, cap_usd: float, price: Price, cache: Cache, account: str) -> None:
        if not 0 <= cap_usd < float("inf"):
            raise InputError(f"`--max-cost {cap_usd}` is no amount. State USD, such as 5.")
        self.price = price
        self.cap = int(cap_usd * _MICRO)
        self.account = account
        self.spent = cache.spent(account)  # micro-USD, reservations included
        self.paid = 0  # micro-USD, in this run
        self.prompt_tokens = self.completion_tokens = 0  # of this run
        self._cache = cache
        self._open: set[int] = set()  # attempts in flight, which will end soon
        self._waiting: deque[_Waiter] = deque()  # first come, first served

    async def reserve(self, request: Request) -> Reservation:
        """Put aside the most that a request may cost; `StoppedError` if the cap leaves too little.

        What is in flight is waited for first: it mostly costs less than was put aside for it.
        """
        promise: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiter(promise, request.key, self.price.most(request)))
        self._serve()
        try:
            return await promise
        except asyncio.CancelledError:
            if promise.done() and not promise.cancelled() and promise.exception() is None:
                self.release(promise.result())
            raise

    def _serve(self) -> None:
        """Put aside for those who wait, as far as the cap bears it now."""
        while self._waiting:
            waiter = self._waiting[0]
            is_too_much = self.spent + waiter.micro_usd > self.cap
            if is_too_much and self._open and not waiter.promise.done():
                return
            self._waiting.popleft()
            if waiter.promise.done():
                continue  # it gave up
            if is_too_much:
                waiter.promise.set_exception(self._exhausted(waiter.micro_usd))
                continue
            try:
                waiter.promise.set_result(self._begin(waiter))
            except MmedError as error:  # of the cache: it is not the fault of whoever ended
                waiter.promise.set_exception(error)

    def _begin(self, waiter: _Waiter) -> Reservation:
        attempt = self._cache.begin_attempt(self.account, waiter.key, waiter.micro_usd)
        self.spent += waiter.micro_usd
        self._open.add(attempt)
        return self._held(attempt, waiter.micro_usd)

    def reserve_all(self, requests: list[Request]) -> dict[str, Reservation]:
        """Put aside for requests that are sent together, as many from the first as the cap bears.

        `StoppedError` if that is none.
        """
        costs: dict[str, int] = {}
        for request in requests:
            cost = self.price.most(request)
            if self.spent + sum(costs.values()) + cost > self.cap:
                break
            costs[request.key] = cost
        if requests and not costs:
            raise self._exhausted(self.price.most(requests[0]))
        attempts = self._cache.begin_attempts(self.account, costs)
        self.spent += sum(costs.values())
        return {key: self._held(attempts[key], cost) for key, cost in costs.items()}

    def _held(self, attempt: int, micro_usd: int) -> Reservation:
        return Reservation(attempt, micro_usd, self.account)

    def settle(self, reservation: Reservation, answer: Answer) -> None:
        """Replace a reservation by what the answer did cost, and keep the answer."""
        self._count(answer)
        self._end(reservation, self._cost(answer), answer)

    def charge(self, reservation: Reservation, answer: Answer) -> None:
        """Replace a reservation by what an answer did cost that is of no use."""
        self._count(answer)
        self._end(reservation, self._cost(answer), None)

    def release(self, reservation: Reservation) -> None:
        """Give back a reservation: the request did not reach a model."""
        self._end(reservation, 0, None)

    def forfeit(self, reservation: Reservation, answer: Answer | None = None) -> None:
        """Count a reservation in full: nobody tells what the request did cost."""
        if answer is not None:
            self._count(answer)
        self._end(reservation, reservation.micro_usd, answer)

    def text(self) -> str:
        """Return tokens of this run, and what of the cap all runs have spent, in words."""
        tokens = f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens"
        return f"{tokens}, {usd_text(self.spent / _MICRO)} USD of {self.cap / _MICRO:g}"

    def _count(self, answer: Answer) -> None:
        self.prompt_tokens += answer.prompt_tokens
        self.completion_tokens += answer.completion_tokens

    def _cost(self, answer: Answer) -> int:
        return self.price.micro_usd(answer.prompt_tokens, answer.completion_tokens)

    def _end(self, reservation: Reservation, charged: int, answer: Answer | None) -> None:
        self._cache.settle(reservation.attempt, charged, answer)
        if reservation.account == self.account:
            self.spent += charged - reservation.micro_usd
            self.paid += charged
        self._open.discard(reservation.attempt)
        self._serve()

    def _exhausted(self, micro_usd: int) -> StoppedError:
        return StoppedError(
            f"`--max-cost {self.cap / _MICRO:g}` is reached: {usd_text(self.spent / _MICRO)} USD "
            f"are spent and the next request may cost up to {usd_text(micro_usd / _MICRO)} USD. "
            "The same command with a higher cap goes on."
        )


def open_budget(
    cap_usd: float | None, price: Price | None, cache: Cache, account: str, model: str
) -> Budget:
    """Return the budget of a run; an `InputError` says what is missing for one."""
    if price is None:
        raise InputError(
            f"no price is stated for model {model!r}, so its cost cannot be capped. Add "
            "`--price IN:OUT`, in USD per million tokens; 0:0 for a model of your own."
        )
    if cap_usd is None:
        raise InputError("no cap is stated for what the calls may cost. Add `--max-cost USD`.")
    return Budget(cap_usd, price, cache, account)
