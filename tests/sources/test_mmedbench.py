"""MMedBench: what the documentation says of the archive's files, on invented rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.item import LANGUAGES, BadRow, Item
from sources.mmedbench import SOURCE, parse

ROW: dict[str, Any] = {
    "question": "Which organ makes bile?",
    "options": {"A": "Stomach", "B": "Liver", "C": "Spleen"},
    "answer_idx": "B",
    "rationale": "Hepatocytes secrete bile into the canaliculi.",
    "human_checked": True,
    "human_check_passed": True,
}


def parse_rows(tmp_path: Path, split: str, *rows: dict[str, Any]) -> list[Item | BadRow]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(parse({split: [path]}))


def parse_one(tmp_path: Path, split: str, row: dict[str, Any]) -> Item:
    (item,) = parse_rows(tmp_path, split, row)
    assert isinstance(item, Item)
    return item


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_comes_from_the_split(tmp_path: Path, language: str) -> None:
    item = parse_one(tmp_path, f"{language}/test", ROW)
    assert (item.language, item.split) == (language, f"{language}/test")
    assert SOURCE.splits[item.split] == "benchmark"
    assert SOURCE.splits[f"{language}/train"] == "reference"


@pytest.mark.parametrize("key", ["A,C", "A, C", ["A", "C"]])
def test_several_letters_are_text_or_a_list(tmp_path: Path, key: object) -> None:
    item = parse_one(tmp_path, "fr/train", ROW | {"answer_idx": key})
    assert item.answer_indices == (0, 2)
    assert item.several_allowed


def test_explanation_is_a_rationale_and_no_item_of_its_own(tmp_path: Path) -> None:
    assert parse_one(tmp_path, "en/train", ROW).rationale == ROW["rationale"]


def test_letter_that_no_option_has_stays_out_of_range(tmp_path: Path) -> None:
    item = parse_one(tmp_path, "ja/test", ROW | {"answer_idx": "E"})
    assert item.answer_indices[0] >= len(item.options)


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, "en/test", ROW | {"options": None}, ROW | {"question": ""}, ROW)
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["missing_field", "empty_question", ""]


def test_expected_rows_have_the_published_sums() -> None:
    sums = {"test": 0, "train": 0}
    for split, rows in SOURCE.expected_rows.items():
        sums[split.split("/")[1]] += sum(rows.values())
    assert sums == {"test": 8518, "train": 45048}
