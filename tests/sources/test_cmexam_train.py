"""CMExam, training and test sets: what the documentation says of the authors' files."""

from __future__ import annotations

import csv
from pathlib import Path

from schemas.item import BadRow, Item
from sources.cmexam_train import SOURCE, parse

HEADER = ["Question", "Options", "Answer", "Explanation"]
ROW = [
    "成人静息时每分钟正常的脉搏次数为",
    "A 40～50次\nB 60～100次\nC 110～120次",
    "B",
    "成人静息时脉搏为每分钟60～100次（B对），运动、紧张或发热时加快。",
]


def write(path: Path, *rows: list[str]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def test_options_end_at_a_line_break(tmp_path: Path) -> None:
    question, twin = parse({"train": [write(tmp_path / "train.csv", HEADER, ROW)]})
    assert isinstance(question, Item)
    assert isinstance(twin, Item)
    assert question.options == ("40～50次", "60～100次", "110～120次")
    assert (question.answer_indices, question.split) == ((1,), "train")
    assert twin.task == "qa"


def test_annotation_columns_of_the_test_set_are_not_read(tmp_path: Path) -> None:
    annotated = write(
        tmp_path / "test_with_annotations.csv",
        [*HEADER, "Disease Group", "Difficulty level"],
        [*ROW, "循环系统疾病", "2"],
    )
    question, *_ = parse({"test": [annotated]})
    assert isinstance(question, Item)
    assert question.split == "test"
    assert SOURCE.splits["test"] == "benchmark"


def test_row_without_answer_has_no_key(tmp_path: Path) -> None:
    rows = list(parse({"train": [write(tmp_path / "train.csv", HEADER, [*ROW[:2], "", ROW[3]])]}))
    assert [row.answer_indices for row in rows if isinstance(row, Item)] == [()]


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", HEADER, ROW[:2], ["", *ROW[1:]], [*ROW[:3], ""])
    rows = list(parse({"train": [path]}))
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["invalid_record", "empty_question", ""]
