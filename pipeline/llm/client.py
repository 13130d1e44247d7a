"""Gets answers: from the cache, from a pack, or from an endpoint, and never the same one twice.

Only failures of transport are tried again; an answer of any outcome is kept as it is and judged by
whoever reads it. Nothing is lost when a run stops: what is in flight is received, kept and paid.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pipeline.errors import StoppedError
from pipeline.llm.budget import Budget, Reservation
from pipeline.llm.cache import Cache
from pipeline.llm.completion import empty_answer
from pipeline.llm.endpoint import Endpoint, ProbeError
from pipeline.llm.failures import CallError, RateLimitedError, RejectedError, TransientError
from pipeline.llm.pacing import Pacing
from pipeline.llm.request import Answer, MissError, Outcome, Request, RequestFailedError
from pipeline.llm.tokens import prompt_tokens

RETRIES = 6  # after the first failure of transport
BREAKER = 8  # failures one after another, of any requests, without a success between them
# A request that no endpoint has a reason to refuse, sent to learn whether it takes any at all.
PLAIN_TEXT, PLAIN_TOKENS, _PLAIN = "Answer with the word OK.", 64, "plain"
RATE_LIMITED_MOST = 30  # of both where the endpoint merely wants to be asked later
LONGEST_PAUSE_S = 2 * 3600.0
DRAIN_S = 60.0  # for what is in flight when a run is stopped


Sending = Callable[[Request], Coroutine[Any, Any, Answer]]


class Answers(Protocol):
    """Where answers lie, such as a pack."""

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the answers that there are, by key."""
        ...


@dataclass(slots=True)
class Totals:
    """What a client has done so far."""

    num_hits: int = 0
    num_answers: int = 0  # received
    num_failed: int = 0  # requests that did not get through
    num_sent: int = 0  # attempts, of which some fail
    num_estimated: int = 0  # answers without usage
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    last_failure: str = ""


