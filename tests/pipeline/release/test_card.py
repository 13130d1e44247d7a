"""The card says only what is true of its release: the demo's, and one of a small table."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import yaml
from datasets import Features

from pipeline.build import build
from pipeline.llm.prompts import prompt
from pipeline.recipe import Recipe, load_recipe
from pipeline.release.card import card as make_card
from pipeline.release.card_issues import known
from pipeline.release.card_made import prompt_digest
from pipeline.release.counting import together
from pipeline.release.hits import benchmark_hits, no_hits
from pipeline.release.write import ReleaseInput
from pipeline.report import write_report
from schemas.flags import FLAGS
from schemas.item import LANGUAGES
from schemas.ledger import LEDGER
from schemas.release import MEANINGS, RELEASE
from sources import registry
from tests.pipeline.engine.commands import WARD, table, write_csv, write_recipe

RECONSTRUCTION = "An independent reconstruction"


def card(release: Path) -> str:
    return (release / "README.md").read_text("utf-8")


def test_a_table_is_told_by_its_own_name_and_as_no_reconstruction(ward: Path) -> None:
    assert "\n# ward-questions 0.1.0\n" in card(ward)
    first = "3 medical question-answering records of ward-questions, for instruction tuning:"
    assert f"\n{first}\n3 in `mmed_ift` (open questions).\n" in card(ward)
    assert RECONSTRUCTION not in card(ward)
    assert "``" not in card(ward).replace("```", "")


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
    told = make_card(given, together([]), no_hits())
    assert (RECONSTRUCTION in told) == is_told
    assert "\n0 medical question-answering records of mmed-ift, for instruction tuning:\n" in told
    assert "load_dataset" not in told


def test_the_card_loads_only_configurations_that_exist(demo_release: Path, ward: Path) -> None:
    for release, number in ((demo_release, 3), (ward, 2)):
        head = yaml.safe_load(card(release).split("---\n")[1])
        names = [config["config_name"] for config in head["configs"]]
        shown = re.findall(r'load_dataset\("path/to/release", "(.+)"\)  #', card(release))
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


def test_every_column_is_explained(demo_release: Path) -> None:
    assert list(MEANINGS) == RELEASE.names
    for name, meaning in MEANINGS.items():
        assert re.search(rf"\n\| `{name}` \| `.+` \| {re.escape(meaning)} \|\n", card(demo_release))


def test_the_head_declares_features_and_counts_once_for_all_configurations(
    demo_release: Path,
) -> None:
    head = yaml.safe_load(card(demo_release).split("---\n")[1])
    columns = Features.from_arrow_schema(RELEASE)
    for info in head["dataset_info"]:
        assert Features._from_yaml_list(info["features"]) == columns
        paths = demo_release.glob(info["config_name"].replace(".", "/") + "/**/*.parquet")
        rows = Counter[str]()
        for path in paths:
            rows[path.name.partition("-")[0]] += pl.read_parquet(path, columns=["id"]).height
        assert {one["name"]: one["num_examples"] for one in info["splits"]} == rows
    assert card(demo_release).count("\n  - name: messages\n") == 1


def test_what_a_model_wrote_is_told_with_prompts_digests_and_settings(demo_release: Path) -> None:
    digest = prompt("translate", source="fr", target="en").digest[:12]
    assert f"| `translate/fr-en@1` | `{digest}` | 4 |" in card(demo_release)
    assert "llm: {temperature: 0.0}\n" in card(demo_release)
    assert "{language: ru, to: en, subset: mmed_ift, rows: 4}" in card(demo_release)


def test_a_prompt_that_is_not_this_versions_has_no_digest() -> None:
    assert prompt_digest("translate/fr-en@1")
    assert not any(map(prompt_digest, ("translate/fr-en@99", "translate/fr-xx@1", "other@1", "")))


def test_rows_dropped_for_a_benchmark_are_told_per_benchmark_and_language(
    demo_release: Path,
) -> None:
    assert "\n| starter | benchmark | 2 | 1 | 0 | 0 | 0 | 0 | 1 |\n" in card(demo_release)


def test_an_excerpt_in_the_ledger_is_not_repeated_by_the_card(tmp_path: Path) -> None:
    row = dict.fromkeys(LEDGER.names, "x") | {"reason": "benchmark_run", "evidence": "a question"}
    rows = pl.DataFrame([row | {"language": "en"}])
    rows.write_parquet(tmp_path / "ledger.parquet")
    assert benchmark_hits(tmp_path).row(0) == ("not told", "benchmark", "en", 1)


def test_known_issues_are_told_per_language(demo_release: Path, ward: Path) -> None:
    _, _, told = card(demo_release).partition("\n## Known issues\n")
    sections = re.findall(r"\n### (\w+)\n\n((?:- .+\n)+)", told.partition("\n## ")[0])
    assert [language for language, _ in sections] == list(LANGUAGES)
    assert "\n- 14 of 71 rows (20%) are translated or generated.\n" in f"\n{sections[0][1]}"
    assert "- No row in `mmed_ift_mc`.\n- 3 of 3 rows (100%) are of one source, `ward`.\n" in (
        card(ward)
    )


def test_issues_are_known_of_registered_sources_alone() -> None:
    assert known().keys() <= set(registry.names())


def test_what_must_not_be_passed_on_is_told_by_source(tmp_path: Path) -> None:
    write_csv(tmp_path / "ward.csv", WARD)
    given = table("ward", license="LicenseRef-none", redistributable="no")
    recipe = write_recipe(tmp_path, tables=[given], release={"name": "ward-questions"})
    build(load_recipe(recipe), tmp_path / "raw", tmp_path / "out", workers=1)
    told = card(tmp_path / "out" / "release")
    assert "**Not to be passed on**" in told
    assert "\n| ward | LicenseRef-none | no | 3 |\n" in told
    assert "\n| fr | 3 | 0 |\n| all | 3 | 0 |\n" in told


def test_a_check_that_the_recipe_leaves_out_is_not_claimed(tmp_path: Path) -> None:
    write_csv(tmp_path / "ward.csv", WARD)
    short = ["ingest", "normalize", "mask", "split", "emit"]
    recipe = write_recipe(tmp_path, tables=[table("ward")], benchmarks=["starter"], stages=short)
    build(load_recipe(recipe), tmp_path / "raw", tmp_path / "out", workers=1)
    told = card(tmp_path / "out" / "release")
    assert "checked against no benchmark: the recipe has no stage `decontaminate`" in told
    assert "No record descends" not in told
    page = write_report(tmp_path / "out").read_text(encoding="utf-8")
    assert "Checked against: nothing." in page


def test_the_datasheet_has_its_seven_parts(demo_release: Path) -> None:
    _, _, sheet = card(demo_release).partition("\n## Datasheet\n")
    parts = "Motivation Composition Collection Preprocessing Uses Distribution Maintenance"
    assert re.findall(r"^\*\*(\w+)\.\*\* ", sheet, re.MULTILINE) == parts.split()


def test_flags_of_published_rows_are_counted_and_explained(demo_release: Path, ward: Path) -> None:
    rows = pl.concat(pl.read_parquet(p, columns=["flags"]) for p in demo_release.glob("*/*/*"))
    counts = Counter(rows["flags"].explode().drop_nulls())
    assert counts.keys() == {"near_duplicate", "personal_data", "rationale_rejected"}
    for flag, count in counts.items():
        assert f"\n| {flag} | {count} | {FLAGS[flag]} |\n" in card(demo_release)
    assert "## Flags" not in card(ward)
