"""The line that a person watches while a model is asked, on standard error."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

from pipeline.llm.budget import Budget
from pipeline.llm.client import Client

_EVERY_S = 1.0  # on a terminal
_SELDOM_S = 30.0  # in a log


class LiveLine:
    """Shows what is done, cached, failed and in flight, tokens, cost and the time left."""

    def __init__(self, name: str, num_jobs: int, client: Client, budget: Budget) -> None:
        self._name = name
        self._num_jobs = num_jobs
        self._client = client
        self._budget = budget
        self._num_done = 0
        self._started = time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> LiveLine:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._print("\n")

    def count(self, _job: object, _result: object) -> None:
        """Count a finished job."""
        self._num_done += 1

    def text(self) -> str:
        """Return the line."""
        totals, pacing = self._client.totals, self._client.pacing
        paused = f", waits {pacing.paused_s():.0f} s" if pacing.paused_s() else ""
        return (
            f"{self._name}: {self._num_done:,} of {self._num_jobs:,} jobs, "
            f"{totals.num_answers:,} answers, {totals.num_hits:,} cached, "
            f"{totals.num_failed:,} failed, {pacing.in_flight} in flight{paused}; "
            f"{self._budget.text()}{self._time_left()}"
        )

    def _time_left(self) -> str:
        taken = time.monotonic() - self._started
        if not self._num_done or self._num_done >= self._num_jobs:
            return ""
        left = taken * (self._num_jobs - self._num_done) / self._num_done
        hours, minutes = divmod(round(left / 60), 60)
        return f", about {hours} h {minutes:02} min left"

    def _show(self) -> None:
        while not self._ended.wait(_EVERY_S if self._is_terminal else _SELDOM_S):
            self._print("" if self._is_terminal else "\n")

    def _print(self, end: str) -> None:
        start = "\r\x1b[K" if self._is_terminal else ""
        print(f"{start}{self.text()}", end=end, file=sys.stderr, flush=True)  # noqa: T201
