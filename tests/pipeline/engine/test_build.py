"""A build as a whole: reproducible, incremental, balanced, and explained row by row."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from pipeline.build import Built, build
from pipeline.cli import app
from pipeline.recipe import load_recipe
from schemas.ledger import REASONS
from sources import starter
from tests.pipeline.engine.commands import (
    CLINIC,
    STAGES,
    WARD,
    Rows,
    demo_stages,
    manifest,
    stages,
    table,
    views,
    write_csv,
    write_demo,
    write_recipe,
)

STARTER = Path(starter.__file__).parent


def run(recipe: Path | str, out: Path, workers: int = 1) -> Built:
    return build(load_recipe(recipe), raw=out.parent / "raw", out=out, workers=workers)


def misses(built: Built) -> dict[str, int]:
    """Return how many results of each stage were made, where any was."""
    return {run.instance: run.units - run.hits for run in built.runs if run.units > run.hits}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Return a recipe with the starter corpus in three shards and two tables of one shard each."""
    write_csv(tmp_path / "clinic.csv", CLINIC)
    write_csv(tmp_path / "ward.csv", WARD)
    return write_recipe(
        tmp_path,
        sources=[{"name": "starter"}],
        tables=[table("clinic"), table("ward")],
        stages=stages(ingest={"shard_rows": 128}),
    )


def test_number_of_workers_and_size_of_shards_change_no_byte(
    tmp_path: Path, demo_build: Path
) -> None:
    run(write_demo(tmp_path, shard_rows=100), tmp_path / "two", workers=2)
    run("demo.yaml", tmp_path / "one", workers=1)
    assert views(tmp_path / "two") == views(tmp_path / "one") == views(demo_build)


