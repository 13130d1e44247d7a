"""How `mmed explain` finds records: by id, by its first digits, by file and row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.errors import InputError
from pipeline.explain import explain
from pipeline.frames import DROPPED_COLUMNS, ITEM_COLUMNS

Row = dict[str, Any]
Store = Callable[..., Path]


def record(record_id: str, file: str, row: int, **values: Any) -> Row:
    """Return a record as `ingest` would have kept it."""
    texts = {name: "" for name, kind in ITEM_COLUMNS.items() if kind == pl.String}
    told = {"language": "es", "task": "qa", "form": "exam", "origin": "native", "source": "alpha"}
    place = {"source_row": {"file": file, "row": row}, "steps": [], "flags": [], "options": []}
    return {**texts, **told, **place, "id": record_id, "root_id": record_id, **values}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a function that writes a build of one stage with these rows."""

    def write(kept: list[Row], dropped: list[Row]) -> Path:
        tables: dict[str, list[str]] = {"kept": [], "dropped": []}
        (tmp_path / "store").mkdir()
        for kind, rows, schema in (
            ("kept", kept, ITEM_COLUMNS),
            ("dropped", dropped, DROPPED_COLUMNS),
        ):
            if rows:
                pl.DataFrame(rows, schema=schema).write_parquet(tmp_path / f"store/{kind}.parquet")
                tables[kind] = [f"{kind}.parquet"]
        manifest = {"stages": [{"name": "ingest"}], "tables": {"ingest": tables}}
        (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return tmp_path

    return write


def test_first_digits_of_an_id_are_enough(demo_build: Path) -> None:
    [record_id] = pl.read_parquet(demo_build / "ledger.parquet")["id"].head(1)
    assert explain(record_id[:10], demo_build) == explain(record_id, demo_build)


def test_digits_that_fit_two_records_are_told_with_both(store: Store) -> None:
    ids = ["abcdef" + 26 * digit for digit in "01"]
    out = store([record(one, "rows.csv", n) for n, one in enumerate(ids, 2)], [])
    with pytest.raises(InputError) as told:
        explain("abcdef", out)
    assert str(told.value) == (
        f"'abcdef' is ambiguous, 2 fit. Give one of: {ids[0]} (rows.csv:2), {ids[1]} (rows.csv:3)."
    )
    assert explain("abcdef1", out)[0]["id"] == ids[1]


@pytest.mark.parametrize("reference", ["abcde", "rows.csv", "ABCDEF", "rows.csv:two", ""])
def test_what_names_no_record_is_told_with_what_does(store: Store, reference: str) -> None:
    out = store([record("abcdef" + 26 * "0", "rows.csv", 2)], [])
    with pytest.raises(InputError, match=r"names no record\. Give an id .* or FILE:ROW"):
        explain(reference, out)


@pytest.mark.parametrize("reference", ["123456", "rows.csv:3", "other.csv:2", "ows.csv:2"])
def test_what_is_not_in_the_build_is_told(store: Store, reference: str) -> None:
    out = store([record("abcdef" + 26 * "0", "rows.csv", 2)], [])
    with pytest.raises(InputError, match="no such record in"):
        explain(reference, out)


@pytest.mark.parametrize("name", ["es/set/rows.tar.gz!a/1.xml", "1.xml", "a/1.xml"])
def test_all_records_of_a_row_are_told_by_its_file_or_the_last_part(
    store: Store, name: str
) -> None:
    file = "es/set/rows.tar.gz!a/1.xml"
    main, twin = "f" * 32, "a" * 32
    rows = [record(twin, file, 7, root_id=main), record(main, file, 7), record("e" * 32, file, 8)]
    value, text = explain(f"{name}:7", store(rows, []))
    assert [life["id"] for life in value] == [main, twin]
    assert [part.split(":")[0] for part in text.split("\n\n")] == [main, twin]


def test_last_part_that_several_files_have_is_told_with_them(store: Store) -> None:
    rows = [record(digit * 32, f"{digit}/rows.csv", 2) for digit in "abcdef"]
    with pytest.raises(InputError) as told:
        explain("rows.csv:2", store(rows, []))
    assert str(told.value) == (
        "'rows.csv:2' is ambiguous, 6 fit. Give one of: "
        "a/rows.csv:2, b/rows.csv:2, c/rows.csv:2, d/rows.csv:2, and 2 more."
    )


def test_file_of_exactly_that_name_is_meant_before_others_that_end_so(store: Store) -> None:
    out = store([record("a" * 32, "rows.csv", 2), record("b" * 32, "es/rows.csv", 2)], [])
    assert [life["id"] for life in explain("rows.csv:2", out)[0]] == ["a" * 32]


def test_row_refused_at_reading_shows_reason_and_excerpt_and_no_empty_fields(store: Store) -> None:
    unread = {"task": "", "form": "", "origin": "", "root_id": "", "license": "CC0-1.0"}
    drop = {"reason": "key_out_of_range", "evidence": "column 'key' holds 'X'"}
    value, text = explain(
        "rows.csv:5", store([], [record("a" * 32, "rows.csv", 5, **unread, **drop)])
    )
    assert text.splitlines() == [
        f"{'a' * 32}: alpha, rows.csv, row 5",
        "  es, CC0-1.0",
        "  ingest: dropped, key_out_of_range: The key names an option that does not exist.",
        "    evidence: column 'key' holds 'X'",
        "Ended in the ledger, at stage ingest.",
    ]
    assert (value[0]["reason"], value[0]["evidence"]) == tuple(drop.values())


def test_no_personal_data_of_a_row_that_left_before_it_was_masked_is_shown(store: Store) -> None:
    flag = {
        "name": "ambiguous_key",
        "other_id": None,
        "value": None,
        "evidence": "a@ward.example.org",
    }
    row = record("a" * 32, "rows.csv", 5, question="¿Escribo a b@ward.example.org?", flags=[flag])
    drop = {"reason": "ambiguous_key", "evidence": "[EMAIL]"}
    value, text = explain("aaaaaa", store([], [{**row, **drop}]))
    assert "ward.example" not in text + json.dumps(value)
    assert "question: ¿Escribo a [EMAIL]?" in text
