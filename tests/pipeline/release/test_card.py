"""The card says only what is true of its release: the demo's, and one of a small table."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import yaml

from pipeline.build import build
from pipeline.recipe import Recipe, load_recipe
from pipeline.release.card import card as make_card
from pipeline.release.verify import verify
from pipeline.release.write import FLAGGED, STATISTICS, WRITTEN, ReleaseInput
from schemas.flags import FLAGS
from sources import registry
from tests.pipeline.engine.commands import WARD, stages, table, write_csv, write_recipe

RECONSTRUCTION = "An independent reconstruction"


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the release of three open questions in French."""
    folder = tmp_path_factory.mktemp("ward")
    write_csv(folder / "ward.csv", WARD)
    recipe = write_recipe(
        folder,
        tables=[table("ward")],
        release={"name": "ward-questions"},
        stages=stages(split={"share": 0.02, "min_rows": 20, "max_share": 0.1}),
    )
    build(load_recipe(recipe), folder / "raw", folder / "out", workers=1)
    return folder / "out" / "release"


def card(release: Path) -> str:
    return (release / "README.md").read_text("utf-8")


def test_a_table_is_told_by_its_own_name_and_as_no_reconstruction(ward: Path) -> None:
    assert "\n# ward-questions 0.1.0\n" in card(ward)
    first = "3 medical question-answering records of ward-questions, for instruction tuning:"
    assert f"\n{first}\n3 in `mmed_ift` (open questions).\n" in card(ward)
    assert RECONSTRUCTION not in card(ward)
    assert "``" not in card(ward).replace("```", "")
    assert verify(ward, None).passed


@pytest.mark.parametrize(("source", "is_told"), [("hpo", True), ("starter", False)])
def test_a_release_of_upstream_sources_is_told_as_a_reconstruction(
    source: str, is_told: bool
) -> None:
    given = ReleaseInput(
        recipe=Recipe.model_validate({"sources": [{"name": source}]}),
        sources={source: registry.load(source).SOURCE},
        **dict.fromkeys(("shards", "protected", "checked", "missing"), ()),
        unfinished={},
        counts={},
    )
    told = make_card(
        given,
        {},
        pl.DataFrame(schema=STATISTICS),
        pl.DataFrame(schema=FLAGGED),
        pl.DataFrame(schema=WRITTEN),
    )
    assert (RECONSTRUCTION in told) == is_told
    assert "\n0 medical question-answering records of mmed-ift, for instruction tuning:\n" in told
    assert "load_dataset" not in told


def test_the_card_loads_only_configurations_that_exist(demo_release: Path, ward: Path) -> None:
    for release, number in ((demo_release, 3), (ward, 2)):
        head = yaml.safe_load(card(release).split("---\n")[1])
        names = [config["config_name"] for config in head["configs"]]
        shown = re.findall(r'load_dataset\("path/to/release", "(.+)"\)', card(release))
        assert set(shown) <= set(names)
        assert len(shown) == number
        assert head["configs"][0]["default"]


def test_cells_without_rows_are_told_in_one_sentence(demo_release: Path, ward: Path) -> None:
    told = "No rows: `mmed_ift` in en, zh, ja, ru, es; `mmed_ift_mc` in en, zh, ja, fr, ru, es.\n"
    assert told in card(ward)
    assert "No rows" not in card(demo_release)


def test_the_size_of_splits_is_told_as_the_recipe_sets_it(demo_release: Path, ward: Path) -> None:
    rule = (
        r"aim\nat {} of the rows each: at least {} rows, but at most {}, and in any case one group"
    )
    assert re.search(rule.format("1 %", 50, "5 %"), card(demo_release))
    assert re.search(rule.format("2 %", 20, "10 %"), card(ward))
    sizes = {p.name.partition("-")[0]: pl.read_parquet(p).height for p in ward.glob("*/fr/*")}
    assert sizes == {"train": 2, "validation": 1}


def test_flags_of_published_rows_are_counted_and_explained(demo_release: Path, ward: Path) -> None:
    rows = pl.concat(pl.read_parquet(p, columns=["flags"]) for p in demo_release.glob("*/*/*"))
    counts = Counter(rows["flags"].explode().drop_nulls())
    assert counts.keys() == {"near_duplicate", "personal_data", "rationale_rejected"}
    for flag, count in counts.items():
        assert f"\n| {flag} | {count} | {FLAGS[flag]} |\n" in card(demo_release)
    assert "## Flags" not in card(ward)
