from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from pipeline.pilot import Direction, Tried
from pipeline.pilot_page import write_page
from pipeline.stages.stage import Job
from schemas.item import LANGUAGES, Language
from tests.pipeline.report.builds import explained, rewritten, translated, unexplained
from tests.pipeline.report.pages import PageReader, read
from tests.pipeline.stages.rows import Row, sample_mcq, sample_qa

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }} &amp; </p>")


def in_language(code: Language) -> dict[str, Any]:
    sample = sample_mcq(code)
    return {name: sample[name] for name in ("question", "options", "answer")}


def translation(
    source: Language, target: Language, reason: str | None = None, evidence: str = "", **other: Any
) -> Tried:
    parent = sample_mcq(source)
    made = translated(parent, target, {**in_language(target), **other})
    return tried("translate", "translate", parent, target, made, reason, evidence)


def tried(
    stage: str,
    operation: str,
    row: Row,
    target: str,
    made: Row,
    reason: str | None = None,
    evidence: str = "",
) -> Tried:
    return Tried(stage, Job(row, operation, target), made, reason, evidence, (100, 50))


def directions(jobs: list[Tried], usd: float | None = 1.5, num_jobs: int = 4000) -> list[Direction]:
    groups: dict[tuple[str, tuple[str, str, str]], list[Tried]] = {}
    for one in jobs:
        groups.setdefault((one.stage, one.direction), []).append(one)
    return [
        Direction(
            stage=stage,
            operation=operation,
            direction=f"{language}-{target}" if target else language,
            tried=len(group),
            passed=sum(one.reason is None for one in group),
            num_jobs=num_jobs,
            usd=usd,
        )
        for (stage, (operation, language, target)), group in groups.items()
    ]


def page_of(tmp_path: Path, jobs: list[Tried], **other: Any) -> tuple[PageReader, str]:
    path = write_page(tmp_path / "index.html", jobs, directions(jobs, **other))
    assert path == tmp_path / "index.html"
    return read(path), path.read_text(encoding="utf-8")


def pieces(html: str) -> list[str]:
    return re.findall(r'<article class="job">.*?</article>', html, re.DOTALL)


def test_the_table_of_directions_tells_what_passed_and_what_all_would_cost(tmp_path: Path) -> None:
    jobs = [
        translation("en", "ja"),
        translation("en", "ja", "translation_copy", "copy: question"),
        translation("ru", "fr"),
    ]
    page, _ = page_of(tmp_path, jobs)
    assert page.tables["costs"][1:] == [
        ["English → Japanese", "translate", "2", "1", "4,000", "1.50"],
        ["Russian → French", "translate", "1", "1", "4,000", "1.50"],
        ["All", "", "3", "2", "8,000", "3.00"],
    ]


def test_without_a_price_no_cost_is_told(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path, [translation("en", "ja")], usd=None)
    assert page.tables["costs"][1:] == [
        ["English → Japanese", "translate", "1", "1", "4,000", "no price"]
    ]


def test_a_cost_of_less_than_a_cent_does_not_read_as_nothing(tmp_path: Path) -> None:
    page, _ = page_of(tmp_path, [translation("en", "ja"), translation("en", "fr")], usd=0.003)
    assert [row[-1] for row in page.tables["costs"][1:]] == ["0.0030", "0.0030", "0.0060"]


def test_what_a_failed_translation_did_not_reach_is_told_from_an_empty_field(
    tmp_path: Path,
) -> None:
    jobs = [
        translation("en", "ja", "translation_copy", "copy: question", options=[], answer=""),
        translation("en", "ja", options=[], answer=""),
    ]
    failed, passed = pieces(page_of(tmp_path, jobs)[1])
    assert failed.count(">not reached<") == 2
    assert ">none<" not in failed
    assert passed.count(">none<") == 2


