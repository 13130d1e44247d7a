"""What all programs share: their settings, and the requests that one row asks and pays for.

A program is a coroutine that does one row's work with whatever `Ask` it is given. It reads no
clock, file or global state, so that the same answers always lead to the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.llm.prompts import Prompt
from pipeline.llm.request import Answer, Ask, Guess, Message, Outcome, Request
from pipeline.llm.tokens import estimate_tokens

# A varied retry has to be able to come out otherwise than the first try at temperature 0.
RETRY_TEMPERATURE = 0.3
RETRY_ATTEMPT = 1
MAX_TOKENS_LIMIT = 8192
# A text may need three times its source's tokens: Chinese becomes Russian, a small vocabulary.
_GROWTH = 3
_SMALLEST_STEP = 64
# Asking again changes nothing about what these say of a request, and LENGTH was asked again.
_FINAL = frozenset({Outcome.LENGTH, Outcome.CONTENT_FILTER, Outcome.REJECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSettings:
    """What decides a program's requests beside the row: the model and how it is asked."""

    model: str
    temperature: float | None = 0.0  # None: the endpoint takes none
    extra: Mapping[str, Any] = field(default_factory=dict)
    checks: frozenset[str] = frozenset()  # of a translation, optional: back_translation, judge
    similarity: Callable[[str, str], float] | None = None  # of two texts across languages
    # e5: of right pairs 1 % are under .83 to .87; half of the unrelated ones are under .77 to .78.
    min_similarity: float = 0.80


@dataclass(frozen=True, slots=True)
class Call:
    """One thing to ask: messages of a prompt, and how long the answer may be."""

    prompt: Prompt
    messages: tuple[Message, ...]
    max_tokens: int
    is_retry: bool = False
    schema: Mapping[str, Any] | None = None


class RowAsk:
    """Asks for one row, and remembers under which keys the answers are kept, in order."""

    def __init__(self, row: Mapping[str, Any], settings: ProgramSettings, ask: Ask) -> None:
        self.keys: list[str] = []
        # Made-up answers would fail if they were judged, and what follows would not be asked.
        self.is_guess = False
        self._row = row
        self._settings = settings
        self._ask = ask

    async def __call__(self, calls: Sequence[Call]) -> list[Answer]:
        """Return one answer per call; one that was cut is asked for once more with more room."""
        requests = [self._request(call) for call in calls]
        answers = await self._get(requests)
        cut = [place for place, answer in enumerate(answers) if _can_grow(answer, requests[place])]
        longer = await self._get([_with_more_room(requests[place]) for place in cut])
        for place, answer in zip(cut, longer, strict=True):
            answers[place] = answer
        return answers

    async def one(self, call: Call) -> Answer:
        """Return the answer to a single call."""
        return (await self([call]))[0]

    async def _get(self, requests: list[Request]) -> list[Answer]:
        if not requests:
            return []
        self.keys += [request.key for request in requests]
        answers = list(await self._ask(requests))
        self.is_guess = self.is_guess or any(isinstance(one, Guess) for one in answers)
        return answers

    def _request(self, call: Call) -> Request:
        is_varied = call.is_retry and self._settings.temperature is not None
        return Request(
            model=self._settings.model,
            messages=call.messages,
            max_tokens=call.max_tokens,
            temperature=RETRY_TEMPERATURE if is_varied else self._settings.temperature,
            attempt=RETRY_ATTEMPT if call.is_retry else 0,
            schema=call.schema,
            extra=self._settings.extra,
            prompt=call.prompt.exact_name,
            row=self._row["id"],
            is_local=self._row["egress"] == "local",
        )


def _can_grow(answer: Answer, request: Request) -> bool:
    return answer.outcome is Outcome.LENGTH and request.max_tokens < MAX_TOKENS_LIMIT


def _with_more_room(request: Request) -> Request:
    return replace(request, max_tokens=min(2 * request.max_tokens, MAX_TOKENS_LIMIT))


def max_tokens_for(text: str) -> int:
    """Return how many tokens a text of about this content may take, in steps that stay the same."""
    wanted = _GROWTH * estimate_tokens(text) + _SMALLEST_STEP
    step = _SMALLEST_STEP
    while step < wanted and step < MAX_TOKENS_LIMIT:
        # 64, 96, 128, 192, …: a better estimate seldom moves a request to another step.
        step = step * 3 // 2 if step.bit_count() == 1 else step // 3 * 4
    return min(step, MAX_TOKENS_LIMIT)


def may_retry(answer: Answer) -> bool:
    """Tell whether a varied retry can help; a cut answer has been asked for again already."""
    return answer.outcome not in _FINAL
