"""RuMedDaNet: its format on invented rows, and the real files' counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.rumed_danet import SOURCE, parse
from tests.sources.real import counts, parse_real

ROW: dict[str, Any] = {
    "pairID": "a1",
    "context": "Инсулин снижает уровень глюкозы в крови.",
    "question": "Инсулин повышает уровень глюкозы?",
    "answer": "нет",
}


def parse_rows(tmp_path: Path, *rows: dict[str, Any]) -> list[Item | BadRow]:
    path = tmp_path / "train_v1.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(parse({"train": [path]}))


def test_answer_is_one_of_yes_and_no(tmp_path: Path) -> None:
    (item,) = parse_rows(tmp_path, ROW)
    assert isinstance(item, Item)
    assert (item.options, item.answer_indices, item.form) == (("да", "нет"), (1,), "yes_no")
    assert item.context == ROW["context"]


def test_private_test_has_no_key(tmp_path: Path) -> None:
    (item,) = parse_rows(tmp_path, {name: ROW[name] for name in ("pairID", "context", "question")})
    assert isinstance(item, Item)
    assert item.answer_indices == ()


def test_bad_rows_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    rows = parse_rows(
        tmp_path, ROW | {"answer": "да?"}, ROW | {"context": None}, ROW | {"question": ""}, ROW
    )
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["invalid_record", "missing_field", "empty_question", ""]


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("rumed_danet", raw_root)
    assert counts("rumed_danet", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == len(items)
    assert Counter(item.answer_indices for item in items) == {(0,): 782, (1,): 782, (): 512}
    assert all(not item.answer_indices for item in items if item.split == "private_test")
