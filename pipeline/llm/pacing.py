"""When a request may be sent: rates, a concurrency that adapts, and pauses of the whole pool.

The number in flight doubles while all goes well, halves when the endpoint is overloaded (once for
all that were in flight together) and then grows slowly. Rates are kept by spacing requests evenly,
so that no minute, wherever it begins, holds more than is allowed. Clock and sleep are arguments.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from pipeline.errors import StoppedError

MAX_CONCURRENCY = 32
_FIRST_LIMIT = 16
_BACKOFF_BASE_S = 0.5
_BACKOFF_MOST_S = 30.0
_LATE_S = 0.02
_SPREAD_S = 1.0  # after a pause, so that not all come back in the same instant

Sleep = Callable[[float], Coroutine[Any, Any, None]]


class Pacing:
    """The gate that every request passes; one for all requests of a run.

    Tickets number the requests that passed, so that failures of requests which were in flight
    together can be told from failures one after another.
    """

    def __init__(
        self,
        max_concurrency: int = MAX_CONCURRENCY,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        seed: int = 0,
    ) -> None:
        self.max_concurrency = max_concurrency
        self.limit = float(min(max_concurrency, _FIRST_LIMIT))
        self.in_flight = 0
        self.last_ticket = 0
        self._s_per_request = 60 / requests_per_minute if requests_per_minute else 0.0
        self._s_per_token = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._clock = clock
        self._sleep = sleep
        self._random = random.Random(seed)  # noqa: S311 - spreads retries
        self._queue: deque[asyncio.Future[None]] = deque()
        self._sleeping: set[asyncio.Task[None]] = set()
        self._next_request = self._next_tokens = self._paused_until = float("-inf")
        self._cut_ticket = 0  # requests up to this one were in flight at the last halving
        self._is_doubling = True
        self._rating: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None
        self._closed = ""

    async def enter(self, num_tokens: int) -> int:
        """Wait until a request of so many tokens may be sent; return its ticket."""
        await self._turn()
        try:
            while True:
                await self.sit_out_pause()
                await self._take_slot(num_tokens)
                self.check_open()
                if self._paused_until <= self._clock():
                    break
        except BaseException:
            self.leave()
            raise
        self.last_ticket += 1
        return self.last_ticket

    def leave(self, unused_tokens: int = 0) -> None:
        """Note that a request has ended, and used so many tokens fewer than it entered with."""
        self.in_flight -= 1
        self._next_tokens -= unused_tokens * self._s_per_token
        self._admit()

    def succeeded(self) -> None:
        """Let more requests in flight."""
        step = 1.0 if self._is_doubling else 1.0 / self.limit
        self.limit = min(float(self.max_concurrency), self.limit + step)
        self._admit()

    def overloaded(self, ticket: int) -> None:
        """Halve the number in flight, once for all requests that were in flight together."""
        if ticket <= self._cut_ticket:
            return
        self._cut_ticket = self.last_ticket
        self._is_doubling = False
        self.limit = max(1.0, self.limit / 2)

    def pause(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    async def sit_out_pause(self) -> None:
        """Wait until the pool's pause is over, if there is one, and a little longer."""
        await self._wait_for(self._paused_until, self._random.uniform(0, _SPREAD_S))

    def paused_s(self) -> float:
        """Return how long nothing will be sent yet."""
        return max(0.0, self._paused_until - self._clock())

    def backoff_s(self, num_failures: int) -> float:
        """Return a random time up to one that doubles with every failure."""
        longest = min(_BACKOFF_MOST_S, _BACKOFF_BASE_S * 2.0**num_failures)
        return self._random.uniform(0, longest)

    async def wait(self, seconds: float) -> None:
        """Sleep; `StoppedError` as soon as the gate is closed."""
        self.check_open()
        nap = asyncio.ensure_future(self._sleep(seconds))
        self._sleeping.add(nap)
        try:
            await asyncio.wait([nap])
        finally:
            self._sleeping.discard(nap)
            nap.cancel()
        self.check_open()

    def close(self, reason: str) -> None:
        """Let nothing pass any more; who waits gets a `StoppedError` with this reason."""
        if self._closed:
            return
        self._closed = reason
        for nap in self._sleeping:
            nap.cancel()
        for waiter in self._queue:
            if not waiter.done():
                waiter.set_exception(StoppedError(reason))
        self._queue.clear()

    async def _turn(self) -> None:
        self.check_open()
        if not self._queue and self.in_flight < int(self.limit):
            self.in_flight += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        self._admit()  # those before it may all have given up
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.leave()
            raise

    def _admit(self) -> None:
        while self._queue and self.in_flight < int(self.limit):
            waiter = self._queue.popleft()
            if not waiter.done():
                self.in_flight += 1
                waiter.set_result(None)

    async def _wait_for(self, moment: float, longer: float = 0) -> None:
        while (left := moment - self._clock()) > 0:
            await self.wait(left + longer)

    async def _take_slot(self, num_tokens: int) -> None:
        """Wait for a time at which the rates allow a request; one after another, as they came."""
        if not self._s_per_request and not self._s_per_token:
            return
        loop = asyncio.get_running_loop()
        if self._rating is None or self._rating[0] is not loop:
            self._rating = loop, asyncio.Lock()
        lock = self._rating[1]
        # Time that one who waits loses by waking late is made up for; a standstill is not.
        late_s = _LATE_S if lock.locked() else 0.0
        async with lock:
            slot = max(self._clock() - late_s, self._next_request, self._next_tokens)
            await self._wait_for(slot)
            self._next_request = slot + self._s_per_request
            self._next_tokens = slot + num_tokens * self._s_per_token

    def check_open(self) -> None:
        """Raise a `StoppedError` if nothing may pass any more."""
        if self._closed:
            raise StoppedError(self._closed)
