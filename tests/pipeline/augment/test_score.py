"""A score is a whole number from 1 to 10, or there is none."""

from __future__ import annotations

import pytest

from pipeline.augment.score import Scored, score_row
from pipeline.llm.gather import run_program
from pipeline.llm.request import Outcome, Request
from schemas.item import LANGUAGES, Language
from tests.pipeline.llm.scripted import OPTIONS, SETTINGS, Script, Scripted, item


def run(language: Language, script: Script) -> tuple[Scored, list[Request]]:
    ask = Scripted(script)
    result = run_program(score_row(item(language), SETTINGS, ask))
    assert isinstance(result, Scored)
    return result, ask.requests


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_row_is_scored_with_its_options_and_answer(language: Language) -> None:
    result, (request,) = run(language, lambda _: '{"score": 8}')
    assert result.score == 8
    assert result.problems == ()
    assert result.keys == (request.key,)
    assert f"B. {OPTIONS[language][1]}" in request.messages[-1].content


@pytest.mark.parametrize(
    "reply", ['{"score": 0}', '{"score": 11}', '{"score": 7.5}', '{"score": "8"}', "8", "good"]
)
def test_a_reply_that_is_no_score_is_asked_for_again(reply: str) -> None:
    result, requests = run("en", lambda one: '{"score": 3}' if one.attempt else reply)
    assert (result.score, result.variant) == (3, 1)
    assert requests[0].key != requests[1].key
    refused, _ = run("en", lambda _: reply)
    assert refused.score is None
    assert [one.check for one in refused.problems] == ["llm_malformed"]


def test_a_refusal_is_no_score() -> None:
    result, _ = run("en", lambda _: Outcome.REFUSAL)
    assert result.score is None
    assert [one.check for one in result.problems] == ["llm_refusal"]
