from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import InputError
from pipeline.tables.translation import check_translations

ROWS: dict[str, list[object]] = {
    "id": [7, 8, 9, 10],
    "source_language": ["en", "en", "ru", "zh"],
    "target_language": ["es", "ja", "fr", "en"],
    "source_text": ["Give 5 mg.", "Give 5 mg of aspirin.", "Боль в груди 3 дня.", None],
    "target_text": [
        "Dar 5 mg.",
        "アスピリンを5 g投与する。",
        "Douleur thoracique depuis 2 jours.",
        "",
    ],
    "model": ["m1", "m1", "m2", "m2"],
}


def written(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table({**ROWS, **columns}), path)
    return path


def test_rows_keep_all_columns_and_get_a_verdict(tmp_path: Path) -> None:
    source, output = written(tmp_path / "in.parquet"), tmp_path / "out.parquet"
    value, text = check_translations(source, output)
    rows = pq.read_table(output).to_pylist()
    assert [row["id"] for row in rows] == ROWS["id"]
    assert [row["model"] for row in rows] == ROWS["model"]
    assert [row["verdict"] for row in rows] == ["pass", "fail", "fail", "fail"]
    assert [row["reasons"] for row in rows] == [[], ["units"], ["numbers"], ["length"]]
    assert rows[1]["evidence"] == ["units: 5 mg: g"]
    assert value["rows"] == 4
    assert value["failed"] == 3
    assert value["reasons"] == {"numbers": 1, "units": 1, "length": 1}
    assert "units" in text


def test_output_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    source = written(tmp_path / "in.parquet")
    outputs = [tmp_path / name for name in ("a.parquet", "b.parquet")]
    for output in outputs:
        check_translations(source, output)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_field_says_that_a_text_is_an_option(tmp_path: Path) -> None:
    columns = {name: values[:2] for name, values in ROWS.items()}
    columns |= {
        "source_text": ["Acute phase reactants", "Sjogren syndrome"],
        "target_text": ["Reactantes", "Sjogren syndrome"],
        "target_language": ["es", "fr"],
        "field": ["option", "option"],
    }
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    check_translations(tmp_path / "in.parquet", tmp_path / "out.parquet")
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["verdict"] for row in rows] == ["pass", "pass"]


@pytest.mark.parametrize("column", ["source_text", "target_text"])
@pytest.mark.parametrize("nothing", [None, "", " "])
def test_pair_that_lacks_a_text_fails(tmp_path: Path, column: str, nothing: str | None) -> None:
    texts = ROWS[column]
    source = written(tmp_path / "in.parquet", **{column: [nothing, *texts[1:]]})
    check_translations(source, tmp_path / "out.parquet")
    row = pq.read_table(tmp_path / "out.parquet").to_pylist()[0]
    assert (row["verdict"], row["evidence"]) == ("fail", [f"length: {column} is empty"])


def test_empty_table_is_written_empty(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(pq.read_table(written(source)).slice(0, 0), source)
    value, _ = check_translations(source, tmp_path / "out.parquet")
    assert value["rows"] == 0
    assert pq.read_table(tmp_path / "out.parquet").schema.names[-3:] == [
        "verdict",
        "reasons",
        "evidence",
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"target_language": ["es", "de", "fr", "en"]},
            "row 2: target_language 'de' is not one of",
        ),
        ({"target_language": ["en", "ja", "fr", "en"]}, "row 1: both languages are 'en'"),
        ({"field": ["text", "title", "text", "text"]}, "row 2: field 'title' is not one of"),
        ({"verdict": ["a", "b", "c", "d"]}, "there is a column 'verdict' already"),
        ({"source_text": [1, 2, 3, 4]}, "column 'source_text' is int64"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(
    tmp_path: Path, columns: dict[str, object], message: str
) -> None:
    source = written(tmp_path / "in.parquet", **columns)
    with pytest.raises(InputError, match=message):
        check_translations(source, tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


def test_missing_column_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"source_text": ["a"]}), tmp_path / "in.parquet")
    with pytest.raises(InputError, match="there is no column 'source_language'"):
        check_translations(tmp_path / "in.parquet", tmp_path / "out.parquet")
