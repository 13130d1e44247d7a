"""MedMCQA, training set: the Hub's format as its documentation describes it, on invented rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.item import BadRow, Item
from sources import medmcqa_train
from sources.medmcqa_train import parse

ROW: dict[str, Any] = {
    "id": "00000000-0000-0000-0000-000000000002",
    "question": "Which vitamin does the skin make in sunlight?",
    "opa": "Vitamin A",
    "opb": "Vitamin B1",
    "opc": "Vitamin C",
    "opd": "Vitamin D",
    "cop": 3,
    "choice_type": "single",
    "exp": "Ultraviolet light turns 7-dehydrocholesterol into cholecalciferol.",
    "subject_name": "Biochemistry",
    "topic_name": "Vitamins",
}


def parse_rows(tmp_path: Path, *rows: dict[str, Any]) -> list[Item | BadRow]:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return list(parse({"train": [path]}))


def open_twin(item: Item) -> Item | None:
    """Stand in for the rules of what stands alone: here, whatever has a rationale."""
    return replace(item, part="explanation", task="qa") if item.rationale else None


@pytest.fixture(autouse=True)
def _simple_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medmcqa_train, "explanation_item", open_twin)


@pytest.mark.parametrize(("cop", "option"), [(0, "Vitamin A"), (3, "Vitamin D")])
def test_cop_counts_from_zero_unlike_in_the_development_file(
    tmp_path: Path, cop: int, option: str
) -> None:
    (item,) = parse_rows(tmp_path, ROW | {"cop": cop, "exp": None})
    assert isinstance(item, Item)
    assert [item.options[i] for i in item.answer_indices] == [option]


def test_minus_one_means_that_the_key_is_withheld(tmp_path: Path) -> None:
    item = parse_rows(tmp_path, ROW | {"cop": -1})[0]
    assert isinstance(item, Item)
    assert item.answer_indices == ()


def test_explained_question_gives_an_open_twin_of_the_same_row(tmp_path: Path) -> None:
    question, twin = parse_rows(tmp_path, ROW)
    assert isinstance(question, Item)
    assert isinstance(twin, Item)
    assert (twin.key, twin.row, twin.split) == (question.key, question.row, question.split)
    assert (question.part, twin.part) == ("main", "explanation")


def test_question_without_explanation_gives_no_twin(tmp_path: Path) -> None:
    (item,) = parse_rows(tmp_path, ROW | {"exp": None})
    assert isinstance(item, Item)
    assert item.rationale == ""


def test_rows_are_counted_across_parquet_row_groups(tmp_path: Path) -> None:
    rows = [ROW | {"id": f"id-{number}", "exp": None} for number in range(5)]
    path = tmp_path / "train.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    assert [row.row for row in parse({"train": [path]})] == [1, 2, 3, 4, 5]


def test_empty_question_is_refused(tmp_path: Path) -> None:
    (bad,) = parse_rows(tmp_path, ROW | {"question": " "})
    assert isinstance(bad, BadRow)
    assert bad.reason == "empty_question"
