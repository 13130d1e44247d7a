"""`mmed dedup` on any table: what is kept, dropped and flagged, and that nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from pipeline import cli
from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import SAMPLES

FILES = ("kept.parquet", "dropped.parquet", "flagged.parquet")
# A question of each language with a number, and the same question asked with another number.
DOSES = {
    "en": "A child of {} kg is given amoxicillin for otitis media. Which daily dose is usual?",
    "zh": "一名体重{}公斤的儿童因中耳炎接受阿莫西林治疗，通常的每日剂量是多少？",
    "ja": "体重{}kgの小児に中耳炎でアモキシシリンを投与する。通常の1日量はどれか。",
    "fr": "Un enfant de {} kg reçoit de l'amoxicilline pour une otite. Quelle dose par jour ?",
    "ru": "Ребёнку весом {} кг назначен амоксициллин при отите. Какова обычная суточная доза?",
    "es": "Un niño de {} kg recibe amoxicilina por una otitis. ¿Cuál es la dosis diaria habitual?",
}


def run(source: Path, folder: Path, *options: object) -> Result:
    return CliRunner().invoke(cli.app, ["dedup", *map(str, (source, folder, *options))])


def deduplicated(source: Path, folder: Path, *options: object, named: str = "id") -> dict[str, Any]:
    """Run the command and return its summary, checked against the files that it wrote."""
    result = run(source, folder, *options, "--json")
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout)
    kept, dropped, flagged = (pl.read_parquet(folder / name) for name in FILES)
    rows = pl.read_parquet(source, columns=[named])
    is_kept = ~rows[named].is_in(dropped["id"].implode())
    assert kept[named].to_list() == rows[named].filter(is_kept).to_list()
    assert len(kept) + len(dropped) == len(rows)
    assert dropped["kept_instead"].is_in(kept[named].implode()).all()
    assert flagged["id"].is_in(kept[named].implode()).all()
    assert summary["rows"] == len(rows)
    assert summary["kept"] == len(kept)
    assert sum(summary["dropped"].values()) == len(dropped)
    assert summary["flagged"] == flagged["id"].n_unique()
    return summary


def failed(source: Path, folder: Path, *options: object) -> str:
    """Return the message of a command that must fail as a user's mistake, and write nothing."""
    result = run(source, folder, *options)
    assert result.exception is not None
    assert result.exception.exit_code == 2, result.exception  # type: ignore[attr-defined]
    assert not folder.exists()
    return str(result.exception)


