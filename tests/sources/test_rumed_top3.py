"""RuMedTop3: its format on invented rows, and the real files' counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.rumed_top3 import SOURCE, parse
from tests.sources.real import counts, parse_real

ROW: dict[str, Any] = {
    "idx": "q1",
    "symptoms": "Жалобы на приступы удушья, свистящее дыхание.",
    "code": "J45",
}


def parse_rows(tmp_path: Path, *rows: dict[str, Any]) -> list[Item | BadRow]:
    path = tmp_path / "train_v1.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(parse({"train": [path]}))


def test_complaint_is_the_question_and_label_the_answer(tmp_path: Path) -> None:
    (item,) = parse_rows(tmp_path, ROW)
    assert isinstance(item, Item)
    assert (item.question, item.answer, item.key) == (ROW["symptoms"], "J45", "q1")
    assert (item.task, item.form) == ("qa", "classification")


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_rows(tmp_path, {"idx": "q2"}, ROW | {"symptoms": " "}, ROW)
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["missing_field", "empty_question", ""]


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("rumed_top3", raw_root)
    assert counts("rumed_top3", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == len(items)
    labels = Counter(item.answer for item in items)
    assert len(labels) == 105
    assert labels.most_common(1) == [("M54", 734)]
