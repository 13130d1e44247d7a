"""The browser of records and the review pane, in a real browser, on the demo's report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.report import write_report
from pipeline.report.samples import review_texts
from pipeline.stages.children import dropped
from pipeline.verdicts import tally
from schemas.item import LANGUAGES
from tests.browser import NARROW, WIDE, chromium, complaints, resize
from tests.pipeline.report.builds import Made
from tests.pipeline.stages.rows import flag, mcq, qa

pytestmark = pytest.mark.xdist_group("browser")


class Reader:
    """A person with the page open in a browser."""

    def __init__(self, browser: webdriver.Chrome, downloads: Path) -> None:
        self.browser = browser
        self.downloads = downloads

    def open(self, out: Path, fragment: str = "") -> None:
        """Open the report of a build with nothing kept from before."""
        self.browser.get("about:blank")
        everything = {"origin": "file://", "storageTypes": "all"}
        self.browser.execute_cdp_cmd("Storage.clearDataForOrigin", everything)
        complaints(self.browser)
        self.load(out, fragment)

    def load(self, out: Path, fragment: str = "") -> None:
        """Open the report of a build as on another day."""
        self.browser.get("about:blank")
        self.browser.get((out / "report" / "index.html").as_uri() + fragment)
        self.wait(lambda: self.one("#browser-app").is_displayed())

    def reset(self, out: Path) -> None:
        """Show the records of a build unfiltered; faster than to open the page anew."""
        if (out / "report").as_uri() not in self.browser.current_url:
            self.open(out)
        self.search("")
        for name in ("language", "source", "form", "origin", "flag", "state"):
            self.choose(f"#by-{name}", "")

    def wait(self, condition: Callable[[], object]) -> None:
        WebDriverWait(self.browser, 10, 0.02).until(lambda _: condition())

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return self.one(selector).text

    def click(self, selector: str) -> None:
        element = self.one(selector)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def choose(self, selector: str, value: str) -> None:
        Select(self.one(selector)).select_by_value(value)

    def press(self, keys: str) -> None:
        self.one("body").send_keys(keys)

    def search(self, words: str) -> None:
        self.one("#find").clear()
        self.one("#find").send_keys(words)

    def found(self) -> int:
        return int(self.text("#found").split()[0].replace(",", ""))

    def listed(self) -> list[str]:
        """Return the ids of the records listed."""
        links = self.browser.find_elements(By.CSS_SELECTOR, "#results a")
        return [str(link.get_attribute("href")).rpartition("#id=")[2] for link in links]

    def start(self) -> str:
        """Start the queue and return the record that comes first."""
        self.click("#start")
        self.wait(lambda: self.browser.find_elements(By.ID, "do-accept"))
        return self.current()

    def sign(self, name: str) -> None:
        self.one("#reviewer").clear()
        self.one("#reviewer").send_keys(name)

    def current(self) -> str:
        url = self.browser.current_url
        return url.rpartition("#id=")[2] if "#id=" in url else ""

    def asks_before_leaving(self) -> bool:
        script = """const leaving = new Event('beforeunload', { cancelable: true });
            dispatchEvent(leaving); return leaving.defaultPrevented"""
        return bool(self.browser.execute_script(script))

    def saved(self) -> Path:
        """Return the file that was downloaded last."""
        self.wait(lambda: [*self.downloads.glob("*.json")])
        return max(self.downloads.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    downloads = tmp_path_factory.mktemp("downloads")
    with chromium(downloads) as browser:
        yield Reader(browser, downloads)


@pytest.fixture(scope="module")
def demo(demo_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the demo build with its report."""
    out = shutil.copytree(demo_build, tmp_path_factory.mktemp("demo") / "out")
    write_report(out)
    return out


def release(out: Path) -> dict[str, dict[str, Any]]:
    rows = (pl.read_parquet(path).to_dicts() for path in (out / "release").glob("*/*/*.parquet"))
    return {row["id"]: row for part in rows for row in part}


