"""MedQA, train and development: the Hub copy's format as documented, on invented rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.item import BadRow, Item
from sources.medqa_train import SOURCE, parse


def options(*texts: str) -> list[dict[str, str]]:
    return [{"key": key, "value": text} for key, text in zip("ABCD", texts, strict=True)]


EN: dict[str, Any] = {
    "meta_info": "step2&3",
    "question": "A 4-year-old boy has a barking cough and stridor. What is the diagnosis?",
    "answer_idx": "C",
    "answer": "Croup",
    "options": options("Asthma", "Epiglottitis", "Croup", "Bronchiolitis"),
}
ZH: dict[str, Any] = {
    "meta_info": "儿科学",
    "question": "4岁男孩，犬吠样咳嗽伴喉鸣，最可能的诊断是",
    "answer_idx": "B",
    "answer": "急性喉炎",
    "options": options("支气管哮喘", "急性喉炎", "毛细支气管炎", "肺炎"),
}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def parse_one(tmp_path: Path, row: dict[str, Any], split: str = "en/train") -> Item:
    (item,) = parse({split: [write(tmp_path / "rows.parquet", row)]})
    assert isinstance(item, Item)
    return item


@pytest.mark.parametrize(("split", "row"), [("en/train", EN), ("zh/validation", ZH)])
def test_key_value_options_become_texts_and_an_index(
    tmp_path: Path, split: str, row: dict[str, Any]
) -> None:
    item = parse_one(tmp_path, row, split)
    assert (item.language, item.split) == (split[:2], split)
    assert item.options == tuple(option["value"] for option in row["options"])
    assert [item.options[i] for i in item.answer_indices] == [row["answer"]]
    assert item.topic == row["meta_info"]


def test_letter_is_looked_up_among_the_options_and_not_in_the_alphabet(tmp_path: Path) -> None:
    # A set cut from five to four options may have kept its letters.
    cut = [option for option in EN["options"] if option["key"] != "A"]
    item = parse_one(tmp_path, EN | {"options": cut})
    assert [item.options[i] for i in item.answer_indices] == ["Croup"]


def test_letter_and_text_that_disagree_leave_no_key(tmp_path: Path) -> None:
    item = parse_one(tmp_path, EN | {"answer_idx": "A"})
    assert item.answer_indices == ()
    assert [(flag.name, flag.evidence) for flag in item.flags] == [("ambiguous_key", "A; Croup")]


def test_equal_rows_of_two_splits_get_different_keys(tmp_path: Path) -> None:
    paths = [write(tmp_path / "train.parquet", EN), write(tmp_path / "validation.parquet", EN)]
    rows = list(parse({"en/train": paths[:1], "en/validation": paths[1:]}))
    assert len({row.key for row in rows if isinstance(row, Item)}) == 2


def test_row_without_options_is_refused_in_its_language(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", ZH, ZH | {"options": []})
    good, bad = parse({"zh/train": [path]})
    assert isinstance(good, Item)
    assert isinstance(bad, BadRow)
    assert (bad.reason, bad.language, bad.row) == ("missing_field", "zh", 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"question": None}, "missing_field"),
        ({"question": " "}, "empty_question"),
        ({"options": [{"letter": "A", "value": "Croup"}]}, "missing_field"),
    ],
)
def test_broken_rows_are_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    (bad,) = parse({"en/train": [write(tmp_path / "rows.parquet", EN | changes)]})
    assert isinstance(bad, BadRow)
    assert bad.reason == reason


def test_development_rows_are_never_for_training() -> None:
    roles = {split: role for split, role in SOURCE.splits.items() if "validation" in split}
    assert roles == {"en/validation": "validation", "zh/validation": "validation"}
