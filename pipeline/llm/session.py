"""One run's dealings with a model: what may be spent, what is asked, and what a person is told.

Nothing is sent before its cost was shown, nor without a cap on it. With a pack nothing is sent at
all, and an answer that the pack lacks is an error.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipeline.cli_options import CACHE_DEFAULT
from pipeline.errors import InputError, StoppedError
from pipeline.keys import text_digest
from pipeline.llm.budget import Price, open_budget, usd_text
from pipeline.llm.cache import Cache
from pipeline.llm.client import Answers, Client, Replay
from pipeline.llm.endpoint import Endpoint
from pipeline.llm.estimate import Estimate, estimate
from pipeline.llm.gather import Gathered, Program, Work, gather, run_program
from pipeline.llm.pacing import Pacing
from pipeline.llm.progress import LiveLine
from pipeline.llm.request import Ask, MissError

if TYPE_CHECKING:
    from pipeline.recipe import Llm

_WORKERS_PER_SLOT = 2  # jobs at work per request in flight: some wait for their own last answer
_NOBODY = "The cache is all there is."
_PACK_HINT = (
    "Record it: leave `llm.pack` out, ask the model, and write the pack with `mmed llm pack`."
)


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What the command line says about calls; none of it changes what a build makes."""

    cache: Path = CACHE_DEFAULT
    max_cost_usd: float | None = None
    price: tuple[float, float] | None = None  # instead of the recipe's
    is_partial: bool = False  # go on with what is there when the work stops
    is_batch: bool = False  # ask by the Batch API
    is_recording: bool = False  # ask although the recipe names a pack, to write it anew
    pilot: int | None = None  # jobs per direction and operation


@dataclass(frozen=True, slots=True)
class AnswersPlace:
    """Where answers lie: a cache, or a pack instead of it."""

    cache: Path
    pack: Path | None

    @contextmanager
    def replay(self) -> Iterator[Ask]:
        """Give a way to get answers that sends nothing."""
        with ExitStack() as stack:
            if self.pack is not None:
                yield Replay(_open_pack(self.pack), where=str(self.pack), hint=_PACK_HINT)
            elif self.cache.exists():
                opened = stack.enter_context(Cache(self.cache, is_read_only=True))
                yield Replay(opened, where=str(self.cache), hint=_NOBODY)
            else:
                yield Replay(where=str(self.cache), hint=_NOBODY)


@contextmanager
def _alone_with(cache: Path) -> Iterator[None]:
    """Hold a cache's lock: two runs that ask at once would pay for the same answers."""
    with _lock_file(cache) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{cache}: another run is asking a model with this cache. Wait for it, or give "
                "another --cache."
            ) from error
        yield


def _lock_file(cache: Path) -> IO[str]:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        return cache.with_name(f"{cache.name}.lock").open("w")
    except OSError as error:
        raise InputError(
            f"{cache}: no answers can be kept here ({error.strerror}). Name another file with "
            "`--cache`."
        ) from error


def _open_pack(path: Path) -> Answers:
    from pipeline.llm.pack import Pack

    return Pack(path)


class Session:
    """Gets the answers that jobs need, for the model of one recipe and within one budget."""

    def __init__(self, llm: Llm | None, options: CallOptions, out: Path) -> None:
        self.llm = llm
        self.options = options
        self.out = out  # what is spent is counted per folder
        pack = llm.pack if llm and not options.is_recording else None
        self.place = AnswersPlace(options.cache, pack)

    @property
    def price(self) -> Price | None:
        """What the model costs; the command line's word goes before the recipe's."""
        stated = self.options.price or (self.llm.price if self.llm else None)
        return Price(*stated) if stated else None

    @property
    def account(self) -> str:
        """Under which name the cache counts what is spent."""
        return text_digest("account", str(self.out.absolute()))

    def spent_usd(self) -> float:
        """Return what all runs for the folder have cost so far."""
        if not self.options.cache.exists():
            return 0.0
        with Cache(self.options.cache, is_read_only=True) as cache:
            return cache.spent(self.account) / 1e6

    def estimate(self, jobs: Iterable[Work], num_jobs: int, program: Program[Work]) -> Estimate:
        """Return what jobs are going to ask beside what is cached."""
        with self.place.replay() as ask:
            return estimate(jobs, num_jobs, program, ask)

    def unanswered(self, jobs: Iterable[Work], program: Program[Work]) -> Iterator[Work]:
        """Yield the jobs that the answers at hand do not bring to their end."""
        with self.place.replay() as ask:
            for job in jobs:
                try:
                    run_program(program(job, ask))
                except MissError:
                    yield job

    def get_answers(
        self,
        name: str,
        jobs: Callable[[], Iterable[Work]],
        num_jobs: int,
        program: Program[Work],
    ) -> list[Work]:
        """Get every answer that jobs need; return those left undone, which `--partial` allows.

        `StoppedError` where work is left, `InputError` where a cap, a price or an endpoint is not
        stated; whatever was received is cached.
        """
        assert self.llm is not None
        foreseen = self.estimate(jobs(), num_jobs, program)
        _tell(f"{name}: {num_jobs:,} jobs; {foreseen.text(self.price)}")
        with _alone_with(self.options.cache), Cache(self.options.cache) as cache:
            budget = open_budget(
                self.options.max_cost_usd, self.price, cache, self.account, self.llm.model
            )
            endpoint = Endpoint(self.llm.base_url, timeout_s=self.llm.timeout_s)
            if self.options.is_batch:
                from pipeline.llm.rounds import gather_in_batches

                found = gather_in_batches(
                    jobs, program, endpoint, cache, budget, self._pacing(), _tell
                )
            else:
                client = Client(endpoint, cache, budget, self._pacing())
                with LiveLine(name, num_jobs, client, budget) as line:
                    workers = _WORKERS_PER_SLOT * self.llm.concurrency
                    found = gather(jobs(), program, client, workers, line.count)
                if found.stopped is not None and not client.totals.num_answers:
                    # Jobs had to do with rejections that are not kept: nothing got through.
                    found.unfinished = list(self.unanswered(jobs(), program))
        expected_usd, _ = foreseen.usd(budget.price)
        _tell(
            f"{name}: this run cost {usd_text(budget.paid / 1e6)} USD, "
            f"about {usd_text(expected_usd)} were foreseen"
        )
        return self._left(name, found)

    def _pacing(self) -> Pacing:
        assert self.llm is not None
        rates = (self.llm.requests_per_minute, self.llm.tokens_per_minute)
        return Pacing(self.llm.concurrency, *rates)

    def _left(self, name: str, found: Gathered[Work]) -> list[Work]:
        if found.is_interrupted:
            raise KeyboardInterrupt
        if not found.unfinished:
            return []
        num_left = len(found.unfinished)
        reason = found.stopped or found.failed
        if self.options.is_partial:
            _tell(f"{name}: {num_left:,} jobs left undone, as --partial allows. {reason}")
            return found.unfinished
        raise StoppedError(f"{name}: {num_left:,} jobs are left. {reason}")


def _tell(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - progress, for a person who waits
