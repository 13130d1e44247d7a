"""`mmed language` on any table: a row per record, judged by all its text."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import InputError
from pipeline.tables.language import identify
from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import SAMPLES

SPECIES = ["Escherichia coli", "Klebsiella pneumoniae", "Proteus mirabilis"]


def write(path: Path, **columns: object) -> Path:
    pl.DataFrame(columns).write_parquet(path)
    return path


def samples(path: Path) -> Path:
    """Write a question of every language over Latin names, then one with English options."""
    english = [*SAMPLES["en"].options, SAMPLES["en"].answer]
    return write(
        path,
        id=[*LANGUAGES, "mixed", "empty"],
        question=[SAMPLES[one].question for one in (*LANGUAGES, "ru")] + [None],
        options=[SPECIES] * len(LANGUAGES) + [english, None],
    )


def test_every_row_keeps_its_id_and_gets_language_confidence_and_flags(tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    value, text = identify(samples(tmp_path / "in.parquet"), output, ["question", "options"])
    table = pl.read_parquet(output)
    assert table.schema == {
        "id": pl.String,
        "language": pl.String,
        "confidence": pl.Float32,
        "flags": pl.List(pl.String),
    }
    assert table["id"].to_list() == [*LANGUAGES, "mixed", "empty"]
    assert table["language"].to_list() == [*LANGUAGES, "ru", "und"]
    assert table["flags"].to_list() == [[]] * len(LANGUAGES) + [["mixed_language"], []]
    assert json.loads(json.dumps(value)) == {
        "rows": 8,
        "languages": {"ru": 2, "en": 1, "zh": 1, "ja": 1, "fr": 1, "es": 1, "und": 1},
        "flags": {"mixed_language": 1},
        "not_utf8": 0,
        "output": str(output),
    }
    assert "8 rows" in text
    assert "mixed_language" in text
    assert "UTF-8" not in text


def test_ids_of_another_column_are_taken_by_its_name(tmp_path: Path) -> None:
    source, output = samples(tmp_path / "in.parquet"), tmp_path / "out.parquet"
    pl.read_parquet(source).rename({"id": "number"}).write_parquet(source)
    identify(source, output, ["question"], identifier="number")
    assert pl.read_parquet(output)["id"].to_list() == [*LANGUAGES, "mixed", "empty"]


def test_a_question_in_capitals_with_a_short_answer_keeps_its_language(tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.parquet",
        id=["a", "b", "c"],
        question=[
            "7) WHICH DRUG IS GIVEN FIRST, AT .5 MG, IN ANAPHYLAXIS WITH SHOCK",
            "7) QUEL MÉDICAMENT EST DONNÉ EN PREMIER, À 0,5 MG, DANS LE CHOC",
            "7) QUÉ FÁRMACO SE ADMINISTRA PRIMERO EN LA ANAFILAXIA CON CHOQUE",
        ],
        answer=["adrenaline", "adrénaline", "adrenalina"],
    )
    output = tmp_path / "out.parquet"
    identify(path, output, ["question", "answer"])
    table = pl.read_parquet(output)
    assert table["language"].to_list() == ["en", "fr", "es"]
    assert table["flags"].to_list() == [[], [], []]


def test_texts_that_are_no_utf8_are_judged_and_counted(tmp_path: Path) -> None:
    texts = [b"Which drug is given first? \xed\xa0\xbd", b"Which drug should be given?"]
    broken = pa.array(texts, pa.binary()).view(pa.string())
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": ["1", "2"], "question": broken}), path)
    value, text = identify(path, tmp_path / "out.parquet", ["question"])
    assert value["languages"] == {"en": 2}
    assert value["not_utf8"] == 1
    assert "1 texts are no UTF-8" in text


def test_a_span_is_only_seen_in_the_columns_that_are_named(tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    value, _ = identify(samples(tmp_path / "in.parquet"), output, ["question"])
    assert value["flags"] == {}


def test_the_declared_language_decides_what_zh_and_ja_write_alike(tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.parquet",
        id=[1, 2],
        language=["zh", "ja"],
        spoken=["ja", "zh"],
        question=["糖尿病", "糖尿病"],
    )
    output = tmp_path / "out.parquet"
    identify(path, output, ["question"])
    assert pl.read_parquet(output)["language"].to_list() == ["zh", "ja"]
    identify(path, output, ["question"], declared="spoken")
    table = pl.read_parquet(output)
    assert table["language"].to_list() == ["ja", "zh"]
    assert table["id"].to_list() == [1, 2]
    assert table["id"].dtype == pl.Int64


def test_a_declared_column_that_was_named_must_be_there(tmp_path: Path) -> None:
    path = write(tmp_path / "in.parquet", id=["1"], question=["fever"])
    with pytest.raises(InputError, match="no column 'spoken'"):
        identify(path, tmp_path / "out.parquet", ["question"], declared="spoken")
    assert not (tmp_path / "out.parquet").exists()


def test_a_call_without_a_text_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--text"):
        identify(tmp_path / "in.parquet", tmp_path / "out.parquet", [])


def test_a_table_without_rows_gives_one(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pl.DataFrame(schema={"id": pl.String, "question": pl.String}).write_parquet(path)
    value, _ = identify(path, tmp_path / "out.parquet", ["question"])
    assert value["rows"] == 0
    assert pl.read_parquet(tmp_path / "out.parquet").height == 0


def test_the_same_rows_give_the_same_answers_in_any_order_and_grouping(tmp_path: Path) -> None:
    table = pl.read_parquet(samples(tmp_path / "in.parquet"))
    many = pl.concat([table] * 1100).with_columns(id=pl.int_range(table.height * 1100))
    many.write_parquet(tmp_path / "forward.parquet", row_group_size=500)
    many.reverse().write_parquet(tmp_path / "backward.parquet")
    outputs = []
    for name in ("forward", "backward"):
        output = tmp_path / f"{name}-out.parquet"
        identify(tmp_path / f"{name}.parquet", output, ["question", "options"])
        outputs.append(pl.read_parquet(output).sort("id"))
    assert outputs[0].equals(outputs[1])
