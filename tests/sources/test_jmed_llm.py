"""JMED-LLM: the traps of its format on invented rows, and the real files' counts."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from schemas.item import BadRow, Item
from sources.jmed_llm import SOURCE, parse
from tests.sources.real import counts, parse_real

HEADER = ["tag", "question", "optionA", "optionB", "optionC", "answer"]
ROW = ["N", "以下の報告に転移がありますか？\n「転移を認めない。」", "なし", "あり", "", "A"]


def parse_rows(tmp_path: Path, split: str, *rows: list[str]) -> list[Item | BadRow]:
    path = tmp_path / "part.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    return list(parse({split: [path]}))


def test_empty_options_at_the_end_are_padding(tmp_path: Path) -> None:
    (item,) = parse_rows(tmp_path, "rrtnm", ROW)
    assert isinstance(item, Item)
    assert item.options == ("なし", "あり")
    assert (item.subset, item.topic, item.answer_indices) == ("rrtnm", "N", (0,))


def test_classifications_are_told_apart_from_the_exam(tmp_path: Path) -> None:
    (exam,) = parse_rows(tmp_path, "jmmlu_med", ROW)
    (other,) = parse_rows(tmp_path, "smdis", ROW)
    assert isinstance(exam, Item)
    assert isinstance(other, Item)
    assert (exam.form, exam.origin, exam.license) == ("exam", "translated", "CC-BY-SA-4.0")
    assert (other.form, other.origin, other.license) == ("classification", "native", "")


def test_equal_rows_get_different_keys(tmp_path: Path) -> None:
    first, second = parse_rows(tmp_path, "crade", ROW, ROW)
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert first.key != second.key


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, "crade", ROW[:3], [*ROW[:1], " ", *ROW[2:]], ROW)
    reasons = [(row.reason, row.subset) if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == [("invalid_record", "crade"), ("empty_question", "crade"), ""]


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("jmed_llm", raw_root)
    assert counts("jmed_llm", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({(item.subset, item.key) for item in items}) == len(items)
    assert all(item.answer_indices[0] in range(len(item.options)) for item in items)
    lengths = Counter(len(item.options) for item in items if item.subset == "rrtnm")
    assert lengths == {5: 108, 4: 108, 2: 108}  # 216 rows had empty cells
    answers = Counter(item.answer_indices for item in items if item.subset == "smdis")
    assert answers == {(0,): 1914, (1,): 13446}