def test_repeated_build_makes_nothing_and_leaves_every_file_alone(
    tmp_path: Path, recipe: Path
) -> None:
    out = tmp_path / "out"
    first = run(recipe, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    bytes_before = views(out)

    second = run(recipe, out)

    assert misses(first)
    assert misses(second) == {}
    assert views(out) == bytes_before
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert after.keys() == before.keys()
    written = {path.name for path in after if after[path] != before[path]}
    assert written <= {"manifest.json", "ledger.parquet", ".lock"}
    assert {**first.manifest, "seconds": {}} == {**second.manifest, "seconds": {}}


def plan(recipe: Path, out: Path) -> dict[str, tuple[int, int, bool]]:
    """Return per stage the results stored, all results known of, and whether there may be more."""
    arguments = ["build", str(recipe), "--out", str(out), "--dry-run", "--json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    named = {one["name"]: one for one in json.loads(result.stdout)["stages"]}
    return {name: (one["hits"], one["units"], one["unknown"]) for name, one in named.items()}


def test_dry_run_counts_what_is_stored_and_writes_nothing(tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "out"
    assert plan(recipe, out)["ingest"] == (0, 3, True)
    assert not out.exists()
    run(recipe, out)
    assert plan(recipe, out) == {
        "ingest": (3, 3, False),
        **dict.fromkeys(STAGES, (5, 5, False)),
    }


def test_changed_source_reruns_its_shard_what_follows_and_the_global_stages(
    tmp_path: Path, recipe: Path
) -> None:
    out = tmp_path / "out"
    run(recipe, out)
    copied = ("w3", CLINIC[0][1], CLINIC[0][2])  # a duplicate of a row in another shard
    write_csv(tmp_path / "ward.csv", [*WARD[:2], copied])

    planned = plan(recipe, out)
    assert planned["ingest"] == (2, 3, True)
    assert planned["normalize"] == planned["select"] == (4, 4, True)
    assert planned["deduplicate"][0] == 0

    rebuilt = run(recipe, out)
    made = misses(rebuilt)
    assert made["ingest"] == 1
    assert all(made[name] == 1 for name in STAGES[:6])
    # One of the two equal rows leaves; at most both tables are touched, the starter never.
    assert all(made[name] <= 2 for name in STAGES[6:])
    dropped = pl.read_parquet(out / "ledger.parquet").filter(reason="exact_duplicate")
    assert set(dropped["source"]) & {"clinic", "ward"}

    run(recipe, tmp_path / "fresh")
    assert views(out) == views(tmp_path / "fresh")


def test_change_that_leaves_the_content_alone_is_stored_already_downstream(
    tmp_path: Path, recipe: Path
) -> None:
    out = tmp_path / "out"
    run(recipe, out)
    before = views(out)
    # Combining accents look the same, and `normalize` makes them the same.
    write_csv(tmp_path / "ward.csv", [(i, unicodedata.normalize("NFD", q), a) for i, q, a in WARD])
    assert misses(run(recipe, out)) == {"ingest": 1, "normalize": 1}
    assert views(out) == before


def test_change_of_a_threshold_reruns_from_its_stage_on(tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "out"
    run(recipe, out)
    write_recipe(
        tmp_path,
        sources=[{"name": "starter"}],
        tables=[table("clinic"), table("ward")],
        stages=stages(ingest={"shard_rows": 128}, select={"max_question_units": 9}),
    )
    made = misses(run(recipe, out))
    assert "score" not in made
    assert made["select"] == 5


def test_every_stage_language_and_source_balances(demo_build: Path) -> None:
    facts = manifest(demo_build)
    assert [stage["name"] for stage in facts["stages"]] == demo_stages()
    before: dict[tuple[str, str], int] = {}
    for number, stage in enumerate(demo_stages()):
        now: dict[tuple[str, str], int] = {}
        for one in facts["counts"][stage]:
            place = (one["source"], one["language"])
            dropped = sum(one["dropped"].values())
            assert one["rows_in"] + one["rows_added"] == one["rows_kept"] + dropped, (stage, place)
            now[place] = one["rows_kept"]
            if number:
                assert one["rows_in"] == before[place], (stage, place)
        assert recounted(demo_build, facts["tables"][stage]["kept"]) == {
            place: rows for place, rows in now.items() if rows
        }
        before = now


def recounted(out: Path, tables: list[str]) -> dict[tuple[str, str], int]:
    rows = pl.concat([pl.read_parquet(out / "store" / path) for path in tables])
    counted = rows.group_by("source", "language").len().iter_rows()
    return {(source, language): number for source, language, number in counted}


def test_every_upstream_line_of_the_starter_is_counted_as_read(demo_build: Path) -> None:
    lines = sum(
        1 for f in STARTER.glob("*.jsonl") for s in f.read_text("utf-8").splitlines() if s.strip()
    )
    assert manifest(demo_build)["stages"][0]["rows_in"] == lines


def published(out: Path) -> pl.DataFrame:
    return pl.read_parquet(out / "release" / "mmed_ift*" / "*" / "*.parquet")


def test_every_record_ends_once_in_the_release_or_in_the_ledger(demo_build: Path) -> None:
    tables = manifest(demo_build)["tables"]
    read = [path for kind in ("kept", "dropped") for path in tables["ingest"][kind]]
    read += [path for kind in ("kept", "dropped") for path in tables["translate"][kind]]
    ids = pl.concat([pl.read_parquet(demo_build / "store" / p, columns=["id"]) for p in read])
    ids = ids.unique()
    ended = pl.concat(
        [
            published(demo_build).select("id"),
            pl.read_parquet(demo_build / "ledger.parquet", columns=["id"]),
        ]
    )
    assert ended["id"].is_unique().all()
    assert sorted(ended["id"]) == sorted(ids["id"])


def test_every_dropped_row_has_a_reason_of_the_list_and_its_place_upstream(
    demo_build: Path,
) -> None:
    ledger = pl.read_parquet(demo_build / "ledger.parquet")
    assert ledger.height
    assert set(ledger["reason"]) <= REASONS.keys()
    lines = {f.name: f.read_text("utf-8").splitlines() for f in STARTER.glob("*.jsonl")}
    for stage, tables in manifest(demo_build)["tables"].items():
        for path in tables["dropped"]:
            for row in pl.read_parquet(demo_build / "store" / path).iter_rows(named=True):
                entry = ledger.filter(stage=stage, id=row["id"]).row(0, named=True)
                assert entry["reason"] == row["reason"]
                if row["parent_id"] is not None:
                    continue  # a model wrote its text
                upstream = lines[entry["file"]][entry["row"] - 1]
                assert (
                    not row["question"]
                    or json.dumps(row["question"], ensure_ascii=False)[1:20] in upstream
                )


def test_release_that_was_deleted_is_made_again_from_the_store(
    tmp_path: Path, demo_build: Path
) -> None:
    out = shutil.copytree(demo_build, tmp_path / "out")
    shutil.rmtree(out / "release")
    (out / "ledger.parquet").unlink()
    (out / "manifest.json").unlink()
    assert misses(run("demo.yaml", out)) == {}
    assert views(out) == views(demo_build)
    assert manifest(out)["release"] == manifest(demo_build)["release"]


def test_release_file_that_was_changed_is_made_again(tmp_path: Path, demo_build: Path) -> None:
    out = shutil.copytree(demo_build, tmp_path / "out")
    card = out / "release" / "README.md"
    card.write_text(card.read_text("utf-8") + "\nchanged by hand\n", encoding="utf-8")
    run("demo.yaml", out)
    assert views(out) == views(demo_build)


def test_release_holds_nothing_of_an_earlier_one(tmp_path: Path, recipe: Path) -> None:
    out = tmp_path / "out"
    run(recipe, out)
    write_recipe(tmp_path, tables=[table("ward")])
    run(recipe, out)
    run(recipe, tmp_path / "fresh")
    assert views(out) == views(tmp_path / "fresh")


def test_ledger_that_was_changed_is_made_again(tmp_path: Path, demo_build: Path) -> None:
    out = shutil.copytree(demo_build, tmp_path / "out")
    (out / "ledger.parquet").write_bytes(b"PAR1")
    run("demo.yaml", out)
    assert views(out) == views(demo_build)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("stage", ["ingest", "language", "deduplicate", "emit"])
def test_damaged_result_is_made_again(tmp_path: Path, demo_build: Path, stage: str) -> None:
    out = shutil.copytree(demo_build, tmp_path / "out")
    cut_in_half(out / "store" / manifest(out)["tables"][stage]["kept"][0])
    assert misses(run("demo.yaml", out)) == {stage: 1}
    assert views(out) == views(demo_build)


@pytest.mark.parametrize(
    "pattern",
    [
        "*/*.parquet",
        "*/entry.json",
        "files.json",
        "ledger.json",
        "release.json",
    ],
)
def test_store_damaged_throughout_is_made_again(
    tmp_path: Path, demo_build: Path, pattern: str
) -> None:
    out = shutil.copytree(demo_build, tmp_path / "out")
    for path in (out / "store").glob(pattern):
        cut_in_half(path)
    run("demo.yaml", out)
    assert views(out) == views(demo_build)


def explained(record: str, out: Path) -> tuple[Any, str]:
    """Return what `mmed explain` says of a record, as JSON and as text."""
    arguments = ["explain", record, "--out", str(out)]
    value = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout
    return json.loads(value), CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_explain_tells_where_a_kept_record_came_from_and_ended(demo_build: Path) -> None:
    path = demo_build / "release" / "mmed_ift_mc" / "ja" / "validation-00000-of-00001.parquet"
    record = pl.read_parquet(path).row(0, named=True)
    value, text = explained(record["id"], demo_build)
    assert [one["stage"] for one in value["stages"]] == demo_stages()
    assert {one["decision"] for one in value["stages"]} == {"kept"}
    assert value["reason"] is None
    line = (STARTER / value["source_row"]["file"]).read_text("utf-8").splitlines()
    assert json.loads(line[value["source_row"]["row"] - 1])["question"] == record["question"]
    assert f"starter, ja.jsonl, row {value['source_row']['row']}" in text
    assert text.splitlines()[-1] == "Ended in the release: mmed_ift_mc/ja, split validation."


def test_explain_tells_why_a_record_was_dropped_and_what_was_kept(demo_build: Path) -> None:
    ledger = pl.read_parquet(demo_build / "ledger.parquet")
    entry = ledger.filter(reason="near_duplicate").row(0, named=True)
    value, text = explained(entry["id"], demo_build)
    assert [one["stage"] for one in value["stages"]][-1] == "deduplicate"
    before = demo_stages().index("deduplicate")
    assert [one["decision"] for one in value["stages"]] == before * ["kept"] + ["dropped"]
    assert value["reason"] == "near_duplicate"
    assert REASONS["near_duplicate"] in text
    assert entry["kept_instead"] in text
    assert text.splitlines()[-1] == "Ended in the ledger, at stage deduplicate."


def test_explain_tells_of_a_row_that_was_refused_on_reading(demo_build: Path) -> None:
    ledger = pl.read_parquet(demo_build / "ledger.parquet")
    for entry in ledger.filter(stage="ingest").iter_rows(named=True):
        value, text = explained(entry["id"], demo_build)
        assert value["reason"] == entry["reason"]
        assert f"{entry['file']}, row {entry['row']}" in text


def test_rows_that_are_all_refused_make_an_empty_release(tmp_path: Path) -> None:
    refused: Rows = [("w1", "", "Sans question il n'y a rien à apprendre.")]
    write_csv(tmp_path / "ward.csv", refused)
    recipe = write_recipe(tmp_path, tables=[table("ward")])
    built = run(recipe, tmp_path / "out")
    assert built.manifest["release"] == {}
    ledger = pl.read_parquet(tmp_path / "out" / "ledger.parquet")
    assert ledger.select("reason", "row").rows() == [("empty_question", 2)]


def test_rows_that_are_all_dropped_make_an_empty_release(tmp_path: Path) -> None:
    write_csv(tmp_path / "ward.csv", [(i, q, "Oui.") for i, q, _ in WARD])
    recipe = write_recipe(tmp_path, tables=[table("ward")])
    assert run(recipe, tmp_path / "out").manifest["release"] == {}
    ledger = pl.read_parquet(tmp_path / "out" / "ledger.parquet")
    assert set(ledger["reason"]) == {"answer_too_short"}


def test_two_sources_without_a_row_left_share_their_results(tmp_path: Path) -> None:
    for name in ("ward", "clinic"):
        write_csv(tmp_path / f"{name}.csv", [(i, q, "Oui.") for i, q, _ in WARD])
    recipe = write_recipe(tmp_path, tables=[table("ward"), table("clinic")])
    assert run(recipe, tmp_path / "out", workers=2).manifest["stages"][-1]["rows_in"] == 0
