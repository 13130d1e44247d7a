"""A pilot: a few jobs of each direction, tried for real, shown side by side, never paid again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import StoppedError
from pipeline.llm.serve.fault import FaultServer
from pipeline.llm.session import CallOptions
from pipeline.pilot import Pilot, run_pilot
from pipeline.recipe import load_recipe
from schemas.item import LANGUAGES
from tests.pipeline.llm.asking import people, write_recipe

NUM_TRIED = 2
DIRECTIONS = [f"{language}-es" for language in sorted(set(LANGUAGES) - {"es"})]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    with FaultServer(answer=people("es")) as started:
        monkeypatch.setenv("OPENAI_BASE_URL", started.base_url)
        yield started


def pilot(folder: Path, max_cost_usd: float | None, *, is_partial: bool = False) -> Pilot:
    options = CallOptions(folder / "cache", max_cost_usd, is_partial=is_partial, pilot=NUM_TRIED)
    # One in flight at a time: money is not spread over jobs that are half done.
    recipe = load_recipe(write_recipe(folder, "es", concurrency=1))
    return run_pilot(recipe, folder / "raw", folder / "out", options)


def ids(folder: Path) -> list[str]:
    return pl.read_parquet(folder / "out" / "pilot" / "pilot.parquet")["id"].to_list()


def test_some_jobs_of_each_direction_are_tried_and_once_more_for_nothing(
    tmp_path: Path, server: FaultServer
) -> None:
    first = pilot(tmp_path, 5)
    assert [one.direction for one in first.directions] == DIRECTIONS
    assert {(one.tried, one.num_jobs) for one in first.directions} == {(NUM_TRIED, 3)}
    num_requests, tried = server.counts.num_requests, ids(tmp_path)
    # Neither an answer nor a cap is needed for what is known.
    assert pilot(tmp_path, None) == first
    assert (server.counts.num_requests, ids(tmp_path)) == (num_requests, tried)


def test_a_cap_stops_a_pilot_and_partial_shows_what_was_tried_before(
    tmp_path: Path, server: FaultServer
) -> None:
    cap_usd = 0.004  # some of 20 requests
    with pytest.raises(StoppedError, match="--max-cost"):
        pilot(tmp_path, cap_usd)
    shown = pilot(tmp_path, cap_usd, is_partial=True)
    assert 0 < sum(one.tried for one in shown.directions) == len(ids(tmp_path)) < 10
    assert 0 < server.counts.num_requests < 20


@pytest.mark.usefixtures("server")
def test_a_pilot_that_tried_nothing_has_a_table_with_columns_and_no_rows(tmp_path: Path) -> None:
    assert pilot(tmp_path, 0, is_partial=True).directions == ()
    assert ids(tmp_path) == []
