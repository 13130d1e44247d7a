"""Reading upstream files: one bad row costs itself alone, and its excerpt leaves room to mask."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.item import BadRow
from sources.reading import (
    EXCERPT_CHARACTERS,
    Kind,
    each_row,
    key_indices,
    lacks,
    read_csv,
    read_json_array,
    read_jsonl,
    read_parquet,
)
from sources.source import File, Hub


def test_rows_of_all_files_come_with_their_place(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    first.write_text('{"n": 1}\n\n{"n": 3}\n', encoding="utf-8")
    second.write_bytes(gzip.compress(b'{"n": 1}\n'))
    rows = list(each_row({"train": [first], "test": [second]}, read_jsonl))
    assert [(place.split, place.path, place.row, row) for place, row in rows] == [
        ("train", first, 1, {"n": 1}),
        ("train", first, 3, {"n": 3}),
        ("test", second, 1, {"n": 1}),
    ]


def test_excerpt_is_cut_between_characters_and_long_enough_to_mask(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("я" * 2000 + "\n", encoding="utf-8")
    ((_, bad),) = read_jsonl(path)
    assert isinstance(bad, BadRow)
    assert bad.excerpt == "я" * EXCERPT_CHARACTERS


def test_refused_row_is_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"q": "¿Qué?"}\n', encoding="utf-8")
    ((place, row),) = each_row({"train": [path]}, read_jsonl)
    refused = place.refuse("missing_field", row, "es", "part")
    assert refused == BadRow(str(path), 1, "missing_field", "{'q': '¿Qué?'}", "es", "part")


def test_csv_record_of_another_length_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("q,a\n1\n1,2\n", encoding="utf-8")
    bad, good = (row for _, row in read_csv(path))
    assert isinstance(bad, BadRow)
    assert good == {"q": "1", "a": "2"}


def test_array_entry_that_is_no_object_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(["text", {"q": "?"}]), encoding="utf-8")
    (_, bad), (number, good) = read_json_array(path)
    assert isinstance(bad, BadRow)
    assert (number, good) == (2, {"q": "?"})


def test_parquet_rows_are_counted_through_all_batches(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"n": list(range(70_000))})
    pq.write_table(table, path)
    numbers = [(number, row["n"]) for number, row in read_parquet(path)]
    assert (len(numbers), numbers[0], numbers[-1]) == (70_000, (1, 0), (70_000, 69_999))


FIELDS: dict[str, Kind] = {"question": str, "case": str | None, "choices": list[str]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": "?", "case": None, "choices": ["a"], "more": 1}, ""),
        ({"question": "?", "case": "c", "choices": []}, ""),
        ({"question": "?", "choices": ["a"]}, "missing_field"),
        ({"question": None, "case": None, "choices": ["a"]}, "missing_field"),
        ({"question": "?", "case": None, "choices": ["a", None]}, "missing_field"),
        ({"question": "?", "case": None, "choices": "a"}, "missing_field"),
        ("text", "invalid_record"),
        (None, "invalid_record"),
    ],
)
def test_a_row_lacks_what_is_not_there_or_of_another_kind(row: Any, reason: str) -> None:
    assert lacks(row, FIELDS) == reason


def test_keys_are_looked_up_among_the_labels() -> None:
    assert key_indices(["A", "C", "D"], ["D", "A"]) == (2, 0)
    assert key_indices(["A", "B"], []) == ()


@pytest.mark.parametrize("letter", ["B", "E", "?", "AC"])
def test_a_key_that_no_option_has_is_out_of_range(letter: str) -> None:
    (index,) = key_indices(["A", "C", "D"], [letter])
    assert index >= 3


def test_a_member_without_its_archive_is_refused_when_declared() -> None:
    with pytest.raises(ValueError, match="needs the archive's `url` or `hub`"):
        File(path="a.jsonl", member="set/a.jsonl")
    File(path="a.jsonl", member="set/a.jsonl", hub=Hub("org/set", "set.zip", "c" * 40))
