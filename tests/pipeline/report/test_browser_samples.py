"""Which records the page holds: enough of every kind, none that is protected, nothing unmasked."""

from __future__ import annotations

import base64
import gzip
import html
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.report import write_report
from pipeline.report.page import make_page
from pipeline.report.read import read_build
from pipeline.report.samples import make_browser
from pipeline.report.write import render
from schemas.item import LANGUAGES
from tests.pipeline.judging import verdict, write_verdicts
from tests.pipeline.report.builds import Made, samples
from tests.pipeline.stages.rows import Row, qa, sample_qa


def payload(out: Path, *linked: str) -> dict[str, Any]:
    browser = make_browser(read_build(out), out, linked)
    assert browser is not None
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(browser.payload)))
    return content


def by_id(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {record["id"]: record for record in content["records"]}


def protected(out: Path) -> pl.DataFrame:
    names = json.loads((out / "manifest.json").read_bytes())["tables"]["ingest"]["kept"]
    read = [pl.read_parquet(out / "store" / name) for name in names]
    return pl.concat(read).filter(pl.col("role") != "train")


def test_page_holds_no_benchmark_item_not_even_where_a_row_repeats_one(demo_build: Path) -> None:
    items = protected(demo_build)
    assert items.height
    content = payload(demo_build, *items["id"])
    records = by_id(content)
    assert not records.keys() & {*items["id"]}
    repeating = [r for r in records.values() if r.get("reason", "").startswith("benchmark_")]
    assert repeating
    for record in repeating:
        assert record["withheld"]
        assert not record.keys() & {"question", "options", "answer", "evidence", "context"}
    everything = json.dumps(content, ensure_ascii=False)
    everything += html.unescape(render(make_page(read_build(demo_build))))
    assert [text for text in items["question"] if text in everything] == []


def test_payload_follows_from_the_build_alone(demo_build: Path) -> None:
    assert payload(demo_build) == payload(demo_build)


def test_records_that_other_sections_link_to_are_there(demo_build: Path) -> None:
    ledger = pl.read_parquet(demo_build / "ledger.parquet").filter(
        ~pl.col("reason").str.starts_with("role_")
    )
    assert {*ledger["id"]} <= by_id(payload(demo_build, *ledger["id"])).keys()


def test_parents_and_twins_of_records_are_there(demo_build: Path) -> None:
    records = by_id(payload(demo_build))
    named = {r["parent"] for r in records.values() if r["state"] == "published" and "parent" in r}
    assert named
    assert named <= records.keys()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """Return a build of far more rows than a page takes, most of one source."""
    rows = [
        sample_qa(code, id=f"{place:02x}{n:030x}", source="big")
        for place, code in enumerate(LANGUAGES)
        for n in range(900)
    ]
    rows += [sample_qa("ru", id=f"f{n:031x}", source="small", form="reading") for n in range(30)]
    return Made(rows).write(tmp_path_factory.mktemp("large") / "out"), rows


def test_large_build_is_sampled_over_languages_sources_and_forms(
    large: tuple[Path, list[Row]],
) -> None:
    out, rows = large
    shown = payload(out)["records"]
    assert 2000 <= len(shown) < len(rows)
    assert sum(record["source"] == "small" for record in shown) == 30
    for code in LANGUAGES:
        assert sum(record["language"] == code for record in shown) > 300


def test_personal_data_of_a_row_that_left_before_it_was_masked_is_masked(tmp_path: Path) -> None:
    row = qa("Write to j.doe@clinic.org\n\nor not?", "Line one.\nLine two.", source="ward")
    [record] = payload(Made([row]).write(tmp_path / "out"))["records"]
    assert record["question"] == "Write to [EMAIL]\n\nor not?"
    assert record["answer"] == "Line one.\nLine two."


def test_long_text_is_cut_and_said_to_be(tmp_path: Path) -> None:
    row = qa("Why?", "боль " * 3000, language="ru")
    [record] = payload(Made([row]).write(tmp_path / "out"))["records"]
    assert record["cut"] == ["answer"]
    assert record["answer"].endswith("…")
    assert "question" not in record["cut"]


@pytest.mark.parametrize("where", ["history", "options", "rationale"])
def test_row_with_a_risk_in_any_of_its_texts_comes_first(tmp_path: Path, where: str) -> None:
    text = "The patient is breast-feeding."
    values = {"history": [{"role": "user", "content": text}], "options": ["no", text]}
    row = {**qa("Why?", "Because.", source="ward"), where: values.get(where, text)}
    content = payload(Made([row]).write(tmp_path / "out"))
    assert content["queues"]["en"]["risk"] == [row["id"]]
    assert content["records"][0]["kinds"] == ["pregnancy"]


def test_verdicts_that_are_not_applied_are_listed(tmp_path: Path) -> None:
    row, gone = sample_qa("en"), sample_qa("fr")
    out = Made([row]).write(tmp_path / "out")
    changed = verdict({**row, "answer": "…"}, "reject", comment="Why?")
    write_verdicts(out / "review.parquet", changed, verdict(gone, "reject"))
    browser = make_browser(read_build(out), out)
    assert browser is not None
    expected = {("changed", row["id"], "anna"), ("gone", gone["id"], "anna")}
    assert {*browser.left} == expected
    page = write_report(out).read_text(encoding="utf-8")
    assert f"{gone['id']}</code></a> is no longer in the build (anna)" in page
    [record] = payload(out)["records"]
    [known] = record["judged"]
    assert (known["comment"], known.get("now")) == ("Why?", False)


def test_build_whose_store_is_gone_has_no_browser(tmp_path: Path) -> None:
    out = Made(samples()).write(tmp_path / "out")
    (out / "store" / "emit" / "kept.parquet").unlink()
    assert make_browser(read_build(out), out) is None
