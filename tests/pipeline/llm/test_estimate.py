"""What a run is told to cost before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.llm.budget import Price
from pipeline.llm.cache import Cache
from pipeline.llm.client import Replay
from pipeline.llm.estimate import Estimate, estimate
from pipeline.llm.gather import run_program
from pipeline.translation.program import translate
from schemas.item import Language
from tests.pipeline.llm.scripted import DIRECTIONS, SETTINGS, Scripted, item, translator

NUM_TEXTS = 6  # a question, four options, a rationale


def estimated(source: Language, target: Language, cache: Cache, num_jobs: int = 1) -> Estimate:
    jobs = [item(source)] * num_jobs
    replay = Replay(cache, where="cache", hint="")
    return estimate(jobs, num_jobs, lambda row, ask: translate(row, target, SETTINGS, ask), replay)


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_every_text_is_counted_before_any_is_translated(
    tmp_path: Path, source: Language, target: Language
) -> None:
    with Cache(tmp_path / "cache.sqlite") as cache:
        found = estimated(source, target, cache, num_jobs=3)
    assert (found.num_requests, found.num_hits) == (3 * NUM_TEXTS, 0)
    assert 0 < found.completion_tokens < found.max_completion_tokens
    expected, most = found.usd(Price(1, 2))
    assert 0 < expected < most


@pytest.mark.parametrize("num_cached", range(NUM_TEXTS + 1))
def test_what_is_cached_is_no_cost_whatever_is_left(tmp_path: Path, num_cached: int) -> None:
    ask = Scripted(translator("en", "ja"))
    run_program(translate(item("en"), "ja", SETTINGS, ask))
    with Cache(tmp_path / "cache.sqlite") as cache:
        for request in ask.requests[:num_cached]:
            cache.put(ask.answer(request))
        found = estimated("en", "ja", cache)
    assert (found.num_hits, found.num_requests) == (num_cached, NUM_TEXTS - num_cached)
