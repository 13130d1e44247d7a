"""What tests of calls share: requests in six languages, a clock that obeys, clients to a server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pipeline.llm.budget import Budget, Price
from pipeline.llm.cache import Cache
from pipeline.llm.client import Client
from pipeline.llm.endpoint import Endpoint
from pipeline.llm.pacing import Pacing
from pipeline.llm.request import Answer, Message, Request

TEXTS = {
    "en": "The patient takes metformin 500 mg twice a day.",
    "zh": "患者每日两次服用二甲双胍500毫克。",
    "ja": "患者はメトホルミン500mgを1日2回服用している。",
    "fr": "Le patient prend 500 mg de metformine deux fois par jour.",
    "ru": "Пациент принимает метформин по 500 мг два раза в день.",
    "es": "El paciente toma 500 mg de metformina dos veces al día.",
}
T = TypeVar("T")

PRICE = Price(1.0, 2.0)  # micro-USD per token, in and out


def request(text: str = TEXTS["en"], **changes: Any) -> Request:
    plain = Request(
        model="some-model",
        messages=(Message("system", "Translate."), Message("user", text)),
        max_tokens=100,
        prompt="translate/en-fr@1",
        row="0123abcd",
    )
    return replace(plain, **changes)


def requests(number: int) -> list[Request]:
    texts = list(TEXTS.values())
    return [request(f"{n}. {texts[n % len(texts)]}", row=f"row{n}") for n in range(number)]


@dataclass
class FakeTime:
    """Time that passes only while somebody sleeps; who wakes first does all it has to do first."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)
    _wakes: list[tuple[float, int]] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        mine = (self.now + seconds, len(self.slept))
        self.slept.append(seconds)
        self._wakes.append(mine)
        try:
            num_idle = 0
            while num_idle < 10:
                await asyncio.sleep(0)
                num_idle = num_idle + 1 if min(self._wakes) == mine else 0
            self.now = max(self.now, mine[0])
        finally:
            self._wakes.remove(mine)


class Rig:
    """A cache in a folder and clients that share it, as the runs of one command do."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.cache = Cache(folder / "answers.sqlite")
        self.base_url = base_url
        self.time = FakeTime()

    def pacing(self, **settings: Any) -> Pacing:
        return Pacing(**settings, clock=self.time.clock, sleep=self.time.sleep)

    def budget(self, cap_usd: float = 10.0, account: str = "build") -> Budget:
        return Budget(cap_usd, PRICE, self.cache, account)

    def endpoint(self, **settings: Any) -> Endpoint:
        return Endpoint(self.base_url, **{"environment": {}, **settings})

    def client(
        self,
        *,
        budget: Budget | None = None,
        endpoint: Endpoint | None = None,
        pacing: Pacing | None = None,
        **settings: Any,
    ) -> Client:
        return Client(
            endpoint or self.endpoint(),
            self.cache,
            budget or self.budget(),
            pacing or self.pacing(),
            **settings,
        )

    def ask(self, wanted: Sequence[Request], client: Client | None = None) -> list[Answer]:
        return run(ask(client or self.client(), wanted))


async def ask(client: Client, wanted: Sequence[Request]) -> list[Answer]:
    try:
        return await client(wanted)
    finally:
        await client.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