class Replay:
    """An `Ask` that sends nothing: what a cache and a pack do not hold is a `MissError`."""

    def __init__(self, *places: Answers, where: str, hint: str) -> None:
        self._places = places
        self._where = where
        self._hint = hint

    async def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer per request, without ever being suspended."""
        found = look_up(self._places, requests)
        for request in requests:
            if request.key not in found:
                raise MissError.of(request, self._where, self._hint_for(request))
        return [found[request.key] for request in requests]

    def _hint_for(self, request: Request) -> str:
        name = request.prompt.partition("@")[0]
        # Older packs hold names without digits, which tell nothing of the examples.
        same = (request.prompt, request.prompt.partition("+")[0])
        versions = sorted(
            prompt
            for place in self._places
            for prompt in getattr(place, "prompts", ())
            if prompt.partition("@")[0] == name and prompt not in same
        )
        if not versions:
            return self._hint
        return f"It was recorded with {', '.join(versions)}. {self._hint}"


def look_up(places: Iterable[Answers], requests: Sequence[Request]) -> dict[str, Answer]:
    """Return the answers that the first of the places to have them holds, by key."""
    found: dict[str, Answer] = {}
    missing = [request.key for request in requests]
    for place in places:
        found |= place.get(missing)
        missing = [key for key in missing if key not in found]
        if not missing:
            break
    return found


def _plain(request: Request) -> Request:
    """Return a short request that is asked for in the same way and is about nothing."""
    messages = tuple(replace(one, content=PLAIN_TEXT) for one in request.messages)
    return replace(request, messages=messages, max_tokens=PLAIN_TOKENS, schema=None, prompt=_PLAIN)


class Client:
    """An `Ask` that sends what neither cache nor pack holds.

    It may be used in several event loops, one after another; `close` at the end of each.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        cache: Cache,
        budget: Budget,
        pacing: Pacing | None = None,
        pack: Answers | None = None,
        drain_s: float = DRAIN_S,
    ) -> None:
        self.totals = Totals()
        self.pacing = pacing or Pacing()
        self._endpoint = endpoint
        self._cache = cache
        self._budget = budget
        self._places: tuple[Answers, ...] = (cache, pack) if pack else (cache,)
        self._calls: dict[str, asyncio.Task[Answer]] = {}  # in flight, by key
        self._num_failures: Counter[bool] = Counter()  # one after another; by `is_told_to_wait`
        self._failure_ticket = 0  # failures of requests up to this one are counted
        self._has_answered = False
        # Kept once the endpoint has answered anything.
        self._rejected: list[tuple[Request, Answer]] = []
        self._weighing = asyncio.Lock()
        self._drain_s = drain_s
        self._draining: asyncio.Task[None] | None = None
        self._is_abandoned = False

    async def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer per request.

        `RequestFailedError`: one did not get through; the answers of the others are kept. Any other
        `StoppedError`: no request will get through.
        """
        found = look_up(self._places, requests)
        missing = [request for request in requests if request.key not in found]
        self.totals.num_hits += len(requests) - len(missing)
        if missing:
            found |= await self._fetch(missing)
        return [found[request.key] for request in requests]

    async def _fetch(self, requests: Sequence[Request]) -> Mapping[str, Answer]:
        for request in requests:
            self._endpoint.check(request)
        calls = {request.key: self._call(request) for request in requests}
        await asyncio.wait(calls.values())  # unlike `gather`, cancels nothing that others wait for
        errors = [error for call in calls.values() if (error := call.exception())]
        for error in errors:
            if not isinstance(error, RequestFailedError):
                raise error
        if errors:
            raise errors[0]
        return {key: call.result() for key, call in calls.items()}

    def _call(self, request: Request) -> asyncio.Task[Answer]:
        """Return the task that gets an answer; equal requests share one."""
        call = self._calls.get(request.key)
        if call is None:
            call = asyncio.get_running_loop().create_task(self._answer(request))
            self._calls[request.key] = call
            call.add_done_callback(lambda _done: self._calls.pop(request.key, None))
        return call

    async def _answer(self, request: Request) -> Answer:
        """Send a request until an answer comes or its retries are used up."""
        try:
            return await self._answer_in_the_end(request)
        except StoppedError as error:
            if not isinstance(error, RequestFailedError):
                self.stop(str(error))
            raise
        except asyncio.CancelledError:
            if not self._is_abandoned:
                raise
        raise StoppedError("the run was stopped before an answer came; the same command goes on")

    async def _answer_in_the_end(self, request: Request) -> Answer:
        num_tokens = prompt_tokens(request) + request.max_tokens
        failures: Counter[bool] = Counter()  # by `is_told_to_wait`
        while True:
            try:
                return await self._attempt(request, num_tokens)
            except TransientError as error:
                failed = error
            is_told_to_wait = isinstance(failed, RateLimitedError)
            failures[is_told_to_wait] += 1
            if failures[is_told_to_wait] > (RATE_LIMITED_MOST if is_told_to_wait else RETRIES):
                raise self._gave_up(request, str(failed), failures.total())
            if not failed.retry_after_s:  # else the whole pool pauses
                await self.pacing.wait(self.pacing.backoff_s(failures[is_told_to_wait] - 1))

    async def _attempt(self, request: Request, num_tokens: int) -> Answer:
        ticket = await self.pacing.enter(num_tokens)
        unused = num_tokens
        try:
            answer = await self._send_known(request, ticket)
            unused -= answer.prompt_tokens + answer.completion_tokens
            with suppress(TransientError):  # the next rejection, or the end, tries again
                await self._weigh_rejections(BREAKER, lambda plain: self._send(plain, ticket))
            return answer
        finally:
            self.pacing.leave(unused)

    async def _send_known(self, request: Request, ticket: int) -> Answer:
        """Send a request when it is known how its schema is told; the first one finds that out."""
        if self._endpoint.is_settled(request):
            return await self._send(request, ticket)
        assert request.schema is not None
        async with self._endpoint.schema_mode(request.schema).lock:
            await self.pacing.sit_out_pause()  # the last one to try may have been told to wait
            while True:
                with suppress(ProbeError):
                    return await self._send(request, ticket)

    async def _send(self, request: Request, ticket: int) -> Answer:
        reservation = await self._budget.reserve(request)
        try:
            self.pacing.check_open()  # the cap may have been waited for
            self.totals.num_sent += 1
            answer = await self._endpoint.complete(request)
        except RejectedError as error:
            self._budget.release(reservation)
            return self._reject(request, str(error))
        except CallError as error:
            self._settle_failure(reservation, error)
            if isinstance(error, TransientError):
                self._note_failure(error, ticket)
            raise
        except StoppedError:
            self._budget.release(reservation)
            raise
        except asyncio.CancelledError:
            self._budget.forfeit(reservation)
            raise
        return self._accept(answer, reservation)

    def _accept(self, answer: Answer, reservation: Reservation) -> Answer:
        self._budget.settle(reservation, answer)
        totals = self.totals
        totals.num_answers += 1
        totals.outcomes[answer.outcome] += 1
        totals.num_estimated += answer.is_estimated
        self._num_failures.clear()
        self.pacing.succeeded()
        if not self._has_answered:
            self._has_answered = True
            self._keep_rejected()
        return answer

    def _keep_rejected(self) -> None:
        self._cache.put_all(answer for _, answer in self._rejected)
        self._rejected.clear()

    def _reject(self, request: Request, said: str) -> Answer:
        """Return a rejection; it is kept only where the fault is not the whole run's."""
        answer = empty_answer(request, Outcome.REJECTED, said)
        self.totals.outcomes[answer.outcome] += 1
        self.totals.last_failure = said
        if self._has_answered:
            self._cache.put(answer)
        elif request.prompt != _PLAIN:
            self._rejected.append((request, answer))
        return answer

    async def _weigh_rejections(self, at_least: int, send: Sending) -> None:
        """Find out whether rejections, and nothing else so far, are of rows or of the whole run."""
        if len(self._rejected) < at_least:
            return
        async with self._weighing:  # the others wait for what comes of it, in their slots
            if len(self._rejected) < at_least:
                return
            self.pacing.check_open()
            request, _ = self._rejected[-1]
            answer = await send(_plain(request))
            if answer.outcome is Outcome.REJECTED and not self._has_answered:
                raise StoppedError(self._all_rejected())

    async def takes_others(self, request: Request) -> bool:
        """Tell whether the endpoint answers what is asked like a request, with another text."""
        answer = await self._answer_in_the_end(_plain(request))
        return answer.outcome is not Outcome.REJECTED

    def _all_rejected(self) -> str:
        _, last = self._rejected[-1]
        return (
            f"the endpoint took none of the first {len(self._rejected)} requests "
            f"(last: {last.text}), nor a short one of ours. Check the model's name and settings "
            "such as the temperature; the same command goes on."
        )

    def _settle_failure(self, reservation: Reservation, error: CallError) -> None:
        if isinstance(error, ProbeError) and error.answer is not None:
            self._budget.charge(reservation, error.answer)
        elif error.is_charged:
            self._budget.forfeit(reservation)
        else:
            self._budget.release(reservation)

    def _note_failure(self, error: TransientError, ticket: int) -> None:
        self.totals.last_failure = str(error)
        if error.is_overload:
            self.pacing.overloaded(ticket)
        if error.retry_after_s is not None:
            self._pause(error.retry_after_s, str(error))
        if ticket <= self._failure_ticket:
            return  # it was in flight together with one that is counted
        self._failure_ticket = self.pacing.last_ticket
        is_told_to_wait = isinstance(error, RateLimitedError)
        self._num_failures[is_told_to_wait] += 1
        number = self._num_failures[is_told_to_wait]
        if number >= (RATE_LIMITED_MOST if is_told_to_wait else BREAKER):
            self.stop(
                f"the endpoint failed {number} times one after another "
                f"(last: {error}). The same command goes on."
            )
        elif self._has_answered and number > 1:
            self.pacing.pause(self.pacing.backoff_s(number))

    def _pause(self, seconds: float, said: str) -> None:
        if seconds > LONGEST_PAUSE_S:
            self.stop(f"{said}. It wants to be left alone for {seconds:.0f} s; then go on.")
        self.pacing.pause(seconds)

    def _gave_up(self, request: Request, said: str, num_failures: int) -> RequestFailedError:
        self.totals.num_failed += 1
        return RequestFailedError(
            f"row {request.row}, prompt {request.prompt}: no answer after {num_failures} attempts "
            f"(last: {said}). The same command goes on."
        )

    def stop(self, reason: str) -> None:
        """Send nothing more; what is in flight is still received and kept, for a while."""
        self.pacing.close(reason)
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        calls = list(self._calls.values())
        if calls:
            await asyncio.wait(calls, timeout=self._drain_s)
        self._is_abandoned = True
        for call in self._calls.values():
            call.cancel()

    async def close(self) -> None:
        """Close the connections; `StoppedError` if the endpoint took no request at all."""
        try:
            if self._draining is None:
                await self._weigh_rejections(1, self._answer_in_the_end)
            else:
                await self._draining
        finally:
            await self._endpoint.close()
            self._weighing = asyncio.Lock()  # a lock is its loop's