@pytest.mark.parametrize(("source", "target"), [*permutations(LANGUAGES, 2)])
def test_every_field_stands_beside_its_source_in_its_language(
    tmp_path: Path, source: Language, target: Language
) -> None:
    [job] = pieces(page_of(tmp_path, [translation(source, target, rationale="R2")])[1])
    parent, made = sample_mcq(source), sample_mcq(target)
    cells = re.findall(r'<span lang="(\w+)" dir="auto">(.+?)</span>', job)
    assert cells == [
        (source, parent["question"]),
        (target, made["question"]),
        (source, parent["answer"]),
        (target, made["answer"]),
        (target, "R2"),
    ]
    lists = re.findall(r'<ol type="A" lang="(\w+)">(.+?)</ol>', job)
    for (code, options), row in zip(lists, (parent, made), strict=True):
        assert code == row["language"]
        plain = re.findall(r"<li.*?>([^<]+?)(?: <b class=\"mark\".*?</b>)?</li>", options)
        assert plain == row["options"]
        assert re.findall(r'<li class="key">([^<]+) <b', options) == [row["options"][0]]


def test_a_verdict_carries_its_reason_and_the_evidence_of_each_check(tmp_path: Path) -> None:
    evidence = "drug: question: warfarin; numbers: option 2: 5; 50; llm_empty: "
    job = translation("es", "zh", "translation_drug", evidence)
    page, html = page_of(tmp_path, [job, translation("es", "zh")])
    failed, passed = pieces(html)
    assert ">failed</b>" in failed
    assert "<code>translation_drug</code>" in failed
    found = re.findall(r"<li><code>(\w+)</code> [^<]+(?:<span.*?>(.+?)</span>)?</li>", failed)
    assert found == [
        ("drug", "question: warfarin"),
        ("numbers", "option 2: 5; 50"),
        ("llm_empty", ""),
    ]
    assert ">passed</b>" in passed
    assert "<code>drug</code>" not in passed
    assert page.of_class("status") == ["1 of 2 passed."]


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_rationale_is_shown_as_what_it_adds_to_its_row(tmp_path: Path, code: Language) -> None:
    row, text = sample_mcq(code), sample_qa(code)["answer"]
    refused = tried(
        "augment",
        "rationale",
        row,
        "",
        unexplained(row, f"key: B; {text}"),
        "rationale_rejected",
        f"key: B; {text}",
    )
    kept = tried("augment", "rationale", row, "", explained(row, text))
    first, second = pieces(page_of(tmp_path, [refused, kept])[1])
    for job in (first, second):
        assert job.count(row["question"]) == 1  # in one cell over both columns
    assert f"B; {text}</span>" in first
    assert f'<span lang="{code}" dir="auto">{text}</span>' in second


def test_rewrites_and_points_are_shown(tmp_path: Path) -> None:
    row = sample_qa("fr")
    rewrite = tried("augment", "rewrite", row, "", rewritten(row, "Quoi ?", "Ceci."))
    scores = {**row, "scores": {"llm_score": 7.0}}
    scored = tried("augment", "score", row, "", scores)
    flagged = {**row, "scores": None}
    unscored = tried("augment", "score", row, "", flagged, "llm_score_missing", "llm_empty: ")
    first, second, third = pieces(page_of(tmp_path, [rewrite, scored, unscored])[1])
    assert '<span lang="fr" dir="auto">Ceci.</span>' in first
    assert ">7</span>" in second
    assert "<code>llm_empty</code>" in third


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("code", LANGUAGES)
def test_what_a_model_wrote_is_never_markup(tmp_path: Path, code: Language, text: str) -> None:
    fields = dict.fromkeys(("context", "question", "answer", "rationale"), text)
    other: Language = "en" if code != "en" else "fr"
    job = translation(
        other, code, "translation_script", f"script: {text}", options=[text] * 4, **fields
    )
    page, html = page_of(tmp_path, [job])
    assert not {tag for tag, _ in page.elements} & {"script", "img", "iframe", "object", "form"}
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert html.replace("&#34;", '"').count(escaped) == 9  # 4 fields, 4 options, evidence


def test_the_page_needs_nothing_from_outside_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    page, html = page_of(tmp_path, [translation("zh", "ja"), translation("zh", "en")])
    assert "://" not in html
    assert not re.search(r"url\(|@import|<script", html)
    assert not [tag for tag, attrs in page.elements if tag == "link" or "src" in attrs]
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    links = [attrs["href"] or "" for tag, attrs in page.elements if tag == "a"]
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_the_page_replaces_an_older_one_whole(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("older", encoding="utf-8")
    page_of(tmp_path, [translation("zh", "ja")])
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
