"""The page of real builds, looked at in a real browser, as a reader does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

from pipeline.build import build
from pipeline.recipe import Recipe
from pipeline.report import write_report
from schemas.item import LANGUAGES
from tests.browser import NARROW, WIDE, chromium, complaints, resize
from tests.pipeline.stages.rows import sample_qa

HOSTILE = '<script>window.hit = 1</script>"><img src=x onerror="window.hit = 1">{{ 7 * 7 }}'

Shown = tuple[webdriver.Chrome, Path]


def write_table(path: Path, name: str, language: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    """Write a table of open questions; return its entry in a recipe."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return {
        "name": name,
        "path": str(path / f"{name}.jsonl"),
        "fields": {"question": "question", "answer": "answer", "topic": "topic"},
        "language": language,
        "license": "CC0-1.0",
        "form": "encyclopedia",
    }


def tables(path: Path) -> list[dict[str, Any]]:
    """Return a table per language: a question, one that is hostile, and its exact duplicate."""
    entries = []
    for code in LANGUAGES:
        sample = sample_qa(code)
        own = {"question": sample["question"], "answer": sample["answer"], "topic": HOSTILE}
        hostile = {**own, "question": f"{sample['question']} {HOSTILE}"}
        entries.append(write_table(path, f"ward_{code}", code, [own, hostile, hostile]))
    return entries


