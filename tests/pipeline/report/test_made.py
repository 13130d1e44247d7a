from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from pipeline.llm.prompts import prompt
from pipeline.report import write_report
from pipeline.report.locales import format_share
from schemas.item import LANGUAGES, Language
from schemas.ledger import REASONS
from tests.pipeline.report.builds import (
    MODEL,
    Made,
    as_in,
    explained,
    rewritten,
    samples,
    translated,
    unexplained,
)
from tests.pipeline.report.pages import PageReader, read
from tests.pipeline.stages.rows import Row, sample_mcq, sample_qa

NAMES = {
    "en": "English", "zh": "Chinese", "ja": "Japanese", "fr": "French", "ru": "Russian",
    "es": "Spanish",
}  # fmt: skip
OWN_SCRIPTS = 2  # the browser of records and its data
HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}<img src=x onerror=alert(1)>"


def another(language: Language) -> Language:
    return LANGUAGES[(LANGUAGES.index(language) + 1) % len(LANGUAGES)]


def page_of(made: Made, out: Path) -> tuple[PageReader, str]:
    path = write_report(made.write(out))
    return read(path), path.read_text(encoding="utf-8")


def rows_of(page: PageReader, table: str) -> list[list[str]]:
    return page.tables[table][1:]


@pytest.mark.parametrize("code", LANGUAGES)
def test_translations_are_counted_under_the_language_that_they_are_in(
    tmp_path: Path, code: Language
) -> None:
    source = another(code)
    parents = [sample_qa(source), sample_mcq(source), sample_qa(source, id="f" * 32)]
    made = Made(
        samples() + parents[2:],
        translations=[
            translated(parents[0], code, as_in(code)),
            translated(parents[1], code, {}, "translation_copy", "copy: option 1"),
            translated(parents[2], code, {}, "llm_refusal", "llm_refusal: no", variant=1),
        ],
    )
    page, html = page_of(made, tmp_path)
    assert rows_of(page, f"{code}-made") == [
        ["translate", f"translate from {NAMES[source]}", "3", "1", "2", "1"]
    ]
    assert rows_of(page, f"{code}-quarantined") == [
        [reason, "1", REASONS[reason]] for reason in ("llm_refusal", "translation_copy")
    ]
    used = prompt("translate", source=source, target=code).name
    assert rows_of(page, f"{code}-models") == [[MODEL, used, "3", "1"]]
    assert f"{source}-made" not in page.tables
    assert "were quarantined." not in html


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_whose_translations_all_failed_says_so(tmp_path: Path, code: Language) -> None:
    source = another(code)
    parents = [sample_qa(source), sample_mcq(source)]
    failed = [translated(p, code, {}, "translation_length", "length: 0.1") for p in parents]
    _, html = page_of(Made(samples(), translations=failed), tmp_path / "two")
    assert f"All 2 translations into {NAMES[code]} were quarantined." in html
    _, html = page_of(Made(samples(), translations=failed[:1]), tmp_path / "one")
    assert f"The only translation into {NAMES[code]} was quarantined." in html


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_example_has_both_texts_side_by_side_and_each_failed_check(
    tmp_path: Path, code: Language
) -> None:
    source = another(code)
    parent = sample_mcq(source)
    fields = {**as_in(code), "options": list(sample_mcq(code)["options"])}
    evidence = "numbers: question: 5; terms: option 2: x; y"
    child = translated(parent, code, fields, "translation_numbers", evidence)
    _, html = page_of(Made(samples(), translations=[child]), tmp_path)
    example = html.partition('<details class="example">')[2].partition("</details>")[0]
    assert f'<span lang="{source}" dir="auto">{parent["question"]}</span>' in example
    assert f'<span lang="{code}" dir="auto">{fields["question"]}</span>' in example
    keyed = re.findall(r'<li class="key">(.+?) <b', example)
    assert keyed == [parent["options"][0], fields["options"][0]]
    found = re.findall(r"<li><code>(\w+)</code> .+? <span class=\"what\".*?>(.+?)</span>", example)
    assert found == [("numbers", "question: 5"), ("terms", "option 2: x; y")]
    assert "<code>translation_numbers</code>" in example


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_rate_of_second_readers_counts_only_rationales_that_they_saw(
    tmp_path: Path, code: Language
) -> None:
    rows = [sample_mcq(code, id=f"{n:032x}") for n in range(6)]
    augmented = [
        *(explained(row, sample_qa(code)["answer"]) for row in rows[:2]),
        unexplained(rows[2], "key: B; a reason"),
        unexplained(rows[3], "labels: A; a reason"),
        unexplained(rows[4], f"local_model: {MODEL}"),
    ]
    page, html = page_of(Made(rows, augmented=augmented), tmp_path)
    assert rows_of(page, f"{code}-made") == [["augment", "rationale", "5", "2", "3", "2"]]
    said = html.partition(f'<p id="{code}-rationales">')[2].partition("</ul>")[0]
    plain = re.sub(r"<.+?>", "", said)
    rate = format_share(0.75, code)
    assert f"{rate} of the rationales that a second reader saw led to the key (3 of 4)." in plain
    assert "5 written, 2 kept:" in plain
    refused = re.findall(r"<li><b>(\d+)</b> <span>.+? <code>(\w+)</code>", said)
    assert refused == [("1", "key"), ("1", "labels"), ("1", "local_model")]
    assert html.count(f'<span lang="{code}" dir="auto">{sample_qa(code)["answer"]}</span>') == 2
    assert html.count(', before"><span class="none">none</span></td>') == 2  # as the rows were


