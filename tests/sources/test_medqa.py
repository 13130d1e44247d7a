"""MedQA, USMLE test: the traps of its format on invented rows, and the real file's counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.medqa import SOURCE, parse
from tests.sources.real import counts, parse_real

ROW: dict[str, Any] = {
    "question": "A 30-year-old woman faints after standing up. What is the most likely cause?",
    "answer": "Orthostatic hypotension",
    "options": {
        "A": "Aortic stenosis",
        "B": "Orthostatic hypotension",
        "C": "Absence seizure",
        "D": "Hypoglycemia",
    },
    "meta_info": "step1",
    "answer_idx": "B",
    "metamap_phrases": ["woman", "faints"],
}


def parse_rows(tmp_path: Path, *rows: dict[str, Any]) -> list[Item | BadRow]:
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(parse({"test": [path]}))


def test_letter_becomes_the_index_of_the_keyed_option(tmp_path: Path) -> None:
    (item,) = parse_rows(tmp_path, ROW)
    assert isinstance(item, Item)
    assert [item.options[i] for i in item.answer_indices] == [ROW["answer"]]
    assert (item.split, item.row, item.topic) == ("test", 1, "step1")


def test_row_without_a_key_stays_without_indices(tmp_path: Path) -> None:
    (item,) = parse_rows(tmp_path, ROW | {"answer_idx": ""})
    assert isinstance(item, Item)
    assert item.answer_indices == ()


def test_key_of_an_absent_option_stays_out_of_range(tmp_path: Path) -> None:
    (item,) = parse_rows(tmp_path, ROW | {"answer_idx": "E"})
    assert isinstance(item, Item)
    assert item.answer_indices == (4,)


def test_equal_rows_get_different_keys(tmp_path: Path) -> None:
    first, second = parse_rows(tmp_path, ROW, ROW)
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert first.key != second.key


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, ROW | {"options": None}, ROW | {"question": " "}, ROW)
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["missing_field", "empty_question", ""]


@pytest.mark.real
def test_real_file(raw_root: Path) -> None:
    rows = parse_real("medqa", raw_root)
    assert counts("medqa", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == len(items)
    assert Counter(len(item.options) for item in items) == {4: 1273}
    assert Counter(item.answer_indices for item in items) == {
        (0,): 353,
        (1,): 309,
        (2,): 346,
        (3,): 265,
    }
