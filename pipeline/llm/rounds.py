"""Drives programs by the Batch API: in rounds, each of which sends all that is missing by then.

A program whose next answers are not in the cache notes what it needs and is stopped; after the
round it runs again from its beginning, from the cache. So nothing has to be remembered between two
rounds but the cache, and a run that is repeated goes on where the last one was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic

from pipeline.errors import StoppedError
from pipeline.llm.batch import BatchRunner
from pipeline.llm.budget import Budget
from pipeline.llm.cache import Cache
from pipeline.llm.client import Client, look_up
from pipeline.llm.endpoint import Endpoint
from pipeline.llm.gather import Gathered, Program, Work, run_program, stopping_on_interrupt
from pipeline.llm.pacing import Pacing
from pipeline.llm.request import Answer, Request

MOST_REQUESTS = 500_000  # of a round: they are held in memory, as ten files of the largest size
_JOBS_AT_ONCE = 256  # between two looks at whether Ctrl-C was pressed


def gather_in_batches(
    jobs: Callable[[], Iterable[Work]],
    program: Program[Work],
    endpoint: Endpoint,
    cache: Cache,
    budget: Budget,
    pacing: Pacing,
    tell: Callable[[str], None],
) -> Gathered[Work]:
    """Do all jobs, which `jobs` gives in the same order each time; return those that are left.

    Ctrl-C, a cap, a dead endpoint: what is submitted is paid and stays noted in the cache; the
    same command waits for it instead of sending it again.
    """
    found: Gathered[Work] = Gathered()
    rounds = _Rounds(jobs, program, cache, found)
    client = Client(endpoint, cache, budget, pacing)  # to see how schemas are taken

    def tell_with_cost(line: str) -> None:
        tell(f"{line}; {budget.text()}")

    runner = BatchRunner(endpoint, cache, budget, pacing, client, tell=tell_with_cost)

    async def run() -> None:
        with stopping_on_interrupt(client, found):
            try:
                while missing := await rounds.missing():
                    tell_with_cost(f"{len(missing):,} requests for the Batch API")
                    await runner.run_round(missing)
            except StoppedError as error:
                found.stopped = error
            try:
                await client.close()
            except StoppedError as error:
                found.stopped = found.stopped or error

    asyncio.run(run())
    if found.stopped is not None and not found.is_interrupted:
        found.unfinished = list(rounds.unfinished())
    return found


class _Rounds(Generic[Work]):
    """The jobs that are left, and what each of them needs next."""

    def __init__(
        self,
        jobs: Callable[[], Iterable[Work]],
        program: Program[Work],
        cache: Cache,
        found: Gathered[Work],
    ) -> None:
        self._jobs = jobs
        self._program = program
        self._cache = cache
        self._found = found
        self._is_done = bytearray()  # by the place of the job

    async def missing(self) -> list[Request]:
        """Return what the jobs need next, in their order; none after Ctrl-C."""
        needed: dict[str, Request] = {}
        for place, job in self._left():
            if place % _JOBS_AT_ONCE == 0:
                await asyncio.sleep(0)
            if self._found.is_interrupted or len(needed) >= MOST_REQUESTS:
                break
            needs = self._needs(job)
            self._is_done[place] = not needs
            needed |= needs
        return [] if self._found.is_interrupted else list(needed.values())

    def unfinished(self) -> Iterator[Work]:
        """Yield the jobs that the cache does not bring to their end."""
        return (job for _, job in self._left() if self._needs(job))

    def _left(self) -> Iterator[tuple[int, Work]]:
        for place, job in enumerate(self._jobs()):
            if place == len(self._is_done):
                self._is_done.append(False)
            if not self._is_done[place]:
                yield place, job

    def _needs(self, job: Work) -> dict[str, Request]:
        ask = _Collecting(self._cache)
        try:
            run_program(self._program(job, ask))
        except _MissingError:
            return ask.missing
        return {}


class _MissingError(Exception):
    """Ends a program that needs what is not there yet."""


class _Collecting:
    """An `Ask` that takes answers from the cache and notes what it lacks."""

    def __init__(self, cache: Cache) -> None:
        self.missing: dict[str, Request] = {}
        self._cache = cache

    async def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        found = look_up((self._cache,), requests)
        self.missing = {one.key: one for one in requests if one.key not in found}
        if self.missing:
            raise _MissingError
        return [found[request.key] for request in requests]