def write(path: Path, **columns: pa.Array | list[Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def dropped_ids(folder: Path) -> list[Any]:
    return pl.read_parquet(folder / "dropped.parquet")["id"].to_list()


def six_languages(path: Path) -> Path:
    """Write, per language, a sample, its numbered copy, and a question with either of two doses."""
    rows: list[dict[str, Any]] = []
    for language in LANGUAGES:
        sample = SAMPLES[language]
        asked = {"question": sample.question, "options": list(sample.options), "answer": "A"}
        again = {"question": f"23. {sample.question}", "options": list(sample.options[::-1])}
        rows += [
            {"id": f"{language}-1", **asked},
            {"id": f"{language}-2", **again, "answer": sample.options[0]},
            *(
                {"id": f"{language}-{dose}", "question": DOSES[language].format(dose)}
                for dose in (12, 21)
            ),
        ]
    columns: dict[str, list[Any]] = {"language": [row["id"][:2] for row in rows]}
    for name in ("id", "question", "options", "answer"):
        columns[name] = [row.get(name) for row in rows]
    return write(path, **columns)


def test_in_each_language_a_copy_is_dropped_and_another_dose_is_flagged(tmp_path: Path) -> None:
    source, folder = six_languages(tmp_path / "in.parquet"), tmp_path / "out"
    summary = deduplicated(source, folder)
    dropped, flagged = (pl.read_parquet(folder / name) for name in FILES[1:])
    assert dropped.rows() == [
        (f"{one}-2", f"{one}-1", 1.0, 16, "exact_duplicate") for one in sorted(LANGUAGES)
    ]
    assert dropped.columns == ["id", "kept_instead", "jaccard", "bands", "reason"]
    doses = {frozenset(pair) for pair in flagged.select("id", "near").iter_rows()}
    assert doses <= {frozenset((f"{one}-12", f"{one}-21")) for one in LANGUAGES}
    assert flagged.columns == ["id", "near", "jaccard", "reason"]
    assert flagged["jaccard"].is_between(0.8, 1).all()
    assert summary["dropped"] == {"exact_duplicate": len(LANGUAGES)}
    assert len(doses) >= 1


def test_summary_is_readable_too(tmp_path: Path) -> None:
    result = run(six_languages(tmp_path / "in.parquet"), tmp_path / "out")
    assert f"{4 * len(LANGUAGES)} rows -> {tmp_path / 'out'}" in result.stdout
    assert "exact_duplicate           6" in result.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_shuffled_options_are_one_question_however_the_answer_is_given(
    tmp_path: Path, language: str
) -> None:
    sample = SAMPLES[language]
    forward, backward = list(sample.options), list(sample.options[::-1])
    answers = [["A"], ["D"], [sample.answer], [sample.options[0]], ["B"]]
    source = write(
        tmp_path / "lists.parquet",
        id=["letter", "letter of a shuffled one", "another text", "text", "wrong letter"],
        language=[language] * 5,
        question=[sample.question] * 5,
        options=[forward, backward, forward, backward, forward],
        answer=answers,
    )
    deduplicated(source, tmp_path / "lists")
    assert dropped_ids(tmp_path / "lists") == ["letter of a shuffled one", "text"]
    rows = pl.read_parquet(source).with_columns(pl.col("answer").list.first())
    rows.write_parquet(tmp_path / "texts.parquet")
    deduplicated(tmp_path / "texts.parquet", tmp_path / "texts")
    assert dropped_ids(tmp_path / "texts") == ["letter of a shuffled one", "text"]


def test_several_letters_are_a_set_of_texts(tmp_path: Path) -> None:
    options = list(SAMPLES["en"].options)
    source = write(
        tmp_path / "in.parquet",
        id=[1, 2, 3],
        language=["en"] * 3,
        question=[SAMPLES["en"].question] * 3,
        options=[options, options[::-1], options],
        answer=[["A", "b"], ["(C)", "D."], ["A", "C"]],
    )
    deduplicated(source, tmp_path / "out")
    assert dropped_ids(tmp_path / "out") == [2]


def test_questions_alone_are_enough(tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.parquet",
        id=["a", "b", "c"],
        language=["en"] * 3,
        question=["What is a stroke?", "what is a  stroke", "What is a stye?"],
    )
    deduplicated(source, tmp_path / "out")
    assert dropped_ids(tmp_path / "out") == ["b"]


def test_open_questions_with_other_answers_are_all_kept(tmp_path: Path) -> None:
    answers = ["Rest and fluids.", "Rest, and fluids.", "A course of antibiotics."]
    rows = {"id": ["a", "b", "c"], "language": ["en"] * 3, "question": ["What helps a cold?"] * 3}
    source = write(tmp_path / "in.parquet", **rows, answer=answers)
    deduplicated(source, tmp_path / "out")
    assert dropped_ids(tmp_path / "out") == ["b"]


def test_columns_of_other_names_are_named(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    names = {"question": "stem", "options": "choices", "answer": "key", "language": "spoken"}
    names |= {"id": "number"}
    pl.read_parquet(six_languages(source)).rename(names).write_parquet(source)
    options = [word for name, own in names.items() for word in (f"--{name}", own)]
    summary = deduplicated(source, tmp_path / "out", *options, named="number")
    assert summary["dropped"] == {"exact_duplicate": len(LANGUAGES)}


def test_a_misspelt_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    source = six_languages(tmp_path / "in.parquet")
    told = failed(source, tmp_path / "out", "--options", "option")
    assert "no column 'option'" in told
    assert "Did you mean 'options'?" in told


@pytest.mark.parametrize("missing", ["id", "question", "language"])
def test_a_needed_column_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    source = tmp_path / "in.parquet"
    pl.read_parquet(six_languages(source)).drop(missing).write_parquet(source)
    assert f"no column {missing!r}" in failed(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["a", "b", "a"], "'a' occurs twice"),
        ([7, 8, 7], "7 occurs twice"),
        (["a", None, "c"], "row 2 has no 'id'"),
        ([0.5, 1.5, 2.5], "'id' is double; expected is text or whole numbers"),
    ],
)
def test_ids_that_do_not_name_a_row_are_refused(
    tmp_path: Path, ids: list[Any], expected: str
) -> None:
    texts = {"language": ["fr"] * 3, "question": ["Fièvre ?", "Toux ?", "Nausée ?"]}
    source = write(tmp_path / "in.parquet", id=ids, **texts)
    assert expected in failed(source, tmp_path / "out")


@pytest.mark.parametrize(
    "id_type",
    [pa.string(), pa.large_string(), pa.string_view(), pa.int32(), pa.uint64()],
    ids=str,
)
def test_ids_come_back_in_their_type_and_the_smallest_is_kept(
    tmp_path: Path, id_type: pa.DataType
) -> None:
    ids = pa.array([10, 9, 100]).cast(pa.string()).cast(id_type)
    question = ["Qu'est-ce que l'asthme ?"] * 3
    source = write(tmp_path / "in.parquet", id=ids, language=["fr"] * 3, question=question)
    deduplicated(source, tmp_path / "out")
    dropped = pq.read_table(tmp_path / "out" / "dropped.parquet")
    expected = 9 if pa.types.is_integer(id_type) else "10"
    assert set(dropped["kept_instead"].to_pylist()) == {expected}
    wanted = pa.string() if pa.types.is_string_view(id_type) else id_type
    assert dropped.schema.field("id").type == dropped.schema.field("kept_instead").type == wanted
    assert pq.read_schema(tmp_path / "out" / "flagged.parquet").field("near").type == wanted


def test_kept_rows_have_every_column_unchanged(tmp_path: Path) -> None:
    asked = ["What is asthma?", "What is gout?", None, "what is asthma?", "What is sepsis?"]
    columns = {
        "id": pa.array([5, 4, 3, 6, 1], pa.int16()),
        "language": pa.array(["en"] * 5).dictionary_encode(),
        "question": pa.array(asked, pa.string_view()),
        "options": pa.array([None, [], ["a", None], None, []], pa.list_(pa.string())),
        "scores": pa.array([{"x": 1.5, "y": [1]}, None, {"x": None, "y": []}, None, {"y": None}]),
        "when": pa.array([0, 1, None, 3, 4], pa.timestamp("us", "UTC")),
        "image": pa.array([b"\xff", b"", None, b"a", b"\xed\xa0\x80"]),
    }
    table = pa.table(columns).replace_schema_metadata({"made": "by hand"})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=2)
    deduplicated(tmp_path / "in.parquet", tmp_path / "out")
    kept = pq.read_table(tmp_path / "out" / "kept.parquet")
    expected = pa.concat_tables([table.slice(0, 3), table.slice(4)])
    assert kept.schema.equals(pq.read_schema(tmp_path / "in.parquet"), check_metadata=True)
    assert kept.to_pylist() == expected.to_pylist()


