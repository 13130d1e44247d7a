"""The demo's translations and rationales: replayed from its pack, the bad ones quarantined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.explain import explain
from pipeline.llm.pack import Pack
from pipeline.llm.request import LOCAL_MODEL
from pipeline.llm.tables import used_keys
from pipeline.recipe import Recipe, load_recipe
from schemas.item import LANGUAGES

Row = dict[str, Any]


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("demo.yaml")


@pytest.fixture(scope="module")
def made(demo_build: Path) -> pl.DataFrame:
    """Return every row that the model made: kept ones without a reason, and dropped ones."""
    manifest = pl.read_json(demo_build / "manifest.json")["tables"][0]
    parts = []
    for kind in ("kept", "dropped"):
        paths = [demo_build / "store" / place for place in manifest["translate"][kind]]
        rows = pl.concat([pl.read_parquet(path) for path in paths], how="diagonal")
        parts.append(rows.filter(pl.col("parent_id").is_not_null()))
    return pl.concat(parts, how="diagonal")


def test_the_pack_holds_what_the_demo_asks_and_nothing_else(
    demo_build: Path, recipe: Recipe
) -> None:
    assert recipe.llm is not None
    assert recipe.llm.pack is not None
    # The build that the fixture made had neither key nor endpoint, so nothing was missing.
    used = used_keys(demo_build)
    pack = Pack(recipe.llm.pack)
    assert sorted(one.key for one in pack.answers()) == used
    assert {one.model for one in pack.answers()} == {recipe.llm.model}
    assert recipe.llm.model.startswith(LOCAL_MODEL)


def test_four_open_questions_of_each_language_go_to_two_others(made: pl.DataFrame) -> None:
    parents = made.with_columns(prompt=pl.col("steps").list.last().struct.field("prompt"))
    directions = parents.group_by("prompt").len().rows()
    assert len(directions) == 12
    assert {number for _, number in directions} == {4}
    sources = [prompt.removeprefix("translate/")[:2] for prompt, _ in directions]
    assert sorted(sources) == sorted([*LANGUAGES, *LANGUAGES])


def test_every_translation_carries_its_model_and_its_answers(
    made: pl.DataFrame, recipe: Recipe
) -> None:
    assert recipe.llm is not None
    for row in made.iter_rows(named=True):
        step = row["steps"][-1]
        assert (step["stage"], step["model"]) == ("translate", recipe.llm.model)
        assert step["cache_keys"]
        assert row["origin"] == "translated"


def test_explain_names_parent_model_and_prompt_of_a_translation(
    demo_build: Path, made: pl.DataFrame
) -> None:
    for row in (made.row(0, named=True), made.row(-1, named=True)):  # one kept, one dropped
        _, text = explain(row["id"], demo_build)
        assert f"  made of {row['parent_id']}" in text
        step = row["steps"][-1]
        assert f"  translate by {step['model']}, prompt {step['prompt']}" in text


def test_bad_translations_are_quarantined_with_what_is_wrong(made: pl.DataFrame) -> None:
    bad = made.filter(pl.col("reason").is_not_null())
    assert 0 < bad.height < made.height
    assert set(bad["reason"].str.slice(0, 11)) <= {"translation", "llm_length"}
    assert all(bad["evidence"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_two_questions_whose_rationale_was_asked_for(
    demo_build: Path, language: str
) -> None:
    manifest = pl.read_json(demo_build / "manifest.json")["tables"][0]
    paths = [demo_build / "store" / place for place in manifest["augment"]["kept"]]
    rows = pl.concat([pl.read_parquet(path) for path in paths])
    rows = rows.filter(language=language)
    steps = pl.col("steps").list.eval(pl.element().struct.field("stage")).list.contains("augment")
    flags = pl.col("flags").list.eval(pl.element().struct.field("name"))
    filled = rows.filter(steps)
    refused = rows.filter(flags.list.contains("rationale_rejected"))
    assert filled.height + refused.height == 2
    assert filled["rationale"].str.len_chars().min() or not filled.height
    assert set(refused["rationale"]) <= {""}