STAGES = ("ingest", "normalize", "mask", "language", "deduplicate", "decontaminate", "mix", "split")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Build the starter corpus and hostile tables, and open the report."""
    path = tmp_path_factory.mktemp("shown")
    recipe = Recipe.model_validate(
        {
            "sources": ["starter"],
            "tables": tables(path),
            "benchmarks": ["starter"],
            "stages": [*STAGES, "emit"],
        }
    )
    build(recipe, path / "raw", path / "out", workers=1)
    page = write_report(path / "out")
    with chromium(path) as browser:
        browser.get(page.as_uri())
        yield browser, path / "out"


def manifest_of(out: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
    return manifest


def rows_of(browser: webdriver.Chrome, table: str) -> dict[str, list[int | None]]:
    """Return the numbers of a table by its first column; None for other cells."""
    read = """
        let number = t => /^[\\d,\\u202f]+$/.test(t) ? Number(t.replace(/[,\\u202f]/g, "")) : null;
        return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].map(row =>
            [...row.children].map((cell, n) =>
                n ? number(cell.textContent.trim()) : cell.textContent.trim()));
    """
    return {name: rest for name, *rest in browser.execute_script(read, table)}


NAMES = {
    "en": "English",
    "zh": "Chinese",
    "ja": "Japanese",
    "fr": "French",
    "ru": "Russian",
    "es": "Spanish",
}


def test_the_numbers_that_a_reader_sees_are_the_manifests(shown: Shown) -> None:
    browser, out = shown
    manifest = manifest_of(out)
    last = manifest["stages"][-1]["name"]
    kept: Counter[str] = Counter()
    for one in manifest["counts"][last]:
        kept[one["language"]] += one["rows_kept"]
    assert {code: rows_of(browser, "languages")[name][0] for code, name in NAMES.items()} == dict(
        kept
    )
    status = {name.split()[0]: row for name, row in rows_of(browser, "status").items()}
    for code, name in NAMES.items():
        rows = [
            sum(manifest["release"].get(f"{subset}.{code}", {}).values())
            for subset in ("mmed_ift", "mmed_ift_mc")
        ]
        assert status[name][1:3] == rows
        assert sum(rows) == kept[code]
    forms = rows_of(browser, "forms")
    assert sum(row[0] or 0 for row in forms.values()) == kept.total()
    licenses = rows_of(browser, "licenses-by-language")
    assert licenses == {"CC0-1.0": [kept.total(), *(kept[code] for code in LANGUAGES)]}
    assert browser.find_element("id", "published").text == f"{kept.total()} rows"


def test_text_of_a_record_runs_nowhere_and_asks_for_nothing(shown: Shown) -> None:
    browser, out = shown
    assert browser.execute_script("return window.hit") is None
    assert browser.execute_script("return document.images.length") == 0
    assert complaints(browser) == []
    text = browser.execute_script("return document.body.textContent")
    assert text.count("<script>window.hit = 1</script>") >= 2 * len(LANGUAGES)
    assert "{{ 7 * 7 }}" in text
    policy = browser.execute_script(
        "return document.querySelector('meta[http-equiv=Content-Security-Policy]').content"
    )
    assert policy.startswith("default-src 'none'; ")
    requested = browser.execute_script(
        "return performance.getEntriesByType('resource').map(one => one.name)"
    )
    assert requested == []
    assert (out / "report" / "index.html").stat().st_size < 6_000_000


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_section_is_in_its_own_words_and_fonts(shown: Shown, code: str) -> None:
    browser, _ = shown
    section = browser.find_element("css selector", f"section[aria-labelledby={code}]")
    line = section.find_element("class name", "own-line")
    assert line.get_attribute("lang") == code
    kept = rows_of(browser, "languages")[NAMES[code]][0]
    assert str(kept) in line.text
    twin = section.find_element("css selector", f".cluster span[lang={code}]")
    font = twin.value_of_css_property("font-family")
    expected = {"zh": "Noto Sans CJK SC", "ja": "Noto Sans CJK JP"}.get(code, "Noto Sans")
    assert expected in font


def test_of_near_duplicates_only_what_differs_is_marked(shown: Shown) -> None:
    browser, _ = shown
    sizes = browser.execute_script(
        """let size = all => [...all].reduce((sum, one) => sum + one.textContent.length, 0);
        return [...document.querySelectorAll('.cluster table')]
            .filter(one => one.caption.textContent.includes('near_duplicate'))
            .map(one => [size(one.querySelectorAll('mark')), size(one.querySelectorAll('td'))])"""
    )
    assert len(sizes) >= 5  # of the starter corpus
    assert all(0 < marked < whole / 2 for marked, whole in sizes)


def test_two_rows_whose_keys_conflict_are_shown_once(shown: Shown) -> None:
    browser, _ = shown
    pairs = browser.execute_script(
        """return [...document.querySelectorAll('.cluster table')]
            .filter(one => one.caption.textContent.includes('conflicting_key'))
            .map(one => [one.closest('.cluster').querySelector('.place code').textContent,
                         one.caption.querySelector('.record').textContent])"""
    )
    assert pairs
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)


def test_a_matched_test_item_is_named_and_not_shown(shown: Shown) -> None:
    browser, out = shown
    ledger_ids = browser.execute_script(
        "return [...document.querySelectorAll('.matches .place')].map(one => one.textContent)"
    )
    assert any("the same root" in text for text in ledger_ids)
    table = rows_of(browser, "contamination")
    dropped = sum(
        rows
        for one in manifest_of(out)["counts"]["decontaminate"]
        for reason, rows in one["dropped"].items()
        if reason.startswith("benchmark_")
    )
    assert sum(row[2] or 0 for row in table.values()) == dropped > 0


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("is_dark", [False, True])
def test_the_page_fits_its_window_and_follows_the_colours(
    shown: Shown, width: int, is_dark: bool
) -> None:
    browser, _ = shown
    resize(browser, width, is_dark=is_dark)
    page = "return document.documentElement"
    assert browser.execute_script(f"{page}.scrollWidth") <= browser.execute_script(
        f"{page}.clientWidth"
    )
    assert browser.execute_script("return window.innerWidth") == width
    shade = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    light = [int(part) for part in shade.removeprefix("rgb(").removesuffix(")").split(",")]
    assert (max(light) < 60) == is_dark
    assert (min(light) > 200) != is_dark


def test_every_chart_has_its_numbers_in_a_table(shown: Shown) -> None:
    browser, _ = shown
    pairs = browser.execute_script(
        """return [...document.querySelectorAll('svg.columns')].map(one => [
            [...one.querySelectorAll('title')].map(t => t.textContent.match(/[\\d,\\u202f]+$/)[0]),
            [...one.parentElement.querySelectorAll('tbody td')].map(t => t.textContent)])"""
    )
    assert len(pairs) >= 3 * len(LANGUAGES)
    assert all(drawn == written for drawn, written in pairs)


def test_a_reader_at_the_keyboard_skips_to_the_report(shown: Shown) -> None:
    browser, _ = shown
    browser.execute_script("window.scrollTo(0, 0); document.activeElement.blur()")
    browser.switch_to.active_element.send_keys("\ue004")  # Tab
    focused = browser.switch_to.active_element
    assert focused.text == "Skip to the report"
    assert focused.value_of_css_property("outline-style") == "solid"
    unnamed = browser.execute_script(
        """return [...document.querySelectorAll('main table')].filter(one =>
            !one.caption && !one.closest('details')).length"""
    )
    assert unnamed == 0