def manifest(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
    return content


def test_page_of_the_demo_holds_every_published_record_and_works_without_complaint(
    reader: Reader, demo: Path
) -> None:
    reader.open(demo)
    reader.choose("#by-state", "published")
    counts = manifest(demo)["release"]
    subsets = [part for config, part in counts.items() if "." not in config]
    assert reader.found() == sum(sum(part.values()) for part in subsets)
    assert complaints(reader.browser) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_filters_and_search_find_the_records_of_a_language(
    reader: Reader, demo: Path, language: str
) -> None:
    reader.reset(demo)
    reader.choose("#by-language", language)
    reader.choose("#by-origin", "native")
    reader.choose("#by-state", "published")
    own = [
        row for row in release(demo).values()
        if (row["language"], row["origin"]) == (language, "native")
    ]  # fmt: skip
    assert reader.found() == len(own)
    wanted = min(own, key=lambda row: str(row["id"]))
    reader.search(wanted["question"])
    assert wanted["id"] in reader.listed()
    assert reader.found() < len(own)
    reader.search(wanted["id"])
    assert reader.listed() == [wanted["id"]]


def test_permalink_shows_where_a_translation_comes_from(reader: Reader, demo: Path) -> None:
    row = min(
        (row for row in release(demo).values() if row["origin"] == "translated"),
        key=lambda row: str(row["id"]),
    )
    reader.open(demo, f"#id={row['id']}")
    lineage = reader.text(".lineage")
    assert release(demo)[row["parent_id"]]["question"] in reader.text(".original")
    step = row["steps"][-1]
    for said in (row["id"], row["source"], row["license"], step["model"], step["prompt"]):
        assert said in lineage
    reader.click(f".lineage a[href='#id={row['parent_id']}']")
    reader.wait(lambda: row["parent_id"] in reader.text(".lineage"))
    assert reader.browser.find_elements(By.CSS_SELECTOR, f".lineage a[href='#id={row['id']}']")


def test_dropped_twin_leads_to_the_kept_one_and_back(reader: Reader, demo: Path) -> None:
    reader.reset(demo)
    reader.choose("#by-state", "dropped: near_duplicate")
    [dropped, *_] = reader.listed()
    reader.click("#results a")
    reader.wait(lambda: "near_duplicate" in reader.text(".lineage"))
    assert "there is nothing to judge" in reader.text("#review-form")
    ledger = pl.read_parquet(demo / "ledger.parquet").filter(pl.col("id") == dropped)
    kept = ledger["kept_instead"].item()
    reader.click(f".lineage a[href='#id={kept}']")
    reader.wait(lambda: reader.current() == kept)
    assert reader.browser.find_elements(By.CSS_SELECTOR, f".lineage a[href='#id={dropped}']")


def test_link_to_a_record_that_the_page_has_not_says_how_to_see_it(
    reader: Reader, demo: Path
) -> None:
    reader.open(demo, f"#id={'0' * 32}")
    assert f"mmed explain {'0' * 32}" in reader.text("#missing")


@pytest.mark.parametrize("language", LANGUAGES)
def test_review_pane_speaks_the_language_of_the_records(
    reader: Reader, demo: Path, language: str
) -> None:
    reader.reset(demo)
    reader.choose("#by-language", language)
    reader.start()
    texts = review_texts()[language]
    assert reader.text("#review-title") == texts["title"]
    assert reader.text("#do-accept") == texts["accept"]
    assert texts["part_risk"] in reader.text("#part")
    assert reader.one("#review").get_attribute("lang") == language
    assert reader.one("#record .said").get_attribute("lang") == language
    fonts = reader.one("#record .said").value_of_css_property("font-family")
    assert ("Noto Sans CJK JP" in fonts, "Noto Sans CJK SC" in fonts) == (
        language == "ja",
        language == "zh",
    )


def test_pane_may_speak_another_language_than_the_records(reader: Reader, demo: Path) -> None:
    reader.open(demo)
    reader.choose("#by-language", "en")
    reader.choose("#pane-language", "ja")
    assert reader.text("#review-title") == "レビュー"
    reader.browser.refresh()
    reader.wait(lambda: reader.text("#review-title") == "レビュー")


def test_keyboard_alone_judges_and_moves_on(reader: Reader, demo: Path) -> None:
    reader.open(demo)
    reader.choose("#by-language", "fr")
    reader.sign("A. M.")
    first = reader.start()
    reader.press("a")
    reader.wait(lambda: reader.current() not in ("", first))
    second = reader.current()
    reader.press("r")
    reader.choose("#review-reason", "dose")
    reader.choose("#review-severity", "critical")
    reader.one("#review-comment").send_keys("a c r n : du texte")
    assert reader.current() == second
    reader.one("#review-comment").send_keys(Keys.CONTROL, Keys.ENTER)
    reader.wait(lambda: reader.current() not in (first, second))
    assert "2 avis non exportés" in reader.text("#unexported")
    assert reader.asks_before_leaving()
    reader.press("b")
    reader.wait(lambda: reader.current() == second)
    texts = review_texts()["fr"]
    reader.wait(lambda: texts["reason_dose"] in reader.text("#mine"))
    assert texts["severity_critical"] in reader.text("#mine")
    reader.click("#withdraw")
    assert "1 avis non exporté" in reader.text("#unexported")


KEYDOWN = """document.body.dispatchEvent(new KeyboardEvent('keydown',
    { key: arguments[0], code: arguments[1], repeat: arguments[2], bubbles: true }))"""


@pytest.mark.parametrize(
    ("key", "is_held", "verdicts"), [("ф", False, 1), ("A", False, 1), ("a", True, 0)]
)
def test_shortcut_is_a_key_of_any_layout_pressed_once(
    reader: Reader, demo: Path, key: str, is_held: bool, verdicts: int
) -> None:
    reader.open(demo)
    reader.choose("#by-language", "ru")
    reader.sign("А. М.")
    first = reader.start()
    reader.browser.execute_script(KEYDOWN, key, "KeyA", is_held)
    if verdicts:
        reader.wait(lambda: reader.current() != first)
    assert len(reader.browser.find_elements(By.ID, "unexported")) == verdicts


def test_verdicts_of_two_tabs_are_all_kept(reader: Reader, demo: Path) -> None:
    reader.open(demo)
    reader.choose("#by-language", "es")
    reader.sign("A. M.")
    reader.start()
    one = reader.browser.current_window_handle
    reader.browser.switch_to.new_window("tab")
    try:
        reader.load(demo)
        reader.choose("#by-language", "es")
        second = reader.start()
        reader.press("a")
        reader.wait(lambda: reader.current() != second)
        reader.browser.close()
    finally:
        reader.browser.switch_to.window(one)
    reader.wait(lambda: "1" in reader.text("#unexported"))
    reader.press("n")
    reader.press("a")
    reader.wait(lambda: "2" in reader.text("#unexported"))


def test_verdict_without_what_it_needs_is_not_taken(reader: Reader, demo: Path) -> None:
    reader.open(demo)
    reader.choose("#by-language", "en")
    reader.choose("#by-form", "encyclopedia")
    reader.click("#results a")
    reader.wait(lambda: reader.browser.find_elements(By.ID, "do-accept"))
    reader.press("r")
    reader.click("#save")
    texts = review_texts()["en"]
    assert reader.text("#review-fault") == texts["need_reason"]
    reader.press("c")
    reader.click("#save")
    assert reader.text("#review-fault") == texts["need_change"]
    reader.one("#correct-answer").clear()
    reader.click("#save")
    assert reader.text("#review-fault") == texts["need_text"]
    reader.press("r")
    reader.choose("#review-reason", "other")
    reader.choose("#review-severity", "minor")
    reader.click("#save")
    assert reader.text("#review-fault") == texts["need_comment"]
    reader.one("#review-comment").send_keys("too terse")
    reader.click("#save")
    assert reader.text("#review-fault") == texts["need_reviewer"]
    assert not reader.browser.find_elements(By.CSS_SELECTOR, "#unexported")


def test_answer_of_a_multiple_choice_record_cannot_be_corrected(reader: Reader, demo: Path) -> None:
    reader.reset(demo)
    reader.choose("#by-form", "exam")
    reader.choose("#by-state", "published")
    reader.choose("#pane-language", "en")
    reader.click("#results a")
    reader.wait(lambda: reader.browser.find_elements(By.CSS_SELECTOR, ".choices .key .mark"))
    assert reader.text(".choices .key .mark") == "key"
    reader.press("c")
    assert reader.one("#correct-question").is_displayed()
    assert not reader.browser.find_elements(By.ID, "correct-answer")
    offered = [one.get_attribute("value") for one in Select(reader.one("#review-reason")).options]
    assert "wrong_key" in offered
    assert "wrong_answer" not in offered  # which is its key


def judge(reader: Reader, record: str, key: str) -> None:
    """Open a record and press the key of a decision."""
    reader.search(record)
    reader.click("#results a")
    reader.wait(lambda: record in reader.text(".lineage"))
    reader.press(key)


def give_reason(reader: Reader) -> None:
    reader.choose("#review-reason", "dose")
    reader.choose("#review-severity", "major")
    reader.one("#review-comment").send_keys("Bitte prüfen")
    reader.click("#save")


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_exported_verdicts_change_the_next_build_and_come_back_when_imported(
    reader: Reader, demo: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(demo, tmp_path / "out")
    before = release(out)
    native = sorted(
        one for one, row in before.items() if row["form"] == "encyclopedia" and not row["flags"]
    )
    rejected, corrected, accepted, forgotten = native[:4]
    reader.open(out)
    reader.sign("Dr. Anna")
    judge(reader, rejected, "r")
    give_reason(reader)
    judge(reader, corrected, "c")
    reader.one("#correct-answer").send_keys(Keys.CONTROL, Keys.END)
    reader.one("#correct-answer").send_keys(" 500 mg.")
    give_reason(reader)
    judge(reader, accepted, "a")
    reader.wait(lambda: "3" in reader.text("#unexported"))
    reader.click("#export")
    exported = reader.saved()
    assert reader.text("#unexported") == review_texts()["en"]["all_exported"]
    assert not reader.asks_before_leaving()
    judge(reader, forgotten, "a")
    assert "1 verdict" in reader.text("#unexported")

    run("review", "apply", exported, "--out", out)
    built = run("build", "demo.yaml", "--out", out, "--workers", "1")
    assert "Verdicts of reviewers: 3." in built
    after = release(out)
    assert rejected not in after
    obeyed = (out / "review.parquet").read_bytes()
    assert manifest(out)["review"]["files"] == {"review.parquet": sha256(obeyed).hexdigest()}
    totals = tally(out, manifest(out)).values()
    # What the build obeyed tells how good the rest is, and so still counts.
    assert (sum(t.judged for t in totals), sum(t.errors for t in totals)) == (3, 2)
    prints = [manifest(one)["fingerprints"]["review"] for one in (demo, out)]
    assert prints[0] != prints[1]
    assert after[corrected]["answer"] == before[corrected]["answer"] + " 500 mg."
    assert after[corrected]["steps"][-1]["stage"] == "review"
    assert after[accepted]["answer"] == before[accepted]["answer"]

    reader.load(out, f"#id={rejected}")
    # What was judged after the export is not lost with the page that it was judged on.
    assert "1 verdict" in reader.text("#unexported")
    assert "reviewer_rejected" in reader.text(".lineage")
    assert "Bitte prüfen" in reader.text(".lineage")
    # The corrected text is accepted, which keeps it.
    judge(reader, corrected, "a")
    assert "Dr. Anna" in reader.text("#review-form")
    reader.click("#export")
    reader.wait(lambda: reader.saved() != exported)
    second = reader.saved()
    assert "2 wait for the next build" in run("review", "apply", second, "--out", out)
    run("build", "demo.yaml", "--out", out, "--workers", "1")
    assert release(out)[corrected]["answer"] == after[corrected]["answer"]

    reader.open(demo)
    reader.one("#import").send_keys(str(exported))
    reader.wait(lambda: reader.text("#review-told"))
    assert reader.text("#review-told") == "3 verdicts imported"
    judge(reader, rejected, "x")
    assert reader.one("#do-reject").get_attribute("aria-pressed") == "true"
    assert reader.one("#review-comment").get_attribute("value") == "Bitte prüfen"


NO_CORRECTIONS = {"id": "0" * 32, "decision": "correct", "judged_at": "2026-01-01T00:00:00.000Z"}


NO_REASON = NO_CORRECTIONS | {"corrections": {}, "reason": "nonsense", "severity": "minor"}


@pytest.mark.parametrize("one", [{}, NO_CORRECTIONS, NO_REASON])
def test_file_that_holds_no_verdicts_is_not_imported(
    reader: Reader, demo: Path, tmp_path: Path, one: dict[str, str]
) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"format": "mmed-verdicts", "version": 1, "verdicts": [one]}))
    reader.open(demo)
    reader.one("#import").send_keys(str(path))
    reader.wait(lambda: reader.text("#review-told"))
    assert reader.text("#review-told") == review_texts()["en"]["import_failed"]


