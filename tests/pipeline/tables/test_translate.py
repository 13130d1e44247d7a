"""`mmed translate` on any table: what is translated, what is kept apart, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import InputError, StoppedError
from pipeline.keys import text_digest
from pipeline.llm.program import RETRY_TEMPERATURE
from pipeline.llm.serve.fault import FaultServer
from pipeline.llm.session import CallOptions
from pipeline.llm.tables import pack_text
from pipeline.recipe import Llm
from pipeline.tables import translate as module
from pipeline.tables.translate import Egress, translate_table
from schemas.item import LANGUAGES, Language
from tests.pipeline.llm.asking import (
    KEY,
    MODEL,
    asked_text,
    fault,
    mmed,
    people,
    question,
    row,
    told,
    translate,
    write_table,
)
from tests.pipeline.llm.scripted import OPTIONS, QUESTION, RATIONALE


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """Return a server that translates into Spanish, at OPENAI_BASE_URL."""
    with FaultServer(answer=people("es")) as started:
        monkeypatch.setenv("OPENAI_BASE_URL", started.base_url)
        yield started


def run(
    folder: Path, to: Language = "es", egress: Egress = "local", **options: Any
) -> dict[str, Any]:
    """Translate `in.parquet` in a folder and return the summary."""
    given = {"max_cost_usd": 5.0, "price": (1.0, 2.0), **options}
    calls = CallOptions(folder / "cache.sqlite", **given)
    llm = Llm(model=MODEL)
    return translate_table(folder / "in.parquet", folder / "out", to, llm, calls, egress)[0]


def translated(folder: Path) -> list[dict[str, Any]]:
    return pl.read_parquet(folder / "out" / "translated.parquet").to_dicts()


def quarantined(folder: Path) -> list[dict[str, Any]]:
    return pl.read_parquet(folder / "out" / "quarantined.parquet").to_dicts()


def outputs(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "out").iterdir())]


@pytest.mark.parametrize("to", LANGUAGES)
def test_items_of_the_other_five_languages_are_translated_and_the_sixth_is_kept_apart(
    to: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "in.parquet", [row(one, topic=f"topic {one}") for one in LANGUAGES])
    with FaultServer(answer=people(to)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        value = run(tmp_path, to)
    others = [one for one in LANGUAGES if one != to]
    assert translated(tmp_path) == [
        {
            "id": f"{one}-62",
            "language": to,
            "question": QUESTION[to],
            "options": list(OPTIONS[to]),
            "answer": "B",
            "rationale": RATIONALE[to],
            "topic": f"topic {one}",
            "source_language": one,
            "model": MODEL,
        }
        for one in others
    ]
    (left,) = quarantined(tmp_path)
    assert (left["id"], left["reasons"]) == (f"{to}-62", ["language_target"])
    assert value["rows"] == 6
    assert value["translated"] == 5
    assert value["quarantined"] == {"language_target": 1}
    assert value["columns_copied"] == ["topic"]
    assert value["spent_usd"] > 0


def test_a_repeated_run_sends_nothing_and_writes_the_same_bytes(
    tmp_path: Path, server: FaultServer
) -> None:
    write_table(tmp_path / "in.parquet", [row(one, age) for one in LANGUAGES for age in (31, 47)])
    first, before = run(tmp_path), outputs(tmp_path)
    num_requests = server.counts.num_requests
    # Neither a price nor a cap is needed where nothing is asked.
    assert run(tmp_path, price=None, max_cost_usd=None) == first
    assert outputs(tmp_path) == before
    assert server.counts.num_requests == num_requests


def test_a_cache_whose_maker_was_killed_at_once_is_filled(
    tmp_path: Path, server: FaultServer
) -> None:
    write_table(tmp_path / "in.parquet", [row("ru")])
    (tmp_path / "cache.sqlite").touch()
    assert run(tmp_path)["translated"] == 1
    assert server.counts.num_requests == 6


def test_one_more_row_sends_the_requests_of_that_row_alone(
    tmp_path: Path, server: FaultServer
) -> None:
    rows = [row(one, 40) for one in LANGUAGES]
    write_table(tmp_path / "in.parquet", rows)
    run(tmp_path)
    num_requests = server.counts.num_requests
    write_table(tmp_path / "in.parquet", [*rows, row("ru", 55)])
    run(tmp_path)
    # Its question is new, and with it the stem beside options and rationale.
    assert server.counts.num_requests - num_requests == 1 + len(OPTIONS["ru"]) + 1
    assert max(server.counts.by_digest.values()) == 1


ANSWERS: dict[str, tuple[object, object]] = {
    "letter": ("B", "B"),
    "letter with marks": ("(b).", "(b)."),
    "letters": ("B, D", "B, D"),
    "letters in one": ("BD", "BD"),
    "letter of full width": ("Ｂ", "Ｂ"),
    "Cyrillic letter": ("Б)", "Б)"),
    "kana": ("イ", "イ"),
    "a letter that is two in capitals": ("ß", "ß"),
    "text of an option": (OPTIONS["fr"][1], OPTIONS["es"][1]),
    "texts of two options": (
        f"{OPTIONS['fr'][1]}\n{OPTIONS['fr'][3]}",
        f"{OPTIONS['es'][1]}\n{OPTIONS['es'][3]}",
    ),
    "list of texts": ([OPTIONS["fr"][0], "C"], [OPTIONS["es"][0], "C"]),
    "empty list": ([], []),
    "a text of its own": (RATIONALE["fr"], RATIONALE["es"]),
    "null": (None, None),
    "place": (1, 1),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_keeps_its_form_and_the_key_cannot_move(
    case: str, tmp_path: Path, server: FaultServer
) -> None:
    given, expected = ANSWERS[case]
    write_table(tmp_path / "in.parquet", [row("fr", answer=given)])
    run(tmp_path)
    (made,) = translated(tmp_path)
    assert made["answer"] == expected
    assert made["options"] == list(OPTIONS["es"])
    assert "B" not in {asked_text(one.payload) for one in server.received}


def test_an_open_question_with_its_passage_is_translated(
    tmp_path: Path, server: FaultServer
) -> None:
    given = {"id": 7, "language": "zh", "question": QUESTION["zh"], "answer": RATIONALE["zh"]}
    write_table(tmp_path / "in.parquet", [{**given, "context": question("zh", 33)}])
    run(tmp_path)
    (made,) = translated(tmp_path)
    assert made["id"] == 7
    assert made["context"] == question("es", 33)
    assert made["question"] == QUESTION["es"]
    assert made["answer"] == RATIONALE["es"]
    assert server.counts.num_requests == 3


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "es"])
def test_a_failed_translation_is_kept_apart_with_both_texts_after_one_varied_retry(
    language: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = QUESTION["es"].replace("500", "50")
    write_table(tmp_path / "in.parquet", [row(language), row(language, 30)])
    with FaultServer(answer=people("es", **{QUESTION[language]: wrong})) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        value = run(tmp_path)
    assert [one["id"] for one in translated(tmp_path)] == [f"{language}-30"]
    (left,) = quarantined(tmp_path)
    assert left["reasons"][0] == "translation_numbers"
    assert "50" in left["evidence"][0]
    assert left["source_question"] == QUESTION[language]
    assert left["target_question"] == wrong
    assert left["target_options"] is None  # not paid for
    assert value["quarantined"] == {"translation_numbers": 1}
    asked = [asked_text(one.payload) for one in server.received]
    assert asked.count(QUESTION[language]) == 2


SPANISH = QUESTION["es"]
# What a model may answer to the question instead of its translation, and what finds it.
WRONG: dict[str, tuple[str, Callable[[Language], str]]] = {
    "unit": ("units", lambda _: SPANISH.replace("500 mg", "500 g")),
    "another number": ("numbers", lambda _: SPANISH.replace("62", "26")),
    "drug": ("drug", lambda _: SPANISH.replace("metformina", "metronidazol")),
    "copy": ("copy", lambda language: QUESTION[language]),
    "preface": ("chatter", lambda _: f"Claro, aquí tiene la traducción:\n\n{SPANISH}"),
    "note": ("chatter", lambda _: f"{SPANISH}\n\nNota: he mantenido los números."),
    "another language": ("language", lambda one: QUESTION["en" if one == "fr" else "fr"]),
    "cut": ("length", lambda _: SPANISH[:40]),
    "an answer": ("numbers", lambda _: "La vitamina B12."),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "es"])
def test_a_wrong_translation_of_any_kind_is_asked_for_once_more_and_kept_apart(
    language: Language, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, wrong = WRONG[case]
    write_table(tmp_path / "in.parquet", [row(language), row(language, 30)])
    said = {QUESTION[language]: wrong(language)}
    with FaultServer(answer=people("es", **said)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        value = run(tmp_path)
    assert value["translated"] == 1
    (left,) = quarantined(tmp_path)
    assert f"translation_{check}" in left["reasons"]
    assert left["target_question"] == wrong(language)
    asked = [one.payload for one in server.received if asked_text(one.payload) in said]
    assert [one["temperature"] for one in asked] == [0, RETRY_TEMPERATURE]


def doses(language: Language) -> list[str]:
    return [f"{text} {number}00 mg" for number, text in enumerate(OPTIONS[language], start=1)]


def test_an_answer_that_ends_for_an_unknown_reason_is_kept_apart_and_does_not_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "in.parquet", [row("ru"), row("ru", 30)])
    calling = {"when": {"contains": QUESTION["ru"]}, "then": {"finish_reason": "tool_calls"}}
    with FaultServer({"rules": [calling]}, answer=people("es")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert run(tmp_path)["quarantined"] == {"llm_malformed": 1}
        num_requests = server.counts.num_requests
        assert num_requests == 2 + 6  # the question is asked for twice
        run(tmp_path)
        assert server.counts.num_requests == num_requests


MIXED_UP = {"swapped": [0, 2, 1, 3], "the same twice": [0, 2, 2, 3]}


@pytest.mark.parametrize("case", MIXED_UP)
@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "es"])
def test_options_that_are_mixed_up_are_kept_apart(
    language: Language, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, wanted = doses(language), doses("es")
    write_table(tmp_path / "in.parquet", [row(language, options=given), row(language, 30)])
    said = {text: wanted[place] for text, place in zip(given, MIXED_UP[case], strict=True)}
    with FaultServer(answer=people("es", **said)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert run(tmp_path)["translated"] == 1
    (left,) = quarantined(tmp_path)
    assert left["target_options"] == list(said.values())
    assert left["reasons"][0] == "translation_numbers"


REFUSED: dict[str, dict[str, object]] = {
    "language_unknown": {"language": "de"},
    "language_target": {"language": "es"},
    "question_empty": {"question": " "},
    "answer_several": {"answer": ["Folates.", "Cobalamine."]},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_row_that_cannot_be_translated_is_kept_apart_and_not_sent(
    reason: str, tmp_path: Path, server: FaultServer
) -> None:
    write_table(tmp_path / "in.parquet", [row("fr", **REFUSED[reason])])
    value = run(tmp_path)
    assert value["quarantined"] == {reason: 1}
    assert value["translated"] == 0
    assert translated(tmp_path) == []
    assert quarantined(tmp_path)[0]["reasons"] == [reason]
    assert server.counts.num_requests == 0


@pytest.mark.parametrize("egress", ["local", None])
def test_a_row_that_may_not_leave_this_machine_is_not_sent_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, egress: str | None
) -> None:
    table = pl.DataFrame([row("ja", egress=egress)], schema_overrides={"egress": pl.String})
    table.write_parquet(tmp_path / "in.parquet")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.org/v1")
    assert run(tmp_path, egress="any")["quarantined"] == {"egress_local": 1}
    with FaultServer(answer=people("es")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert run(tmp_path)["translated"] == 1
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert run(tmp_path)["translated"] == 1  # from the cache


def test_a_table_leaves_this_machine_only_where_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "in.parquet", [row("ja")])
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.org/v1")
    with pytest.raises(InputError, match=r"leads to example\.org.*Pass `--egress any`"):
        run(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(InputError, match="--max-cost"):  # the next thing that is missing
        run(tmp_path, egress="any", max_cost_usd=None)


@pytest.mark.parametrize("egress", ["local", "any"])
def test_answers_about_a_table_that_stays_here_are_never_packed(
    tmp_path: Path, server: FaultServer, egress: Egress
) -> None:
    write_table(tmp_path / "in.parquet", [row("ja")])
    run(tmp_path, egress=egress)
    value, _ = pack_text(tmp_path / "cache.sqlite", tmp_path / "pack.parquet", None)
    num_asked = server.counts.num_requests
    assert value["left_out_local"] == (num_asked if egress == "local" else 0)


@pytest.mark.usefixtures("server")
def test_a_rationale_that_names_letters_stays_behind_and_is_counted(tmp_path: Path) -> None:
    letters = {
        "en": "Option B is right, and option A is wrong.",
        "zh": "选项B正确，选项A错误。",
        "ja": "選択肢Bが正しく、選択肢Aは誤りである。",
        "fr": "La réponse B est juste et la réponse A est fausse.",
        "ru": "Вариант B верен, вариант A неверен.",
    }
    rows = [row(one, rationale=text) for one, text in letters.items()]  # type: ignore[arg-type]
    write_table(tmp_path / "in.parquet", rows)
    value = run(tmp_path)
    assert value["rationales_left_behind"] == 5
    assert {one["rationale"] for one in translated(tmp_path)} == {""}


@pytest.mark.usefixtures("server")
def test_columns_keep_their_types_and_their_nulls(tmp_path: Path) -> None:
    options = [{"letter": "ABCD"[n], "text": text} for n, text in enumerate(OPTIONS["ru"])]
    table = pa.table(
        {
            "id": pa.array([5, 6], pa.int32()),
            "language": pa.array(["ru", "ru"]).dictionary_encode(),
            "question": pa.array([question("ru", 41), question("ru", 42)], pa.large_string()),
            "options": pa.array([options, None]),
            "context": pa.array([None, None], pa.string()),
            "rationale": pa.nulls(2),
            "source_language": pa.array(["en", "en"]),  # of an earlier translation
            "note": pa.array([b"\xff", None]),
        }
    ).replace_schema_metadata({"made by": "somebody"})
    pq.write_table(table, tmp_path / "in.parquet")
    run(tmp_path)
    made = pq.read_table(tmp_path / "out" / "translated.parquet")
    expected = table.schema.remove(table.schema.get_field_index("source_language"))
    assert made.schema.remove_metadata().equals(
        expected.append(pa.field("source_language", pa.string()))
        .append(pa.field("model", pa.string()))
        .remove_metadata()
    )
    first, second = made.to_pylist()
    assert [one["text"] for one in first["options"]] == list(OPTIONS["es"])
    assert [one["letter"] for one in first["options"]] == list("ABCD")
    assert second["options"] is first["context"] is first["rationale"] is None
    assert (first["language"], first["source_language"], first["note"]) == ("es", "ru", b"\xff")


def test_work_goes_by_the_digest_of_the_id_however_few_rows_are_held(
    tmp_path: Path, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"id": f"r{number}", "language": "en", "question": question("en", 20 + number)}
        for number in range(30)
    ]
    write_table(tmp_path / "in.parquet", rows)
    monkeypatch.setattr(module, "HELD_BYTES", 1)  # one row at a time
    with pytest.raises(StoppedError, match="max-cost"):
        run(tmp_path, max_cost_usd=0.004)
    asked = {asked_text(one.payload) for one in server.received}
    in_order = sorted(rows, key=lambda one: text_digest(one["id"]))
    assert 0 < len(asked) < len(rows)
    assert asked == {one["question"] for one in in_order[: len(asked)]}
    assert not (tmp_path / "out").exists()
    run(tmp_path)
    assert [one["id"] for one in translated(tmp_path)] == [one["id"] for one in rows]
    assert max(server.counts.by_digest.values()) == 1


def test_the_input_is_never_replaced(tmp_path: Path, server: FaultServer) -> None:
    (tmp_path / "out").mkdir()
    path = write_table(tmp_path / "out" / "translated.parquet", [row("fr")])
    (tmp_path / "in.parquet").symlink_to(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="is the input itself"):
        run(tmp_path)
    assert path.read_bytes() == before
    assert server.counts.num_requests == 0


@pytest.mark.usefixtures("server")
def test_an_empty_table_gives_two_empty_tables(tmp_path: Path) -> None:
    schema = {"id": pl.String, "language": pl.String, "question": pl.String}
    pl.DataFrame(schema=schema).write_parquet(tmp_path / "in.parquet")
    assert run(tmp_path)["rows"] == 0
    assert translated(tmp_path) == quarantined(tmp_path) == []


@pytest.mark.slow
def test_the_command_prints_a_summary_and_keeps_the_key_to_itself(tmp_path: Path) -> None:
    write_table(tmp_path / "in.parquet", [row(one) for one in LANGUAGES])
    with FaultServer(answer=people("fr")) as server:
        done = mmed(*translate("fr"), cwd=tmp_path, server=server)
    assert told(done)["translated"] == 5
    said = done.stdout + done.stderr
    assert KEY not in said
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(KEY.encode() in path.read_bytes() for path in files)


@pytest.mark.slow
def test_a_cap_stops_the_command_with_one_line_and_the_same_command_goes_on(
    tmp_path: Path,
) -> None:
    write_table(tmp_path / "in.parquet", [row("ja", age) for age in range(20, 40)])
    with FaultServer(answer=people("en")) as server:
        command = [one if one != "5" else "0.02" for one in translate("en")]
        said = fault(mmed(*command, cwd=tmp_path, server=server), 3)
        assert "`--max-cost 0.02` is reached" in said
        assert "goes on" in said
        assert not (tmp_path / "out").exists()
        value = told(mmed(*translate("en"), cwd=tmp_path, server=server))
    assert value["translated"] == 20
    assert max(server.counts.by_digest.values()) == 1
