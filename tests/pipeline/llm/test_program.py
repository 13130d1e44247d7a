"""What a row asks, over a real connection: what is cut or broken is asked again, never taken.

The checks of what came back are tested where they are, with answers made up.
"""

from __future__ import annotations

import pytest

from pipeline.augment.score import Scored, score_row
from pipeline.llm.program import Call, ProgramSettings, RowAsk
from pipeline.llm.prompts import prompt
from pipeline.llm.request import Answer, Outcome
from pipeline.llm.serve.fault import FaultServer, Reply
from schemas.item import LANGUAGES, Language
from tests.pipeline.llm.loopback import TEXTS, Rig, request, run
from tests.pipeline.llm.scripted import item

SETTINGS = ProgramSettings(model="some-model")
GOOD = '{"score": 7}'


def answering(*texts: str | Reply) -> FaultServer:
    """Return a server that gives these answers, one after another, and the last one for ever."""
    left = list(texts)
    return FaultServer(answer=lambda _payload: left.pop(0) if len(left) > 1 else left[0])


def limits(server: FaultServer) -> list[int]:
    return [one.payload["max_tokens"] for one in server.received]


def ask_for(text: str, rig: Rig, server: FaultServer) -> Answer:
    rig.base_url = server.base_url

    async def work() -> Answer:
        client = rig.client()
        row_ask = RowAsk({"id": "0123abcd", "egress": "any"}, SETTINGS, client)
        answer = await row_ask.one(Call(prompt("solve"), request(text).messages, 100))
        await client.close()
        return answer

    return run(work())


def score(language: Language, rig: Rig, server: FaultServer) -> Scored:
    rig.base_url = server.base_url

    async def work() -> Scored:
        client = rig.client()
        scored = await score_row(item(language), SETTINGS, client)
        await client.close()
        return scored

    return run(work())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cut_text_is_asked_for_with_twice_the_room(rig: Rig, language: Language) -> None:
    with answering(Reply(text="half of", finish_reason="length"), TEXTS[language]) as server:
        assert ask_for(TEXTS[language], rig, server).text == TEXTS[language]
        assert limits(server) == [100, 200]
        # The same again is read from the cache, the cut answer included.
        assert ask_for(TEXTS[language], rig, server).text == TEXTS[language]
        assert server.counts.num_requests == 2


def test_a_text_that_stays_cut_is_never_whole(rig: Rig) -> None:
    with answering(Reply(text="half of", finish_reason="length")) as server:
        assert ask_for(TEXTS["en"], rig, server).outcome is Outcome.LENGTH
        assert limits(server) == [100, 200]


@pytest.mark.parametrize("language", LANGUAGES)
def test_broken_json_is_asked_for_once_more(rig: Rig, language: Language) -> None:
    with answering('{"score": 99}', GOOD) as server:
        assert score(language, rig, server).score == 7
        assert server.counts.num_requests == 2
        assert score(language, rig, server).score == 7
        assert server.counts.num_requests == 2


def test_json_that_stays_broken_is_no_value(rig: Rig) -> None:
    with answering('{"score": 99}') as server:
        scored = score("en", rig, server)
        assert server.counts.num_requests == 2
    assert (scored.score, [one.check for one in scored.problems]) == (None, ["llm_malformed"])


def test_cut_json_is_never_taken_however_whole_it_looks(rig: Rig) -> None:
    with answering(Reply(text=GOOD, finish_reason="length")) as server:
        scored = score("en", rig, server)
        assert server.counts.num_requests == 2
    assert (scored.score, [one.check for one in scored.problems]) == (None, ["llm_length"])