NASTY = (
    "<script>window.ran = 1</script>",
    '"><img src=x onerror="window.ran = 2">',
    "</script><script>window.ran = 3</script><!--",
    "{{ 7 * 7 }} ${window.ran = 4} '; window.ran = 5; '",
)


def test_markup_in_a_record_is_shown_as_text_and_runs_nothing(
    reader: Reader, tmp_path: Path
) -> None:
    text = " ".join(NASTY)
    nasty = qa(
        text, text, rationale=text, context=text, topic=text, source="ward<b>", license=text,
        flags=[flag("mixed_language", text)], history=[{"role": "user", "content": text}],
        source_row={"file": text, "row": 1},
    )  # fmt: skip
    options = mcq("Which one?", NASTY, language="ja", id="f" * 32)
    out = Made([nasty, options]).write(tmp_path / "out")
    write_report(out)
    for row in (nasty, options):
        reader.open(out, f"#id={row['id']}")
        reader.press("c")
        shown = reader.text("#browser")
        for one in NASTY if row is options else [text]:
            assert one in shown
        assert reader.browser.execute_script("return window.ran ?? 0") == 0
        assert not reader.browser.find_elements(By.CSS_SELECTOR, "#browser img, #browser b b")
    assert complaints(reader.browser) == []


def test_row_whose_language_is_not_known_is_shown_without_complaint(
    reader: Reader, tmp_path: Path
) -> None:
    good = qa("Why?", "Because.", source="ward")
    unread = dropped({**good, "id": "f" * 32, "language": "", "form": ""}, "invalid_record", "cut")
    out = Made([good], translations=[unread]).write(tmp_path / "out")
    write_report(out)
    reader.open(out, f"#id={unread['id']}")
    reader.wait(lambda: "invalid_record" in reader.text(".lineage"))
    assert review_texts()["en"]["dropped"] in reader.text("#review-form")
    assert "undefined" not in reader.text("#browser")
    assert complaints(reader.browser) == []


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_nothing_is_wider_than_the_screen(reader: Reader, demo: Path, width: int) -> None:
    try:
        resize(reader.browser, width)
        reader.open(demo)
        reader.choose("#by-language", "ru")
        reader.start()
        reader.press("c")
        script = """return [...document.querySelectorAll('#browser *')].filter((one) =>
            one.getBoundingClientRect().right > arguments[0] && !one.closest('.finding'))
            .map((one) => one.outerHTML.slice(0, 80))"""
        assert reader.browser.execute_script(script, width) == []
    finally:
        resize(reader.browser, WIDE)
