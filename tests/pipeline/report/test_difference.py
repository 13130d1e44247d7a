"""What changed since the build before, through real builds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.build import build, locked
from pipeline.errors import InputError
from pipeline.recipe import Recipe
from pipeline.report import write_report
from tests.pipeline.report.pages import read
from tests.pipeline.report.test_in_browser import write_table
from tests.pipeline.stages.rows import sample_qa

STAGES = ("ingest", "normalize", "mask", "language", "deduplicate", "decontaminate", "split")


def made(
    path: Path, codes: Sequence[str], text: str = "", stages: Sequence[Any] = STAGES
) -> dict[str, Any]:
    """Build a table of one question per language; return the numbers of the report."""
    entries = []
    for code in codes:
        row = {name: sample_qa(code)[name] + text for name in ("question", "answer", "topic")}
        entries.append(write_table(path, f"ward_{code}", code, [row]))
    recipe = Recipe.model_validate(
        {"tables": entries, "benchmarks": [], "stages": [*stages, "emit"]}
    )
    build(recipe, path / "raw", path / "out", workers=1)
    write_report(path / "out")
    numbers: dict[str, Any] = json.loads((path / "out" / "report" / "report.json").read_bytes())
    return numbers


def moves(numbers: dict[str, Any]) -> list[tuple[str, bool, str, int]]:
    names = ("language", "is_in", "reason", "rows")
    found = [tuple(move[name] for name in names) for move in numbers["difference"]["moves"]]
    return sorted(found)


def test_the_difference_is_one_with_the_last_build_that_was_another(tmp_path: Path) -> None:
    first = made(tmp_path, ["en", "zh", "ru"])
    assert first["difference"] is None
    second = made(tmp_path, ["en", "zh", "fr", "es"])
    assert second["difference"]["digest"] == first["digest"]
    assert second["difference"]["before"] == 3
    expected = [("es", True, "", 1), ("fr", True, "", 1), ("ru", False, "", 1)]
    assert moves(second) == expected
    again = made(tmp_path, ["en", "zh", "fr", "es"])
    assert again["difference"] == second["difference"]
    page = read(tmp_path / "out" / "report" / "index.html")
    rows = [row[:3] for row in page.tables["moves"][1:]]
    assert rows == [["Spanish", "in", "1"], ["French", "in", "1"], ["Russian", "out", "1"]]
    back = made(tmp_path, ["en", "zh", "ru"])
    assert back["difference"]["digest"] == second["digest"]
    assert moves(back) == [("es", False, "", 1), ("fr", False, "", 1), ("ru", True, "", 1)]


def test_a_row_that_goes_names_the_reason_and_one_that_comes_names_what_kept_it_out(
    tmp_path: Path,
) -> None:
    strict = {"stage": "select", "max_question_units": 1}
    made(tmp_path, ["en", "ja"])
    select = [*STAGES[:4], "score", strict, *STAGES[4:]]
    gone = made(tmp_path, ["en", "ja"], stages=select)
    assert moves(gone) == [(c, False, "question_too_long", 1) for c in ("en", "ja")]
    back = made(tmp_path, ["en", "ja"])
    assert moves(back) == [(c, True, "question_too_long", 1) for c in ("en", "ja")]


def test_a_store_that_was_deleted_has_nothing_to_compare_with(tmp_path: Path) -> None:
    made(tmp_path, ["en"])
    (tmp_path / "out" / "store").rename(tmp_path / "elsewhere")
    assert made(tmp_path, ["zh"])["difference"] is None


@pytest.mark.parametrize("lacking", ["unfinished", "tables", "release_digest"])
def test_a_manifest_of_an_older_version_is_told_in_one_line(tmp_path: Path, lacking: str) -> None:
    made(tmp_path, ["en"])
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_bytes())
    del manifest[lacking]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(InputError, match=f"does not tell '{lacking}'. Run `mmed build` again"):
        write_report(tmp_path / "out")
    assert made(tmp_path, ["zh"])["digest"]  # a build takes such a folder all the same


def test_a_report_is_refused_while_a_build_is_writing(tmp_path: Path) -> None:
    made(tmp_path, ["en"])
    with locked(tmp_path / "out"):
        command = [sys.executable, "-m", "pipeline.cli", "report", "--out", str(tmp_path / "out")]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "another command is writing here" in ended.stderr


def test_the_numbers_for_programs_are_those_of_the_build(tmp_path: Path) -> None:
    numbers = made(tmp_path, ["en", "ru", "ja"])
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert numbers["whole"]["kept"] == sum(manifest["release"]["mmed_ift"].values()) == 3
    assert [one["code"] for one in numbers["languages"]] == ["en", "ja", "ru"]
    (english, *_) = numbers["languages"]
    assert english["status"]["light"] == "amber"
    assert {rule["name"]: rule["light"] for rule in english["status"]["rules"]}["rows"] == "amber"
    assert sample_qa("en")["question"] not in json.dumps(numbers)
    kept = pl.read_parquet(tmp_path / "out" / "release" / "mmed_ift" / "en" / "*.parquet")
    assert english["answers"]["num_topics"] == kept.filter(pl.col("topic") != "").height
