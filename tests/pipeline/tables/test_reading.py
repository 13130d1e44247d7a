"""Any Parquet table: what is refused and how, what null means, and that no half file is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import InputError
from pipeline.tables.reading import (
    BATCH_BYTES,
    BATCH_ROWS,
    Kind,
    open_table,
    refuse_same_file,
    write_table,
)

TEXTS = {
    "en": "Fever and cough",
    "zh": "发热咳嗽",
    "ja": "発熱と咳",
    "fr": "Fièvre et toux",
    "ru": "Лихорадка и кашель",
    "es": "Fiebre y tos",
}
OUTPUT = pa.schema([pa.field("id", pa.string()), pa.field("text", pa.string())])


def write(path: Path, **columns: pa.Array | list[object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def read(path: Path, columns: dict[str, Kind], **optional: Kind) -> list[dict[str, object]]:
    batches = list(open_table(path, columns, optional).batches())
    return [row for batch in batches for row in batch.to_dicts()]


@pytest.mark.parametrize(
    "text_type",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
)
def test_text_comes_out_alike_whatever_the_string_type(tmp_path: Path, text_type: pa.Type) -> None:
    texts = pa.array([*TEXTS.values(), None]).cast(text_type)
    path = write(tmp_path / "in.parquet", question=texts)
    rows = read(path, {"question": Kind.TEXT})
    assert [row["question"] for row in rows] == [*TEXTS.values(), ""]


def test_nulls_in_texts_and_in_lists_of_texts_are_empty(tmp_path: Path) -> None:
    options = pa.array([["a", None], None, []], pa.list_(pa.string()))
    path = write(
        tmp_path / "in.parquet", id=pa.array([1, None, 3]), options=options, note=[None] * 3
    )
    columns = {"id": Kind.ANY, "options": Kind.TEXT_OR_TEXTS, "note": Kind.TEXT}
    assert read(path, columns) == [
        {"id": 1, "options": ["a", ""], "note": ""},
        {"id": None, "options": [], "note": ""},
        {"id": 3, "options": [], "note": ""},
    ]


def test_columns_come_in_the_order_asked_for_and_rows_in_that_of_the_file(tmp_path: Path) -> None:
    table = pa.table({"a": [str(i) for i in range(BATCH_ROWS + 5)], "b": ["x"] * (BATCH_ROWS + 5)})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=1000)
    opened = open_table(tmp_path / "in.parquet", {"b": Kind.TEXT, "a": Kind.TEXT})
    batches = list(opened.batches())
    assert opened.num_rows == BATCH_ROWS + 5
    assert max(batch.height for batch in batches) <= BATCH_ROWS
    whole = pl.concat(batches)
    assert whole.columns == ["b", "a"]
    assert whole["a"].to_list() == table["a"].to_pylist()


def test_long_texts_come_in_small_batches(tmp_path: Path) -> None:
    texts = [f"{number} {'x' * 5_000_000}" for number in range(14)]
    path = write(tmp_path / "in.parquet", question=texts)
    batches = list(open_table(path, {"question": Kind.TEXT}).batches())
    assert max(batch.estimated_size() for batch in batches) <= BATCH_BYTES
    numbers = pl.concat(batches)["question"].str.split(" ").list.first()
    assert numbers.to_list() == [str(number) for number in range(14)]


def test_an_optional_column_is_read_where_it_is_there(tmp_path: Path) -> None:
    path = write(tmp_path / "in.parquet", id=["1"], language=["fr"])
    assert read(path, {"id": Kind.ANY}, language=Kind.TEXT) == [{"id": "1", "language": "fr"}]
    assert read(path, {"id": Kind.ANY}, idioma=Kind.TEXT) == [{"id": "1"}]


def test_a_missing_column_is_named_with_what_is_there_and_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "in.parquet", id=["1"], question=["?"], answer=["!"])
    with pytest.raises(InputError) as caught:
        open_table(path, {"id": Kind.ANY, "qestion": Kind.TEXT})
    message = str(caught.value)
    assert "'qestion'" in message
    assert "id, question, answer" in message
    assert "Did you mean 'question'?" in message


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        (pa.array([1]), Kind.TEXT, "int64; expected is text"),
        (pa.array([["a"]]), Kind.TEXT, "expected is text"),
        (pa.array(["a"]), Kind.TEXTS, "expected is list of text"),
        (pa.array([[1]]), Kind.TEXT_OR_TEXTS, "expected is text or list of text"),
        (pa.array([b"a"]), Kind.TEXT, "binary; expected is text"),
    ],
)
def test_a_column_of_another_type_is_refused(
    tmp_path: Path, column: pa.Array, kind: Kind, expected: str
) -> None:
    path = write(tmp_path / "in.parquet", question=column)
    with pytest.raises(InputError, match=f"'question'.*{expected}"):
        open_table(path, {"question": kind})


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, names=["id", "id"]), path)
    with pytest.raises(InputError, match="2 columns are called 'id'"):
        open_table(path, {"id": Kind.ANY})


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("missing.parquet", None, "no such file"),
        ("empty.parquet", b"", "not a readable Parquet file"),
        ("table.csv", b"id,question\n1,fever\n", "not a readable Parquet file"),
        (".", None, "is a folder"),
    ],
)
def test_what_is_no_parquet_file_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes | None, expected: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=expected) as caught:
        open_table(path, {"id": Kind.ANY})
    assert "\n" not in str(caught.value)


def test_a_file_damaged_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": [f"record {i}" for i in range(50_000)]}), path)
    content = bytearray(path.read_bytes())
    content[1000:3000] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"in\.parquet"):
        list(open_table(path, {"id": Kind.ANY}).batches())


def not_utf8(kind: str) -> pa.Array:
    """Return a good text and half an emoji, as text, in lists, or in structs."""
    data = pa.array([b"good", b"half \xed\xa0\xbd"])
    texts = pa.Array.from_buffers(pa.string(), 2, data.buffers())
    options = pa.StructArray.from_arrays([pa.array([1, 2]), texts], names=["letter", "text"])
    return {
        "text": texts,
        "lists": pa.ListArray.from_arrays([0, 1, 2], texts),
        "structs": pa.ListArray.from_arrays([0, 1, 2], options),
    }[kind]


@pytest.mark.parametrize("kind", ["text", "lists", "structs"])
def test_bytes_that_are_no_utf8_become_replacement_characters(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "in.parquet", question=not_utf8(kind), id=["1", "2"])
    table = open_table(path, {"question": Kind.TEXT_OR_TEXTS})
    texts = pl.concat(table.batches())["question"].explode().to_list()
    assert texts == ["good", "half \ufffd\ufffd\ufffd"]
    assert table.num_not_utf8 == 1
    assert len(list(table.batches())) == 1
    assert table.num_not_utf8 == 1


def test_a_list_of_structs_is_read_by_its_texts(tmp_path: Path) -> None:
    options = [[{"letter": "A", "text": "x"}, {"letter": "B", "text": None}, None], None, []]
    path = write(tmp_path / "in.parquet", options=options)
    assert [row["options"] for row in read(path, {"options": Kind.TEXTS})] == [
        ["x", "", ""],
        [],
        [],
    ]


def test_repeated_long_texts_come_in_small_batches_though_the_file_is_small(tmp_path: Path) -> None:
    text = "fever and cough " * 1250
    path = write(tmp_path / "in.parquet", question=[text] * BATCH_ROWS)
    assert path.stat().st_size < len(text) * 10
    batches = list(open_table(path, {"question": Kind.TEXT}).batches())
    assert max(batch.estimated_size() for batch in batches) <= BATCH_BYTES
    assert sum(batch.height for batch in batches) == BATCH_ROWS


def batch(*texts: str) -> pl.DataFrame:
    return pl.DataFrame({"text": texts, "id": [str(i) for i, _ in enumerate(texts)]})


def test_written_table_has_the_declared_schema_and_every_row(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.parquet"
    num_rows = write_table(path, [batch(*TEXTS.values()), batch("x")], OUTPUT)
    written = pq.read_table(path)
    assert written.schema.equals(OUTPUT)
    assert num_rows == written.num_rows == len(TEXTS) + 1
    assert written["text"].to_pylist() == [*TEXTS.values(), "x"]


def test_no_batches_make_a_file_without_rows(tmp_path: Path) -> None:
    assert write_table(tmp_path / "out.parquet", [], OUTPUT) == 0
    assert pq.read_schema(tmp_path / "out.parquet").equals(OUTPUT)


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    write_table(path, [batch("old")], OUTPUT)

    def failing() -> Iterator[pl.DataFrame]:
        yield batch("new")
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        write_table(path, failing(), OUTPUT)
    assert pq.read_table(path)["text"].to_pylist() == ["old"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.parquet"]


@pytest.mark.parametrize("name", ["", "file.txt/out.parquet"])
def test_an_output_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("in the way", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        write_table(tmp_path / name, [batch("x")], OUTPUT)


def test_the_input_itself_is_no_output(tmp_path: Path) -> None:
    path = write(tmp_path / "in.parquet", id=["1"])
    (tmp_path / "link.parquet").symlink_to(path)
    with pytest.raises(InputError, match="is the input itself"):
        refuse_same_file(path, tmp_path / "link.parquet")
    refuse_same_file(path, tmp_path / "other.parquet")
