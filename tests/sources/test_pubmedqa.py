"""PubMedQA, labelled: the traps of its format, and the real file's counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.pubmedqa import SOURCE, parse
from tests.sources.real import counts, parse_real

ROW: dict[str, Any] = {
    "QUESTION": "Does a short walk after meals lower blood glucose?",
    "CONTEXTS": ["Twelve adults walked for ten minutes.", "Glucose was measured twice."],
    "LABELS": ["METHODS", "RESULTS"],
    "MESHES": ["Humans", "Walking"],
    "YEAR": "2014",
    "final_decision": "maybe",
    "LONG_ANSWER": "The effect was small, and the trial too short to settle the question.",
}


def parse_rows(tmp_path: Path, rows: dict[str, dict[str, Any]]) -> list[Item | BadRow]:
    path = tmp_path / "ori_pqal.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return list(parse({"labelled": [path]}))


def parse_one(tmp_path: Path, row: dict[str, Any]) -> Item:
    (item,) = parse_rows(tmp_path, {"123": row})
    assert isinstance(item, Item)
    return item


@pytest.mark.parametrize(("decision", "index"), [("yes", 0), ("no", 1), ("maybe", 2)])
def test_decision_is_one_of_three_options(tmp_path: Path, decision: str, index: int) -> None:
    item = parse_one(tmp_path, ROW | {"final_decision": decision})
    assert item.options == ("yes", "no", "maybe")
    assert item.answer_indices == (index,)


def test_context_joins_the_abstracts_parts_and_leaves_the_conclusion_out(tmp_path: Path) -> None:
    item = parse_one(tmp_path, ROW)
    assert item.context == "\n\n".join(ROW["CONTEXTS"])
    assert item.rationale == ROW["LONG_ANSWER"]


def test_pubmed_id_is_the_key(tmp_path: Path) -> None:
    assert parse_one(tmp_path, ROW).key == "123"


@pytest.mark.parametrize(("upstream", "year"), [("2014", 2014), (None, None)])
def test_year_may_be_missing(tmp_path: Path, upstream: str | None, year: int | None) -> None:
    assert parse_one(tmp_path, ROW | {"YEAR": upstream}).year == year


def test_rows_of_the_wrong_kind_do_not_cost_their_neighbours(tmp_path: Path) -> None:
    broken: dict[str, Any] = {"1": "text", "2": ROW | {"YEAR": 2014}, "3": ROW | {"CONTEXTS": "x"}}
    rows = parse_rows(tmp_path, broken | {"4": ROW})
    reasons = [row.reason if isinstance(row, BadRow) else "" for row in rows]
    assert reasons == ["invalid_record", "missing_field", "missing_field", ""]


def test_row_without_abstract_is_refused(tmp_path: Path) -> None:
    bad, good = parse_rows(tmp_path, {"1": ROW | {"CONTEXTS": []}, "2": ROW})
    assert isinstance(bad, BadRow)
    assert bad.reason == "missing_field"
    assert isinstance(good, Item)


@pytest.mark.real
def test_real_file(raw_root: Path) -> None:
    rows = parse_real("pubmedqa", raw_root)
    assert counts("pubmedqa", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == len(items)
    assert Counter(item.answer_indices for item in items) == {(0,): 552, (1,): 338, (2,): 110}
    assert sum(item.year is None for item in items) == 58
    assert all(item.rationale for item in items)
