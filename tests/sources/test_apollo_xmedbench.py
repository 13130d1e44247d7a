"""Apollo XMedBench, Chinese: its traps on invented rows, and the real files' counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.apollo_xmedbench import SOURCE, parse
from tests.sources.real import counts, parse_real

ROW: dict[str, Any] = {
    "question": "成人静息时正常的脉搏频率为每分钟",
    "options": "(A) ４０次以下.\n(B) 60～100次.\n(C) 110～120次.\n(D) 130次以上.",
    "answer": "(B)",
    "source": "medqa-mcmle",
}


def parse_rows(tmp_path: Path, *rows: Any) -> list[Item | BadRow]:
    path = tmp_path / "zh.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return list(parse({"test": [path]}))


def parse_one(tmp_path: Path, **fields: str) -> Item:
    (item,) = parse_rows(tmp_path, ROW | fields)
    assert isinstance(item, Item)
    return item


def test_letters_and_the_added_stop_go_and_the_rest_stays(tmp_path: Path) -> None:
    item = parse_one(tmp_path)
    assert item.options == ("４０次以下", "60～100次", "110～120次", "130次以上")
    assert item.answer_indices == (1,)


def test_only_one_stop_goes(tmp_path: Path) -> None:
    item = parse_one(tmp_path, options="(A) 每分钟60次。.\n(B) Vit.B..")
    assert item.options == ("每分钟60次。", "Vit.B.")


def test_empty_last_option_is_removed(tmp_path: Path) -> None:
    options = "(A) 一.\n(B) 二.\n(C) 三.\n(D) 四.\n(E) ."
    assert parse_one(tmp_path, options=options).options == ("一", "二", "三", "四")


def test_empty_option_elsewhere_stays(tmp_path: Path) -> None:
    assert parse_one(tmp_path, options="(A) 一.\n(B) .\n(C) 三.").options == ("一", "", "三")


@pytest.mark.parametrize(
    ("source", "subset", "license_", "several_allowed"),
    [
        ("medqa-mcmle", "medqa_mcmle", "", False),
        ("cmb-single", "cmb_single", "", False),
        ("cmexam", "cmexam", "", True),
        ("cmmlu-medical", "cmmlu", "CC-BY-NC-SA-4.0", False),
    ],
)
def test_four_sets_are_told_apart(
    tmp_path: Path, source: str, subset: str, license_: str, several_allowed: bool
) -> None:
    item = parse_one(tmp_path, source=source)
    assert (item.subset, item.license) == (subset, license_)
    assert item.several_allowed == several_allowed


def test_several_letters_are_all_required(tmp_path: Path) -> None:
    assert parse_one(tmp_path, answer="(ACD)", source="cmexam").answer_indices == (0, 2, 3)


def test_equal_rows_have_different_keys(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, ROW, ROW)
    assert len({row.key for row in rows if isinstance(row, Item)}) == 2


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, "text", ROW | {"answer": None}, ROW | {"question": " "}, ROW)
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["invalid_record", "missing_field", "empty_question", ""]


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("apollo_xmedbench", raw_root)
    assert counts("apollo_xmedbench", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({(item.subset, item.key) for item in items}) == len(items)
    test = [item for item in items if item.split == "test"]
    assert Counter(item.subset for item in test) == {
        "medqa_mcmle": 3426,
        "cmb_single": 2000,
        "cmexam": 2000,
        "cmmlu": 1333,
    }
    several = [item for item in test if len(item.answer_indices) > 1]
    assert len(several) == 62
    assert {item.subset for item in several} == {"cmexam"}
    assert sum(len(item.options) == 4 for item in test if item.subset == "cmb_single") == 122
    assert all(option and not option.endswith("..") for item in test for option in item.options)
    assert all(index < len(item.options) for item in items for index in item.answer_indices)
