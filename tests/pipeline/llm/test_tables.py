"""`mmed llm pack` and `unpack`: what is in a pack, and a build from it without any model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml

from pipeline.build import build
from pipeline.errors import InputError
from pipeline.llm.cache import Cache
from pipeline.llm.request import Answer, Message, MissError, Outcome, Request
from pipeline.llm.serve.fault import FaultServer
from pipeline.llm.session import CallOptions
from pipeline.llm.tables import pack_text, unpack_text
from pipeline.recipe import load_recipe
from schemas.item import LANGUAGES, Language
from tests.pipeline.engine.commands import views
from tests.pipeline.llm.asking import people, row, write_recipe
from tests.pipeline.llm.scripted import QUESTION


def answer(text: str, *, is_local: bool = False) -> Answer:
    request = Request("m", (Message("user", text),), 10)
    return Answer(request.key, Outcome.OK, text, "translate/en-ja@1", "m", is_local=is_local)


def fill(path: Path, *answers: Answer) -> Path:
    with Cache(path) as cache:
        cache.put_all(answers)
    return path


def in_six_languages() -> list[Answer]:
    return [answer(QUESTION[one]) for one in LANGUAGES]


def run(folder: Path, out: str, **options: object) -> Path:
    """Build the recipe of a folder."""
    recipe = load_recipe(str(folder / "recipe.yaml"))
    calls = replace(CallOptions(folder / "cache.sqlite"), **options)  # type: ignore[arg-type]
    build(recipe, raw=folder, out=folder / out, workers=1, options=calls)
    return folder / out


def test_what_is_packed_can_be_unpacked_into_another_cache(tmp_path: Path) -> None:
    cache = fill(tmp_path / "a.sqlite", *in_six_languages())
    value, text = pack_text(cache, tmp_path / "pack.parquet", None)
    assert value == {"answers": 6, "left_out_local": 0, "output": str(tmp_path / "pack.parquet")}
    assert "6 answers" in text
    other = fill(tmp_path / "b.sqlite", answer(QUESTION["ja"]))
    assert unpack_text(tmp_path / "pack.parquet", other)[0]["new"] == 5
    with Cache(other, is_read_only=True) as opened:
        assert {one.text for one in opened.in_key_order()} == set(QUESTION.values())


def test_answers_to_rows_that_may_not_leave_are_not_packed(tmp_path: Path) -> None:
    cache = fill(tmp_path / "a.sqlite", *in_six_languages(), answer("private", is_local=True))
    value, text = pack_text(cache, tmp_path / "pack.parquet", None)
    assert (value["answers"], value["left_out_local"]) == (6, 1)
    assert "1 stay on this machine" in text
    assert "private" not in str(pl.read_parquet(tmp_path / "pack.parquet").to_dicts())


def test_a_pack_never_replaces_its_cache(tmp_path: Path) -> None:
    cache = fill(tmp_path / "a.sqlite", *in_six_languages())
    before = cache.read_bytes()
    with pytest.raises(InputError, match="is the input itself"):
        pack_text(cache, cache, None)
    assert cache.read_bytes() == before


def test_what_is_no_pack_makes_no_cache(tmp_path: Path) -> None:
    pl.DataFrame({"key": ["x"]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="not a pack"):
        unpack_text(tmp_path / "other.parquet", tmp_path / "new.sqlite")
    assert not (tmp_path / "new.sqlite").exists()


def test_a_pack_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    cache = fill(tmp_path / "a.sqlite", *in_six_languages())
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder: cannot be written"):
        pack_text(cache, tmp_path / "folder", None)


@pytest.mark.parametrize("to", LANGUAGES)
def test_a_build_is_repeated_from_its_own_pack_without_a_model(
    to: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_recipe(tmp_path, to)
    source = next(one for one in LANGUAGES if one != to)
    bad = {QUESTION[source]: QUESTION[to].replace("500", "50")}  # its translations are dropped
    with FaultServer(answer=people(to, **bad)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        first = run(tmp_path, "first", max_cost_usd=5.0)
        num_requests = server.counts.num_requests
    monkeypatch.delenv("OPENAI_BASE_URL")
    # Answers of other work are in the cache, too.
    fill(tmp_path / "cache.sqlite", answer("another build's"))
    value, _ = pack_text(tmp_path / "cache.sqlite", tmp_path / "pack.parquet", first)
    assert value["answers"] == num_requests
    write_recipe(tmp_path, to, pack="pack.parquet")
    again = run(tmp_path, "again", cache=tmp_path / "no.sqlite")
    assert views(again) == {**views(first), **_manifests(views(again))}
    dropped = pl.read_parquet(again / "ledger.parquet")
    assert dropped.filter(pl.col("reason") == "translation_numbers").height == 1
    assert not (tmp_path / "no.sqlite").exists()


def test_answers_to_rationales_that_were_rejected_are_packed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_recipe(tmp_path, "es")
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    pl.DataFrame([row("ru", age) for age in (30, 62)]).drop("language").with_columns(
        pl.col("options").list.join("|")
    ).write_parquet(tmp_path / "ru.parquet")
    (table,) = (one for one in recipe["tables"] if one["language"] == "ru")
    fields = {"id": "id", "question": "question", "options": ["options"], "key": "answer"}
    recipe["tables"] = [{**table, "fields": fields, "option_separator": "|", "form": "exam"}]
    augment = {"stage": "augment", "operations": [{"operation": "rationale", "rows": 2}]}
    recipe["stages"] = ["ingest", "mask", augment, "split", "emit"]
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    with FaultServer({"default": {"text": "Правильного ответа нет."}}) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        first = run(tmp_path, "first", max_cost_usd=5.0)
    rows = pl.read_parquet(first / "release" / "mmed_ift_mc" / "ru")
    assert rows["rationale"].to_list() == ["", ""]
    value, _ = pack_text(tmp_path / "cache.sqlite", tmp_path / "pack.parquet", first)
    assert value["answers"] == server.counts.num_requests > 0


def _manifests(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files that name the recipe, which is another with a pack."""
    return {name: content for name, content in files.items() if name.endswith((".json", ".md"))}


