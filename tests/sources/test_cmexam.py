"""CMExam, validation set: its traps on invented rows, and the real file's counts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from openpyxl import Workbook

from schemas.item import BadRow, Item
from sources.cmexam import SOURCE, parse
from tests.sources.real import counts, parse_real

HEADER = ("Question", "Options", "Answer", "Explanation")
ROW = (
    "成人静息时每分钟正常的脉搏次数为",
    r"A 40～50次\nB 60～100次\nC 110～120次\nD 130～140次\nE 150次以上",
    "B",
    "本题考查生命体征。成人静息时脉搏为每分钟60～100次（B对），运动或发热时加快。",
)


def parse_rows(tmp_path: Path, *rows: tuple[str | None, ...]) -> list[Item | BadRow]:
    path = tmp_path / "val.xlsx"
    workbook = Workbook()
    assert workbook.active is not None
    for row in (HEADER, *rows):
        workbook.active.append(row)
    workbook.save(path)
    return list(parse({"val": [path]}))


def parse_one(tmp_path: Path, row: tuple[str | None, ...]) -> Item:
    item = parse_rows(tmp_path, row)[0]
    assert isinstance(item, Item)
    return item


def test_options_end_at_a_backslash_and_n(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW)
    assert item.options == ("40～50次", "60～100次", "110～120次", "130～140次", "150次以上")
    assert item.answer_indices == (1,)


def test_explained_question_gives_an_open_item_of_the_same_row(tmp_path: Path) -> None:
    question, twin = parse_rows(tmp_path, ROW)
    assert isinstance(question, Item)
    assert isinstance(twin, Item)
    assert (question.part, twin.part, twin.form) == ("main", "explanation", "explanation")
    assert (question.key, question.row) == (twin.key, twin.row)
    assert twin.answer == "60～100次\n\n成人静息时脉搏为每分钟60～100次，运动或发热时加快。"


def test_key_is_looked_up_among_the_letters_given(tmp_path: Path) -> None:
    packed = r"B 40～50次\nC 60～100次\nD 110～120次\nE 130～140次"
    rows = parse_rows(tmp_path, (ROW[0], packed, "C", ROW[3].replace("B对", "C对")))
    (item,) = rows  # and no open item: the explanation's letters cannot be trusted
    assert isinstance(item, Item)
    assert [item.options[i] for i in item.answer_indices] == ["60～100次"]


def test_letter_that_no_option_has_stays_out_of_range(tmp_path: Path) -> None:
    packed = r"A 40～50次\nB 60～100次\nD 110～120次"
    item = parse_one(tmp_path, (ROW[0], packed, "C", "nan"))
    assert item.answer_indices[0] >= len(item.options)


@pytest.mark.parametrize("answer", ["nan", "", None])
def test_missing_answer_is_no_key(tmp_path: Path, answer: str | None) -> None:
    assert parse_one(tmp_path, (*ROW[:2], answer, ROW[3])).answer_indices == ()


def test_nan_is_no_explanation(tmp_path: Path) -> None:
    (item,) = parse_rows(tmp_path, (*ROW[:3], "nan"))
    assert isinstance(item, Item)
    assert item.rationale == ""


def test_several_letters_are_all_required(tmp_path: Path) -> None:
    item = parse_one(tmp_path, (*ROW[:2], "ABD", "nan"))
    assert item.answer_indices == (0, 1, 3)
    assert item.several_allowed


def test_stem_that_points_to_a_picture_is_flagged(tmp_path: Path) -> None:
    pictured = parse_one(tmp_path, ("胸部平片如图所示，最可能的诊断是", *ROW[1:]))
    traced = parse_one(tmp_path, ("心电图示ST段抬高，最可能的诊断是", *ROW[1:]))
    assert [flag.name for flag in pictured.flags] == ["image_dependent"]
    assert traced.flags == ()


def test_question_of_chinese_law_says_so(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ("《药品管理法》规定的罚款上限为", *ROW[1:]))
    assert (item.jurisdiction, parse_one(tmp_path, ROW).jurisdiction) == ("CN", "")


def test_equal_rows_have_different_keys(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, (*ROW[:3], "nan"), (*ROW[:3], "nan"))
    assert len({row.key for row in rows if isinstance(row, Item)}) == 2


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, (None, *ROW[1:]), (*ROW[:3], "nan"))
    assert [row.reason if isinstance(row, BadRow) else "" for row in rows] == ["empty_question", ""]


@pytest.mark.real
def test_real_file(raw_root: Path) -> None:
    rows = parse_real("cmexam", raw_root)
    assert counts("cmexam", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({(item.key, item.part) for item in items}) == len(items)
    questions = [item for item in items if item.part == "main"]
    assert Counter(len(item.answer_indices) for item in questions) == {
        0: 1,
        1: 6600,
        2: 35,
        3: 96,
        4: 61,
        5: 18,
    }
    assert Counter(len(item.options) for item in questions) == {5: 6606, 4: 205}
    assert sum(item.rationale == "" for item in questions) == 1039
    assert sum(bool(item.flags) for item in questions) == 12
    assert all(index < len(item.options) for item in questions for index in item.answer_indices)
