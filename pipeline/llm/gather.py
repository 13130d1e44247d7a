"""Drives programs: coroutines that do one job each and ask for what they need.

A fixed number of workers take jobs in order, so that memory does not grow with their number. A
job whose answers are all cached runs to its end without ever being suspended.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pipeline.errors import InputError, StoppedError
from pipeline.llm.request import Answer, Ask, Request, RequestFailedError

_JOBS_PER_TURN = 100

Work = TypeVar("Work")
Program = Callable[[Work, Ask], Coroutine[Any, Any, Any]]


class LiveClient(Protocol):
    """An `Ask` that sends, and can be told to send nothing more."""

    async def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer per request."""
        ...

    def stop(self, reason: str) -> None:
        """Send nothing more; what is in flight is still received and kept."""
        ...

    async def close(self) -> None:
        """Close the connections; a `StoppedError` if nothing got through at all."""
        ...


@dataclass(slots=True)
class Gathered(Generic[Work]):
    """What came of driving jobs: those that did not reach their end, and why the work stopped."""

    unfinished: list[Work] = field(default_factory=list)
    stopped: StoppedError | None = None
    failed: RequestFailedError | None = None  # the last of those that did not get through
    is_interrupted: bool = False


def run_program(program: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - what a job gives
    """Return what a program gives when every answer is at hand."""
    try:
        program.send(None)
    except StopIteration as ended:
        return ended.value
    program.close()
    raise AssertionError("a program waited for an answer that a replay has at once")


def gather(
    jobs: Iterable[Work],
    program: Program[Work],
    client: LiveClient,
    workers: int,
    done: Callable[[Work, Any], None] = lambda _job, _result: None,
) -> Gathered[Work]:
    """Do all jobs, `workers` at a time and in order; `done` is told what each gave.

    Ctrl-C, a cap, a dead endpoint: nothing more is sent, what is in flight is waited for, and the
    jobs that are left come back as unfinished. `InputError`: of a request that may not be sent, or
    of the cache; what is in flight is waited for before it is raised.
    """
    return asyncio.run(_gather(iter(jobs), program, client, workers, done))


async def _gather(
    jobs: Iterator[Work],
    program: Program[Work],
    client: LiveClient,
    workers: int,
    done: Callable[[Work, Any], None],
) -> Gathered[Work]:
    found: Gathered[Work] = Gathered()
    faults: list[InputError] = []

    async def worker() -> None:
        for number, job in enumerate(jobs, start=1):
            if found.stopped is not None:
                found.unfinished.append(job)
                continue
            try:
                done(job, await program(job, client))
            except RequestFailedError as error:  # of this request; others may get through
                found.unfinished.append(job)
                found.failed = error
            except StoppedError as error:
                found.unfinished.append(job)
                found.stopped = error
            except InputError as error:  # raised here, it would cancel the others, who have paid
                faults.append(error)
                found.stopped = StoppedError(str(error))
                client.stop(str(error))
            # Not before: a program is made of a job before the next job is given out.
            if number % _JOBS_PER_TURN == 0:
                await asyncio.sleep(0)  # cached answers suspend nothing; Ctrl-C is seen here

    with stopping_on_interrupt(client, found):
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())
        try:
            await client.close()
        except StoppedError as error:
            found.stopped = found.stopped or error
    if faults:
        raise faults[0]
    return found


@contextmanager
def stopping_on_interrupt(client: LiveClient, found: Gathered[Any]) -> Iterator[None]:
    """Let Ctrl-C inside the block stop the client and be noted, and a second one strike."""
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)

    def interrupted() -> None:
        found.is_interrupted = True
        client.stop("interrupted")
        loop.remove_signal_handler(signal.SIGINT)  # a second Ctrl-C does not wait
        signal.signal(signal.SIGINT, before)

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
