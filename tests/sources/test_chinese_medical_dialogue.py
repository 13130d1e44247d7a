"""Chinese medical dialogue data: its traps on invented rows, and the real file's counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.item import BadRow, Item
from sources.chinese_medical_dialogue import SOURCE, parse
from tests.sources.real import counts, parse_real

HEADER = "department,title,ask,answer\n"
ROW = "呼吸科,咳嗽怎么办？,我咳嗽三天了，没有发热。,多饮水，注意休息。\n"


def parse_bytes(tmp_path: Path, content: bytes) -> list[Item | BadRow]:
    path = tmp_path / "sample.csv"
    path.write_bytes(content)
    return list(parse({"sample": [path]}))


def parse_text(tmp_path: Path, *rows: str) -> list[Item | BadRow]:
    return parse_bytes(tmp_path, (HEADER + "".join(rows)).encode("gb18030"))


def parse_one(tmp_path: Path, row: str) -> Item:
    (item,) = parse_text(tmp_path, row)
    assert isinstance(item, Item)
    return item


def test_gb18030_is_read_and_title_comes_before_the_post(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW)
    assert item.question == "咳嗽怎么办？\n我咳嗽三天了，没有发热。"
    assert (item.answer, item.topic) == ("多饮水，注意休息。", "呼吸科")
    assert (item.task, item.form) == ("qa", "consultation")


def test_character_outside_gbk_is_read(tmp_path: Path) -> None:
    assert "𠮷" in parse_one(tmp_path, ROW.replace("多饮水", "𠮷多饮水")).answer


def test_post_of_none_leaves_the_title(tmp_path: Path) -> None:
    item = parse_one(tmp_path, "呼吸科,咳嗽怎么办？,无,多饮水，注意休息。\n")
    assert item.question == "咳嗽怎么办？"


def test_quoted_cell_may_hold_commas_and_lines(tmp_path: Path) -> None:
    item = parse_one(tmp_path, '呼吸科,咳嗽怎么办？,无,"一,多饮水；\n二,休息。"\n')
    assert item.answer == "一,多饮水；\n二,休息。"


def test_undecodable_bytes_cost_their_row_only(tmp_path: Path) -> None:
    bad = "呼吸科,标题,".encode("gb18030") + b"\xff\xff" + ",回答\n".encode("gb18030")
    content = (HEADER + ROW).encode("gb18030") + bad + ROW.encode("gb18030")
    first, second, third = parse_bytes(tmp_path, content)
    assert isinstance(first, Item)
    assert isinstance(second, BadRow)
    assert (second.row, second.reason) == (2, "invalid_record")
    second.excerpt.encode("utf-8")  # it can be written down
    assert isinstance(third, Item)


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_text(tmp_path, "呼吸科,标题\n", "呼吸科,,无,回答\n", "呼吸科,标题,无,\n", ROW)
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["invalid_record", "empty_question", "empty_answer", ""]


def test_equal_rows_have_different_keys(tmp_path: Path) -> None:
    rows = parse_text(tmp_path, ROW, ROW)
    assert len({row.key for row in rows if isinstance(row, Item)}) == 2


@pytest.mark.real
def test_real_file(raw_root: Path) -> None:
    rows = parse_real("chinese_medical_dialogue", raw_root)
    assert counts("chinese_medical_dialogue", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == len(items)
    assert len({(item.question, item.answer) for item in items}) == 7644 - 378
    assert sum(item.topic == "肝病科" for item in items) == 3121
