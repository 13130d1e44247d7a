"""What a dry run foresees: upstream's counts under the recipe's caps, against its goals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.forecast import CellForecast, Forecast, forecast
from pipeline.recipe import Recipe, load_recipe
from schemas.item import LANGUAGES
from schemas.release import SUBSETS


def foresee(
    *sources: dict[str, Any],
    missing: tuple[str, ...] = (),
    stages: tuple[str, ...] = (),
    **mix: Any,
) -> Forecast:
    recipe = {
        "sources": list(sources),
        "stages": ["ingest", "mask", *stages, {"stage": "mix", **mix}, "split", "emit"],
    }
    return forecast(Recipe.model_validate(recipe), dict.fromkeys(missing, "a file"))


def cell(foreseen: Forecast, language: str, subset: str) -> CellForecast:
    [found] = [c for c in foreseen.cells if (c.language, c.subset) == (language, subset)]
    return found


def test_only_training_rows_count_and_a_recipe_changes_the_role() -> None:
    both = foresee({"name": "head_qa"})
    assert cell(both, "es", "mmed_ift_mc").at_hand == 2657
    assert cell(both, "en", "mmed_ift_mc").at_hand == 2657
    native = foresee({"name": "head_qa", "splits": {"en/train": "reference"}})
    assert cell(native, "es", "mmed_ift_mc").at_hand == 2657
    assert cell(native, "en", "mmed_ift_mc").at_hand == 0


def test_source_that_is_missing_here_counts_as_to_fetch() -> None:
    foreseen = foresee({"name": "head_qa"}, {"name": "medqa_train"}, missing=("medqa_train",))
    english = cell(foreseen, "en", "mmed_ift_mc")
    assert (english.at_hand, english.to_fetch) == (2657, 10_178)


@pytest.mark.parametrize(
    ("cap", "rows"),
    [
        ({"source": "medquad", "rows": 100}, 100),
        ({"source": "medquad", "subset": "mmed_ift", "rows": 100}, 100),
        ({"source": "medquad", "subset": "mmed_ift_mc", "rows": 100}, 7443),
        ({"source": "medquad", "language": "fr", "rows": 100}, 7443),
        ({"source": "medquad", "except_languages": ["en"], "rows": 100}, 7443),
        ({"source": "medquad", "has_rationale": False, "rows": 0}, 7443),
        ({"source": "medquad", "per": ["template"], "rows": 1}, 7443),
        ({"source": "medqa", "rows": 100}, 7443),
    ],
)
def test_cap_counts_where_it_holds_for_the_whole_of_a_source(
    cap: dict[str, Any], rows: int
) -> None:
    assert cell(foresee({"name": "medquad"}, caps=[cap]), "en", "mmed_ift").at_hand == rows


def test_what_no_source_gives_is_left_for_translation() -> None:
    goals = {"en": {"mmed_ift": 7000}, "ja": {"mmed_ift": 500}}
    foreseen = foresee({"name": "medquad"}, goals=goals)
    assert cell(foreseen, "en", "mmed_ift").to_translate == 0
    assert cell(foreseen, "ja", "mmed_ift").to_translate == 500
    assert cell(foreseen, "ja", "mmed_ift_mc").to_translate is None
    assert not foreseen.has_translation


def test_open_rows_without_an_upstream_count_are_named() -> None:
    foreseen = foresee({"name": "cmexam_train"}, {"name": "casimedicos"}, {"name": "medquad"})
    assert foreseen.uncounted == (("cmexam_train", "zh"),)


def test_full_recipe_has_a_goal_for_every_language_and_subset() -> None:
    foreseen = forecast(load_recipe("full.yaml"), {})
    assert {(one.language, one.subset) for one in foreseen.cells if one.goal} == {
        (language, subset) for language in LANGUAGES for subset in SUBSETS.values()
    }
    assert sum(one.goal or 0 for one in foreseen.cells) == 208_000
    assert all(one.at_hand + one.to_fetch <= (one.goal or 0) + 400 for one in foreseen.cells)


def test_dry_run_of_the_full_recipe_says_what_to_fetch_and_what_is_left(tmp_path: Path) -> None:
    command = ["build", "full.yaml", "--raw", str(tmp_path), "--out", str(tmp_path), "--dry-run"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    assert "are left for translation." in result.stdout
    assert "less: what is over 65 % per source" in result.stdout
    assert "more: explanations as open rows, medmcqa_train (en)" in result.stdout
    assert "`mmed fetch medquad" in result.stdout
