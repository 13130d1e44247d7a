"""The default engine: this process, or a pool of processes on this machine.

Tasks write their results to the store and return small values, so nothing large crosses between
processes. Results come in the order of the tasks, whatever finished first.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from types import TracebackType
from typing import TypeVar

from pipeline import interrupt
from pipeline.errors import StoppedError

Task = TypeVar("Task")
Result = TypeVar("Result")


class LocalEngine:
    """Runs tasks on `workers` processes; with one worker, in this process."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is None:
            return
        if interrupt.led_to(error):  # nobody waits for tasks that are half done
            _abandon(self._pool)
        else:
            self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield the function's results in the order of the tasks."""
        tasks = list(tasks)
        if self.workers == 1 or len(tasks) < 2:
            yield from map(function, tasks)
            return
        try:
            with _interrupts_held():
                results = self._processes().map(function, tasks)
            yield from results
        except BrokenProcessPool as error:
            raise StoppedError(
                "A worker process was killed, most often for want of memory. Run the same "
                "command again, with fewer --workers if memory is short; finished work is kept."
            ) from error

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # polars is not safe to fork, and one thread per worker keeps the machine unshared.
            os.environ.setdefault("POLARS_MAX_THREADS", "1")
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=get_context("spawn"), initializer=_end_with_the_build
            )
        return self._pool


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start processes that never see Ctrl-C: they inherit the mask, also while they import.

    The mask alone does not keep it from this process, where any thread of polars may take it; a
    process whose start is cut in two would print a traceback.
    """
    resource_tracker.ensure_running()  # it would lift the mask when it is started later
    held = {signal.SIGINT}
    with interrupt.held_back():
        signal.pthread_sigmask(signal.SIG_BLOCK, held)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, held)


def _abandon(pool: ProcessPoolExecutor) -> None:
    """Kill the workers, whatever they do; `kill_workers` does so from Python 3.14 on."""
    workers, manager = list(pool._processes.values()), pool._executor_manager_thread
    # First, and kept until its thread ends: it prints a traceback where workers die while it
    # holds cancelled tasks.
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.kill()
    if isinstance(manager, threading.Thread):
        manager.join()


def _end_with_the_build() -> None:
    """Make a worker end when its build is killed."""
    threading.Thread(target=_wait_for_the_build, daemon=True).start()


def _wait_for_the_build() -> None:
    build = parent_process()
    assert build is not None
    build.join()
    os._exit(1)
