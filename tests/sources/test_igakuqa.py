"""IgakuQA: the traps of its three joined files on invented rows, and the real files' counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.igakuqa import SOURCE, parse
from tests.sources.real import counts, parse_real

PROBLEM: dict[str, Any] = {
    "problem_id": "112C1",
    "problem_text": "脱水で上昇するのはどれか。",
    "choices": ["体重", "尿量", "血圧", "ヘマトクリット", "皮膚の張り"],
    "text_only": True,
    "answer": ["d"],
    "points": "1",
}
TRANSLATION: dict[str, Any] = {
    "problem_id": "112C1",
    "problem_text_en": "Which of these rises in dehydration?",
    "choices_en": ["Weight", "Urine output", "Blood pressure", "Hematocrit", "Skin turgor"],
    "answer": ["d"],
}
SERIES = [
    PROBLEM
    | {
        "problem_id": "112C7",
        "problem_text": "次の文を読み、7〜9の問いに答えよ。50歳の男性。咳で来院した。"
        "まず行う検査はどれか。2つ選べ。",
        "answer": ["a", "c"],
    },
    PROBLEM | {"problem_id": "112C8", "problem_text": "痰から菌を検出した。考えられるのはどれか。"},
    PROBLEM | {"problem_id": "112C9", "problem_text": "この患者に投与するのはどれか。"},
    PROBLEM | {"problem_id": "112C10", "problem_text": "麻疹の潜伏期はどれか。"},
]


def write(path: Path, *rows: dict[str, Any]) -> Path:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def parse_problems(tmp_path: Path, *rows: dict[str, Any]) -> list[Item]:
    parsed = list(parse({"ja/112-115": [write(tmp_path / "112-C.jsonl", *rows)]}))
    return [row for row in parsed if isinstance(row, Item)]


def parse_translated(tmp_path: Path, problem: dict[str, Any], row: dict[str, Any]) -> Item | BadRow:
    files = {
        "en/112-115": [write(tmp_path / "112-C_translate.jsonl", row)],
        "ja/112-115": [write(tmp_path / "112-C.jsonl", problem)],
    }
    return list(parse(files))[-1]


def flag_names(item: Item) -> set[str]:
    return {flag.name for flag in item.flags}


def test_specialty_is_joined_from_the_metadata(tmp_path: Path) -> None:
    metadata = {"problem_id": "112C1", "category": "救急", "kinki": []}
    paths = [
        write(tmp_path / "112-C.jsonl", PROBLEM),
        write(tmp_path / "112-C_metadata.jsonl", metadata),
    ]
    (item,) = parse({"ja/112-115": paths})
    assert isinstance(item, Item)
    assert (item.topic, item.year, item.answer_indices) == ("救急", 2018, (3,))


def test_several_answers_are_allowed_by_the_stem(tmp_path: Path) -> None:
    text = "脱水でみられるのはどれか。2つ選べ。"
    several, one = parse_problems(
        tmp_path,
        PROBLEM | {"problem_text": text, "answer": ["b", "d"]},
        PROBLEM | {"problem_id": "112C2"},
    )
    assert several.several_allowed
    assert several.answer_indices == (1, 3)
    assert not one.several_allowed


def test_problem_with_a_picture_is_flagged(tmp_path: Path) -> None:
    (item,) = parse_problems(tmp_path, PROBLEM | {"text_only": False})
    assert flag_names(item) == {"image_dependent"}


def test_alternative_keys_give_no_key(tmp_path: Path) -> None:
    (item,) = parse_problems(tmp_path, PROBLEM | {"answer": ["a or d"]})
    assert item.answer_indices == ()
    assert [(flag.name, flag.evidence) for flag in item.flags] == [("ambiguous_key", "a or d")]


def test_later_problems_of_a_series_get_the_case_as_context(tmp_path: Path) -> None:
    begins, second, third, _ = parse_problems(tmp_path, *SERIES)
    assert begins.context == ""
    assert second.context == "50歳の男性。咳で来院した。"
    assert third.context == "50歳の男性。咳で来院した。\n痰から菌を検出した。"
    assert [flag_names(item) for item in (begins, second, third)] == [
        set(),
        {"linked_case"},
        {"linked_case"},
    ]


def test_problem_after_a_series_is_not_linked(tmp_path: Path) -> None:
    after = parse_problems(tmp_path, *SERIES)[-1]
    assert (after.context, after.flags) == ("", ())


def test_series_without_a_printed_range_has_the_length_of_its_block(tmp_path: Path) -> None:
    text = "次の文を読み、以下の問いに答えよ。60歳の女性。熱で来院した。まず行うのはどれか。"
    rows = [PROBLEM | {"problem_id": f"115B{number}"} for number in (42, 43)]
    items = parse_problems(
        tmp_path, PROBLEM | {"problem_id": "115B41", "problem_text": text}, *rows
    )
    assert [item.context for item in items] == ["", "60歳の女性。熱で来院した。", ""]


@pytest.mark.parametrize(
    ("sheet", "written", "answer"),
    [
        ("解答：①②Torr", "26", "26Torr"),
        ("解答：①.②", "1.2", "1.2"),
        ("解答：①.②g/日", "21", "2.1g/日"),
        ("解答：①.②", "04", "0.4"),
        ("解答：1, ①②③ kcal", "130", "1,130 kcal"),
    ],
)
def test_digits_go_into_the_boxes_of_the_answer_sheet(
    tmp_path: Path, sheet: str, written: str, answer: str
) -> None:
    row = PROBLEM | {"problem_text": f"求めよ。{sheet}", "choices": [], "answer": [written]}
    (item,) = parse_problems(tmp_path, row)
    assert (item.task, item.question, item.answer) == ("qa", "求めよ。", answer)


def test_answer_that_does_not_fit_its_sheet_stays_as_written(tmp_path: Path) -> None:
    text = "求めよ。解答：①②Torr"
    row = PROBLEM | {"problem_text": text, "choices": [], "answer": ["126"]}
    (item,) = parse_problems(tmp_path, row)
    assert (item.question, item.answer) == (text, "126")


def test_translation_shares_the_key_of_its_problem(tmp_path: Path) -> None:
    item = parse_translated(tmp_path, PROBLEM, TRANSLATION)
    assert isinstance(item, Item)
    assert (item.language, item.origin, item.split) == ("en", "translated", "en/112-115")
    assert item.parallel_key == "112C1"
    assert item.options[item.answer_indices[0]] == "Hematocrit"


def test_translated_number_has_no_japanese_unit(tmp_path: Path) -> None:
    numeric: dict[str, Any] = {"choices": [], "answer": ["100"]}
    problem = PROBLEM | numeric | {"problem_text": "計算せよ。解答：①②.③/人口1,000対"}
    text = "Calculate the rate. Answer: ①②.③/1,000"
    row = TRANSLATION | {"problem_text_en": text, "choices_en": [], "answer": ["100"]}
    item = parse_translated(tmp_path, problem, row)
    assert isinstance(item, Item)
    assert (item.question, item.answer) == ("Calculate the rate.", "10.0")


def test_translation_without_its_problem_is_a_bad_row(tmp_path: Path) -> None:
    row = parse_translated(tmp_path, PROBLEM, TRANSLATION | {"problem_id": "112C2"})
    assert isinstance(row, BadRow)
    assert (row.reason, row.language) == ("invalid_record", "en")


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    path = write(
        tmp_path / "112-C.jsonl",
        PROBLEM | {"choices": [1, 2]},
        PROBLEM | {"problem_id": "C1"},
        PROBLEM | {"problem_text": " "},
        PROBLEM,
    )
    rows = list(parse({"ja/112-115": [path]}))
    reasons = Counter(row.reason if isinstance(row, BadRow) else "" for row in rows)
    assert reasons == {"missing_field": 1, "invalid_record": 1, "empty_question": 1, "": 1}


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("igakuqa", raw_root)
    assert counts("igakuqa", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({(item.language, item.key) for item in items}) == len(items)
    japanese = [item for item in items if item.language == "ja"]
    assert len(japanese) == 2000
    text_only = [item for item in japanese if "image_dependent" not in flag_names(item)]
    assert len(text_only) == 1471
    usable = Counter(item.split for item in text_only if item.answer_indices)
    assert usable == {"ja/112-115": 1161, "ja/116": 298}
    assert sum(not item.options for item in japanese) == 12
    lengths = Counter(len(item.answer_indices) for item in japanese)
    assert (lengths[2], lengths[3]) == (243, 55)
    assert all(item.several_allowed == (len(item.answer_indices) > 1) for item in japanese)
    assert [item.key for item in japanese if "ambiguous_key" in flag_names(item)] == ["112B30"]


@pytest.mark.real
def test_real_series_all_have_their_case(raw_root: Path) -> None:
    rows = parse_real("igakuqa", raw_root)
    japanese = [row for row in rows if isinstance(row, Item) and row.language == "ja"]
    linked = [item for item in japanese if "linked_case" in flag_names(item)]
    # 20 series a year: ten of two problems, ten of three.
    assert Counter(item.year for item in linked) == dict.fromkeys(range(2018, 2023), 30)
    assert all(len(item.context) > 100 for item in linked)
    assert sum("どれか" in item.context for item in linked) == 0
