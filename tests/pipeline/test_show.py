"""What `mmed build` prints of one's own table, and of a fault that it caught."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.caught import fault_text
from pipeline.cli import app
from schemas.ledger import REASONS
from tests.pipeline.engine.commands import CLINIC, WARD, table, write_csv, write_recipe


def printed(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def paragraphs(text: str) -> list[str]:
    return text.strip().split("\n\n")


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """Return a recipe with one table, the last row of which has no question."""
    write_csv(tmp_path / "ward.csv", [*WARD, ("w4", "", "Sans question.")])
    return write_recipe(tmp_path, tables=[table("ward")])


def test_dry_run_of_a_table_promises_no_numbers(ward: Path) -> None:
    command = ("build", ward, "--out", ward.parent / "out", "--dry-run")
    [stages, rest] = paragraphs(printed(*command))
    assert stages.startswith("stage ")
    assert rest == "1 table: the rows of ward are counted when it is read."
    assert json.loads(printed(*command, "--json"))["tables"] == ["ward"]


def test_dry_run_of_tables_and_a_source_tells_the_languages_of_the_source(tmp_path: Path) -> None:
    for name, rows in (("ward", WARD), ("clinic", CLINIC)):
        write_csv(tmp_path / f"{name}.csv", rows)
    tables = [table("ward"), table("clinic")]
    recipe = write_recipe(tmp_path, tables=tables, sources=[{"name": "medquad"}])
    raw = ("--raw", tmp_path / "raw")
    told = paragraphs(printed("build", recipe, "--out", tmp_path / "out", "--dry-run", *raw))
    assert [line.split()[0] for line in told[1].splitlines()[2:]] == ["en", "en", "all"]
    assert "2 tables: the rows of ward, clinic are counted when they are read." in told


def test_next_commands_after_a_table_explain_a_dropped_row_and_work(ward: Path) -> None:
    out = ward.parent / "out"
    told = paragraphs(printed("build", ward, "--out", out, "--workers", 1))
    commands = [line.split()[1:] for line in told[-1].splitlines()[1:]]
    assert commands == [
        ["verify", str(out / "release")],
        ["explain", "ward.csv:5", "--out", str(out)],
        ["sources"],
    ]
    assert "dropped, empty_question" in printed(*commands[1])


def row(number: int, answer: str, **values: Any) -> dict[str, Any]:
    place = {"file": "rows.csv", "row": number}
    question = "Какой препарат снижает давление?"
    told = {"role": "train", "language": "ru", "question": question, "answer": answer}
    return {**told, "source_row": place, **values}


def test_of_two_contradicting_rows_both_are_told_as_dropped() -> None:
    fault = row(2, "Амлодипин", reason="conflicting_key")
    assert fault_text(fault, [row(9, "Аспирин")]).splitlines() == [
        f"One fault caught: conflicting_key. {REASONS['conflicting_key']} Both rows were dropped:",
        "  dropped   rows.csv, row 2: Какой препарат снижает давление? -> Амлодипин",
        "  dropped   rows.csv, row 9: Какой препарат снижает давление? -> Аспирин",
    ]


@pytest.mark.parametrize(
    ("reason", "role", "end"),
    [("near_duplicate", "train", "kept"), ("benchmark_root", "benchmark", "benchmark")],
)
def test_of_other_faults_the_second_row_is_told_by_what_it_is(
    reason: str, role: str, end: str
) -> None:
    fault = row(2, "Амлодипин\nЛозартан", reason=reason)
    assert fault_text(fault, [row(9, "Пишите на a@ward.example.org", role=role)]).splitlines() == [
        f"One fault caught: {reason}. {REASONS[reason]}",
        "  dropped   rows.csv, row 2: Какой препарат снижает давление? -> Амлодипин | Лозартан",
        f"  {end:<9} rows.csv, row 9: Какой препарат снижает давление? -> Пишите на [EMAIL]",
    ]