def test_null_and_empty_texts_are_no_duplicates_of_each_other(tmp_path: Path) -> None:
    texts = [None, "", "  ", "?!", "。", "😀", "\u200f\u202b", None]
    rows = {"id": [*range(8)], "language": ["en", None, "ja", "xx", "zh", "", "ru", "es"]}
    source = write(tmp_path / "in.parquet", **rows, question=pa.array(texts, pa.string()))
    summary = deduplicated(source, tmp_path / "out")
    assert (summary["kept"], summary["dropped"], summary["flagged"]) == (8, {}, 0)


def test_a_table_without_rows_gives_three(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    pl.read_parquet(six_languages(source)).clear().write_parquet(source)
    assert deduplicated(source, tmp_path / "out")["rows"] == 0
    assert pq.read_schema(tmp_path / "out" / "kept.parquet") == pq.read_schema(source)


def test_order_row_groups_and_workers_change_nothing(tmp_path: Path) -> None:
    table = pl.read_parquet(six_languages(tmp_path / "in.parquet"))
    many = pl.concat(
        table.with_columns(pl.col("id") + f"-{number}", pl.col("question") + f" ({number})")
        for number in range(60)
    )
    many.write_parquet(tmp_path / "a.parquet", row_group_size=100)
    many.sample(fraction=1, shuffle=True, seed=7).write_parquet(tmp_path / "b.parquet")
    summaries = [
        deduplicated(tmp_path / f"{name}.parquet", tmp_path / name, "--workers", workers)
        for name, workers in (("a", 1), ("b", 3))
    ]
    assert summaries[0]["flagged"] > 0
    for name in FILES:
        first, second = (pl.read_parquet(tmp_path / one / name) for one in "ab")
        if name == "kept.parquet":  # in the order of its input
            first, second = first.sort("id"), second.sort("id")
        assert first.equals(second)
