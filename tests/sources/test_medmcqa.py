"""MedMCQA, development set: its traps on invented rows, and the real file's counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.medmcqa import SOURCE, parse
from tests.sources.real import counts, parse_real

ROW: dict[str, Any] = {
    "question": "Which vitamin does the skin make in sunlight?",
    "exp": "Ans. D. Ultraviolet light turns 7-dehydrocholesterol into cholecalciferol.",
    "cop": 4,
    "opa": "Vitamin A",
    "opb": "Vitamin B1",
    "opc": "Vitamin C",
    "opd": "Vitamin D",
    "subject_name": "Biochemistry",
    "topic_name": None,
    "id": "00000000-0000-0000-0000-000000000001",
    "choice_type": "single",
}


def parse_rows(tmp_path: Path, *rows: dict[str, Any]) -> list[Item | BadRow]:
    path = tmp_path / "dev.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(parse({"dev": [path]}))


def parse_one(tmp_path: Path, row: dict[str, Any]) -> Item:
    (item,) = parse_rows(tmp_path, row)
    assert isinstance(item, Item)
    return item


@pytest.mark.parametrize(("cop", "option"), [(1, "Vitamin A"), (4, "Vitamin D")])
def test_cop_counts_from_one(tmp_path: Path, cop: int, option: str) -> None:
    item = parse_one(tmp_path, ROW | {"cop": cop})
    assert [item.options[i] for i in item.answer_indices] == [option]


def test_choice_type_multi_is_not_multi_answer(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW | {"choice_type": "multi"})
    assert not item.several_allowed
    assert len(item.answer_indices) == 1


def test_explanation_is_a_rationale_and_no_item_of_its_own(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW)
    assert (item.task, item.rationale) == ("mcq", ROW["exp"])


def test_missing_explanation_is_an_empty_rationale(tmp_path: Path) -> None:
    assert parse_one(tmp_path, ROW | {"exp": None}).rationale == ""


def test_equal_options_are_kept(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW | {"opb": "Not recalled", "opc": "Not recalled"})
    assert item.options == ("Vitamin A", "Not recalled", "Not recalled", "Vitamin D")


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, ROW | {"id": None}, ROW | {"question": ""}, ROW)
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["missing_field", "empty_question", ""]


@pytest.mark.real
def test_real_file(raw_root: Path) -> None:
    rows = parse_real("medmcqa", raw_root)
    assert counts("medmcqa", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == len(items)
    assert Counter(item.answer_indices for item in items) == {
        (0,): 1348,
        (1,): 1085,
        (2,): 925,
        (3,): 825,
    }
    assert sum(item.rationale != "" for item in items) == 2206
    assert sum(len(set(item.options)) < 4 for item in items) == 21


@pytest.mark.real
def test_real_explanations_that_name_a_letter_agree_with_the_key(raw_root: Path) -> None:
    # An off-by-one key would agree about as often as chance.
    agree = disagree = 0
    for item in parse_real("medmcqa", raw_root):
        assert isinstance(item, Item)
        for index, letter in enumerate("abcd"):
            if item.rationale.lower().startswith(f"ans. {letter}."):
                agree += item.answer_indices == (index,)
                disagree += item.answer_indices != (index,)
    assert agree > 100
    assert disagree == 0