def test_a_pack_without_an_answer_is_told_with_row_and_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_recipe(tmp_path, "ja")
    with FaultServer(answer=people("ja")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        first = run(tmp_path, "first", max_cost_usd=5.0)
    pack_text(tmp_path / "cache.sqlite", tmp_path / "whole.parquet", first)
    pl.read_parquet(tmp_path / "whole.parquet")[1:].write_parquet(tmp_path / "pack.parquet")
    write_recipe(tmp_path, "ja", pack="pack.parquet")
    with pytest.raises(MissError, match=r"prompt 'translate/\w\w-ja@\d+\+[0-9a-f]{8}' for row \w+"):
        run(tmp_path, "again")


def test_a_build_whose_answers_the_cache_lacks_is_not_packed_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_recipe(tmp_path, "zh")
    with FaultServer(answer=people("zh")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        first = run(tmp_path, "first", max_cost_usd=5.0)
    other = fill(tmp_path / "other.sqlite", answer("something else"))
    with pytest.raises(InputError, match=r"lacks 30 of the 30 answers"):
        pack_text(other, tmp_path / "pack.parquet", first)
    assert not (tmp_path / "pack.parquet").exists()


@pytest.mark.parametrize("what", ["nothing", "no JSON", "no answers"])
def test_a_folder_without_a_finished_build_that_asked_is_told(what: str, tmp_path: Path) -> None:
    cache = fill(tmp_path / "a.sqlite", *in_six_languages())
    out = tmp_path / "out"
    out.mkdir()
    content = {"no JSON": "{", "no answers": json.dumps({"tables": {}})}
    if what in content:
        (out / "manifest.json").write_text(content[what])
    expected = "used no answer" if what == "no answers" else "no manifest of a finished build"
    with pytest.raises(InputError, match=expected):
        pack_text(cache, tmp_path / "pack.parquet", out)


def test_a_cache_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file, so there are no answers to pack"):
        pack_text(tmp_path / "none.sqlite", tmp_path / "pack.parquet", None)
