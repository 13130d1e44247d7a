"""A run's dealings with a model: how it stops, what is left, and what a person is told."""

from __future__ import annotations

import re
from datetime import date
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
from tests.pipeline.llm.test_client import script

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


def test_what_a_run_cost_is_told_beside_what_was_foreseen(
    server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(server, default={"usage": [10_000, 1_000]})  # at 1 and 2 USD per million: .012 each
    get_answers(session(server, tmp_path / "cache"))
    first, *_, last = capsys.readouterr().err.splitlines()
    foreseen = re.search(r"; about (\S+) USD, at most", first)
    assert foreseen is not None
    assert last == f"work: this run cost 0.072 USD, about {foreseen[1]} were foreseen"
    script(server, default={"usage": [1_000, 1_000]})
    given = session(server, tmp_path / "cache")
    given.get_answers("more", lambda: ["more"], 1, ask_one_more)
    assert "more: this run cost 0.0030 USD, about" in capsys.readouterr().err


async def ask_one_more(text: str, ask: Ask) -> Answer:
    [answer] = await ask([request(text)])
    return answer


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


@pytest.mark.parametrize(
    ("llm", "found"),
    [
        ({"price": [0.1]}, r"llm\.price\.1: .* found \[0\.1\]"),
        ({"price": []}, r"llm\.price\.0: .* found \[\]"),
        ({"price": [1, float("inf")]}, r"llm\.price\.1: .* finite number, found inf"),
        ({"temperature": float("inf")}, r"llm\.temperature: .* finite number, found inf"),
        ({"extra": {"top_p": float("nan")}}, r"llm\.extra\.top_p.* finite number, found nan"),
        ({"extra": {"a": [{"b": -float("inf")}]}}, r"llm\.extra\.a.* finite number, found -inf"),
        ({"extra": {"a": date(2026, 1, 2)}}, r"llm\.extra\.a: .* not a valid JSON value"),
    ],
)
def test_what_no_request_can_hold_is_refused_when_the_recipe_is_read(
    tmp_path: Path, llm: dict[str, Any], found: str
) -> None:
    with pytest.raises(InputError, match=found) as caught:
        load_recipe(write_recipe(tmp_path, "es", **llm))
    assert "\n" not in str(caught.value)


def test_an_address_and_no_pack_are_read_as_they_are_stated(tmp_path: Path) -> None:
    url = "https://host.example:8000/v1"
    llm = load_recipe(write_recipe(tmp_path, "es", base_url=url, pack=None)).llm
    assert llm is not None
    assert (llm.base_url, llm.pack) == (url, None)
    assert llm.identity()["pack"] == ""