@pytest.mark.parametrize("code", LANGUAGES)
def test_rewrites_are_told_from_what_was_done_to_their_parents(
    tmp_path: Path, code: Language
) -> None:
    parent = explained(sample_mcq(code), sample_qa(code)["answer"])
    rewrites = [
        rewritten(parent, **as_in(code)),
        rewritten(sample_qa(code), "", HOSTILE, "rewrite_chatter", "chatter: Sure"),
    ]
    made = Made([sample_mcq(code), sample_qa(code)], rewrites=rewrites, augmented=[parent])
    page, _ = page_of(made, tmp_path)
    assert rows_of(page, f"{code}-made") == [
        ["augment", "rationale", "1", "1", "0", "1"],
        ["augment", "rewrite", "2", "1", "1", "1"],
    ]


def test_a_translation_that_a_later_stage_explains_is_one_job_of_each(tmp_path: Path) -> None:
    fields = {**as_in("fr"), "options": list(sample_mcq("fr")["options"])}
    child = translated(sample_mcq("en"), "fr", fields)
    made = Made(samples(), translations=[child], augmented=[explained(child, "Parce que.")])
    page, _ = page_of(made, tmp_path)
    assert rows_of(page, "fr-made") == [
        ["translate", "translate from English", "1", "1", "0", "1"],
        ["augment", "rationale", "1", "1", "0", "1"],
    ]


def test_few_examples_of_as_many_reasons_as_there_are(tmp_path: Path) -> None:
    parents = [sample_qa("en", id=f"{n:032x}") for n in range(40)]
    reasons = ["translation_length"] * 30 + ["translation_copy", "llm_empty"]
    failed: list[Row] = [
        translated(parent, "ru", {}, reason, f"{reason.removeprefix('translation_')}: why")
        for parent, reason in zip(parents, reasons, strict=False)
    ]
    kept = [translated(parent, "ru", as_in("ru")) for parent in parents[32:]]
    _, html = page_of(Made(parents, translations=[*failed, *kept]), tmp_path)
    shown = re.findall(r'<details class="example">.*?</details>', html, re.DOTALL)
    assert len(shown) == 6
    assert re.findall(r"<h4>(.+?)</h4>", html) == ["Quarantined: 3 of 32", "Kept: 3 of 8"]
    for reason in set(reasons):
        assert any(f"<code>{reason}</code>" in example for example in shown)


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_a_model_wrote_is_never_markup(tmp_path: Path, code: Language) -> None:
    fields = {"question": HOSTILE, "context": HOSTILE, "answer": HOSTILE, "rationale": HOSTILE}
    bad = translated(sample_qa(another(code)), code, fields, "translation_script", HOSTILE)
    good = translated(sample_mcq(another(code)), code, {**fields, "options": [HOSTILE] * 4})
    page, html = page_of(Made(samples(), translations=[bad, good]), tmp_path)
    assert not {tag for tag, _ in page.elements} & {"img", "iframe"}
    assert [tag for tag, _ in page.elements].count("script") == OWN_SCRIPTS
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}") >= 10


def test_personal_data_that_a_model_wrote_is_masked(tmp_path: Path) -> None:
    fields = {"question": "Écrivez à nurse@ward.example.org ?", "answer": "Non."}
    child = translated(sample_qa("en"), "fr", fields)
    _, html = page_of(Made(samples(), translations=[child]), tmp_path)
    assert "nurse@ward" not in html
    assert "Écrivez à [EMAIL] ?" in html


def test_a_build_that_left_jobs_undone_carries_a_banner(tmp_path: Path) -> None:
    page, html = page_of(Made(samples(), unfinished=1234), tmp_path / "partial")
    [banner] = page.of_class("notice banner")
    assert "This build is incomplete." in banner
    assert "1,234 of translate." in banner
    assert html.index('id="unfinished"') < html.index("<main")
    page, _ = page_of(Made(samples()), tmp_path / "whole")
    assert page.of_class("notice banner") == []


def test_a_report_without_its_tables_says_that_made_rows_are_not_listed(tmp_path: Path) -> None:
    made = Made(samples(), translations=[translated(sample_qa("en"), "fr", as_in("fr"))])
    out = made.write(tmp_path)
    shutil.rmtree(out / "store")
    html = write_report(out).read_text(encoding="utf-8")
    assert "What language models made is not listed" in html
    assert "Translated and generated" not in html


def test_the_order_of_tables_does_not_change_the_page(tmp_path: Path) -> None:
    parents = [sample_qa("en", id=f"{n:032x}") for n in range(9)]
    children = [
        translated(p, "ru", as_in("ru"), *(("llm_empty", "llm_empty: ") if n % 2 else ()))
        for n, p in enumerate(parents)
    ]
    first = write_report(Made(parents, children).write(tmp_path / "a")).read_bytes()
    second = write_report(Made(parents[::-1], children[::-1]).write(tmp_path / "b")).read_bytes()
    assert first == second


def test_a_build_without_language_models_has_no_such_section(tmp_path: Path) -> None:
    out = Made(samples()).write(tmp_path)
    manifest = json.loads((out / "manifest.json").read_bytes())
    manifest["recipe"]["stages"] = [{"stage": s, "instance": s} for s in ("ingest", "emit")]
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    html = write_report(out).read_text(encoding="utf-8")
    assert "Translated and generated" not in html
    assert "not listed: the tables" not in html
