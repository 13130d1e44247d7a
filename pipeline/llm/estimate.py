"""What a run is going to ask: a sample of its jobs runs with made-up answers, and the misses count.

A miss is answered with the text that it was asked about, so that what depends on it is asked as
well. Retries after a failed check cannot be foreseen and are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from pipeline.llm.budget import Price, usd_text
from pipeline.llm.gather import Program, Work, run_program
from pipeline.llm.request import Answer, Ask, Guess, MissError, Outcome, Request
from pipeline.llm.tokens import estimate_tokens, prompt_tokens

SAMPLE = 1000  # jobs that are run for an estimate; ids are hashes, so the first are a fair sample


@dataclass(frozen=True, slots=True)
class Estimate:
    """Requests and tokens of all jobs; `is_sampled` where only the first were counted."""

    num_jobs: int
    num_requests: int
    num_hits: int
    prompt_tokens: int
    completion_tokens: int  # what is expected
    max_completion_tokens: int  # what is asked for at most
    is_sampled: bool

    def usd(self, price: Price) -> tuple[float, float]:
        """Return what is expected to be paid, and the most, retries left out."""
        expected = price.micro_usd(self.prompt_tokens, self.completion_tokens)
        return expected / 1e6, price.micro_usd(self.prompt_tokens, self.max_completion_tokens) / 1e6

    def text(self, price: Price | None) -> str:
        """Return the estimate in one line."""
        about = "about " if self.is_sampled else ""
        tokens = f"{_short(self.prompt_tokens)} tokens in, {_short(self.completion_tokens)} out"
        told = (
            f"{about}{self.num_requests:,} requests to send, {self.num_hits:,} answered before; "
            f"about {tokens}"
        )
        if price is None:
            return told
        expected, most = self.usd(price)
        cost = f"about {usd_text(expected)} USD, at most {usd_text(most)} (retries not counted)"
        return f"{told}; {cost}"


def estimate(jobs: Iterable[Work], num_jobs: int, program: Program[Work], replay: Ask) -> Estimate:
    """Return what jobs are going to ask, beside what `replay` has answers for."""
    guess = _Guess(replay)
    sampled = 0
    for job in islice(jobs, SAMPLE):
        run_program(program(job, guess))
        sampled += 1
    scale = num_jobs / sampled if sampled else 0.0
    return Estimate(
        num_jobs=num_jobs,
        num_requests=round(guess.num_requests * scale),
        num_hits=round(guess.num_hits * scale),
        prompt_tokens=round(guess.prompt_tokens * scale),
        completion_tokens=round(guess.completion_tokens * scale),
        max_completion_tokens=round(guess.max_completion_tokens * scale),
        is_sampled=sampled < num_jobs,
    )


class _Guess:
    """Answers from the cache where it can, else with the source text, and counts."""

    def __init__(self, replay: Ask) -> None:
        self.num_requests = self.num_hits = 0
        self.prompt_tokens = self.completion_tokens = self.max_completion_tokens = 0
        self._replay = replay

    async def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        return [await self._one(request) for request in requests]

    async def _one(self, request: Request) -> Answer:
        try:
            (answer,) = await self._replay([request])
        except MissError:
            return self._missed(request)
        self.num_hits += 1
        return answer

    def _missed(self, request: Request) -> Answer:
        # A made-up answer fails its checks, so what is asked then says nothing.
        text = request.messages[-1].content
        if request.attempt == 0:
            self.num_requests += 1
            self.prompt_tokens += prompt_tokens(request)
            self.completion_tokens += min(estimate_tokens(text), request.max_tokens) // 2
            self.max_completion_tokens += request.max_tokens
        return Guess(request.key, Outcome.OK, text, request.prompt, request.model)


def _short(number: int) -> str:
    for size, mark in ((1_000_000, " M"), (1_000, " k")):
        if number >= size:
            return f"{number / size:.1f}{mark}"
    return str(number)
