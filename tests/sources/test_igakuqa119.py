"""IgakuQA119: the traps of its format on invented rows, and the real files' counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.igakuqa119 import SOURCE, parse
from tests.sources.real import counts, parse_real

ROW: dict[str, Any] = {
    "number": "119A1",
    "question": "脱水で上昇するのはどれか。",
    "choices": ["a. 体重", "b. 尿量", "c. 血圧", "d. ヘマトクリット", "e.皮膚の張り"],
    "has_image": False,
}


def parse_rows(tmp_path: Path, *rows: dict[str, Any], key: str = "d") -> list[Item | BadRow]:
    questions, keys = tmp_path / "119A_json.json", tmp_path / "correct_answers.csv"
    questions.write_text(json.dumps(rows), encoding="utf-8")
    keys.write_text(f"問題番号,解答\n119A1,{key}\n", encoding="utf-8")
    return list(parse({"test": [questions, keys]}))


def parse_one(tmp_path: Path, row: dict[str, Any], key: str = "d") -> Item:
    (item,) = parse_rows(tmp_path, row, key=key)
    assert isinstance(item, Item)
    return item


def test_letters_leave_the_options_and_the_key_is_joined(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW)
    assert item.options == ("体重", "尿量", "血圧", "ヘマトクリット", "皮膚の張り")
    assert item.answer_indices == (3,)


def test_option_stands_in_the_place_of_its_letter(tmp_path: Path) -> None:
    choices = ["a. 体重", "b. 尿量c血圧", "d. ヘマトクリット", "e. 皮膚の張り"]
    item = parse_one(tmp_path, ROW | {"choices": choices})
    assert item.options == ("体重", "尿量c血圧", "", "ヘマトクリット", "皮膚の張り")
    assert item.options[item.answer_indices[0]] == "ヘマトクリット"


def test_options_in_the_stem_are_taken_out(tmp_path: Path) -> None:
    packed = ROW["question"] + " a体重 b尿量 C血圧 dヘマトクリット e皮膚の張り "
    item = parse_one(tmp_path, ROW | {"question": packed, "choices": []})
    assert item.question == ROW["question"]
    assert item.options == ("体重", "尿量", "血圧", "ヘマトクリット", "皮膚の張り")


def test_number_is_an_open_answer(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW | {"question": "求めよ。", "choices": []}, key="600")
    assert (item.task, item.answer, item.answer_indices) == ("qa", "600", ())


def test_two_keys_are_both_required_where_the_stem_asks_for_two(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW | {"question": "どれか。2つ選べ。"}, key="bd")
    assert item.several_allowed
    assert item.answer_indices == (1, 3)


def test_two_keys_are_alternatives_where_the_stem_asks_for_one(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW, key="ac")
    assert item.answer_indices == ()
    assert [(flag.name, flag.evidence) for flag in item.flags] == [("ambiguous_key", "ac")]


def test_question_with_a_picture_is_flagged(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW | {"has_image": True})
    assert [flag.name for flag in item.flags] == ["image_dependent"]


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, ROW | {"question": ""}, {"number": "119A2"}, ROW)
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["empty_question", "missing_field", ""]


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("igakuqa119", raw_root)
    assert len(rows) == 400
    assert counts("igakuqa119", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == len(items)
    flags = Counter(flag.name for item in items for flag in item.flags)
    assert flags == {"image_dependent": 103, "ambiguous_key": 1}  # 297 of 400 without a picture
    assert Counter(len(item.options) for item in items) == {5: 394, 4: 1, 0: 4}
    assert sum("" in item.options for item in items) == 2
    assert sum(len(item.answer_indices) > 1 for item in items) == 39
