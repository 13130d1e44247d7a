"""A run's dealings with a model: how it stops, what is left, and what a person is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputError, StoppedError
from pipeline.llm.request import Answer, Ask
from pipeline.llm.serve.fault import FaultServer, Reply
from pipeline.llm.session import CallOptions, Session
from pipeline.recipe import Llm, load_recipe
from tests.pipeline.llm.asking import write_recipe
from tests.pipeline.llm.loopback import TEXTS, request

JOBS = list(TEXTS)


def session(server: FaultServer, cache: Path, **options: Any) -> Session:
    llm = Llm(model="some-model", base_url=server.base_url, price=(1, 2))
    return Session(llm, CallOptions(cache, max_cost_usd=1, **options), cache.parent)


async def ask_one(language: str, ask: Ask) -> Answer:
    [answer] = await ask([request(TEXTS[language], row=language)])
    return answer


def get_answers(given: Session) -> list[str]:
    return given.get_answers("work", lambda: JOBS, len(JOBS), ask_one)


def test_answers_are_got_and_what_is_left_is_nothing(server: FaultServer, tmp_path: Path) -> None:
    given = session(server, tmp_path / "cache")
    assert get_answers(given) == []
    assert list(given.unanswered(JOBS, ask_one)) == []


def test_a_request_that_may_not_be_sent_is_one_error_and_what_is_in_flight_is_kept(
    tmp_path: Path,
) -> None:
    async def program(language: str, ask: Ask) -> Answer:
        if language == "en":
            await ask([request("at once")])  # so that the others are in flight by then
            [answer] = await ask([request(extra={"temperature": 1})])
            return answer
        return await ask_one(language, ask)

    at_once = {"when": {"contains": "at once"}, "then": {}}
    with FaultServer({"default": {"delay_ms": 500}, "rules": [at_once]}) as server:
        given = session(server, tmp_path / "cache")
        with pytest.raises(InputError, match="`extra` of `llm` in the recipe states 'temperature'"):
            given.get_answers("work", lambda: JOBS, len(JOBS), program)
        assert list(given.unanswered(JOBS, ask_one)) == ["en"]


@pytest.mark.parametrize("is_partial", [False, True])
def test_where_the_endpoint_takes_no_request_all_jobs_are_left(
    is_partial: bool, tmp_path: Path
) -> None:
    def answer(_payload: object) -> Reply:
        return Reply(status=400, message="temperature is not supported")

    with FaultServer(answer=answer) as server:
        given = session(server, tmp_path / "cache", is_partial=is_partial)
        if is_partial:
            assert get_answers(given) == JOBS
        else:
            with pytest.raises(
                StoppedError, match=r"6 jobs are left.*temperature is not supported"
            ):
                get_answers(given)
        assert list(given.unanswered(JOBS, ask_one)) == JOBS


def test_a_place_where_no_cache_can_be_is_told(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    given = session(server, tmp_path / "file" / "cache")
    with pytest.raises(InputError, match=r"no answers can be kept here.*`--cache`"):
        get_answers(given)
    assert server.counts.num_requests == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://user:sk-canary@host.example/v1",
        "https://sk-canary@host.example/v1",
        "https:user:sk-canary@host.example/v1",
        "https://host.example/v1?key=sk-canary",
    ],
)
def test_secrets_in_the_address_of_a_recipe_are_refused_and_not_repeated(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(InputError, match="llm: `base_url` holds a user name") as caught:
        load_recipe(write_recipe(tmp_path, "es", base_url=url))
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_address_and_no_pack_are_read_as_they_are_stated(tmp_path: Path) -> None:
    url = "https://host.example:8000/v1"
    llm = load_recipe(write_recipe(tmp_path, "es", base_url=url, pack=None)).llm
    assert llm is not None
    assert (llm.base_url, llm.pack) == (url, None)
    assert llm.identity()["pack"] == ""
