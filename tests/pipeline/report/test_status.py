from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.recipe import Limits, Report
from pipeline.report.page import make_page
from pipeline.report.read import read_build
from pipeline.report.rows import EXPLAINED
from pipeline.report.status import Seen, Status, by_trouble, judge
from pipeline.verdicts import Tally
from schemas.item import LANGUAGES, Language
from tests.pipeline.report.builds import Made, explained
from tests.pipeline.stages.rows import sample_mcq, sample_qa

WELL = Seen(
    code="en",
    subsets={"MMed-IFT": 500, "MMed-IFT-MC": 500},
    origins={"native": 1000},
    jobs=0,
    failed=0,
    overlaps=0,
    dropped_overlaps=3,
    benchmark_items=40,
    losses=[("alpha", 0.1)],
    detected=1000,
    misdetected=0,
    rationales_read=0,
    rationales_agreed=0,
    keys=[(4, 0.4, 0.02)],
    tally=Tally(),
    rows_in=0,
    rows_out=0,
)


def status(**seen: Any) -> Status:
    return judge(replace(WELL, **seen), Report())


def lights(**seen: Any) -> dict[str, str]:
    """Return the rules that are red or amber."""
    return {rule.name: rule.light for rule in status(**seen).trouble}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, {}),
        ({"subsets": {"MMed-IFT": 0, "MMed-IFT-MC": 0}}, {"rows": "red"}),
        ({"subsets": {"MMed-IFT": 9, "MMed-IFT-MC": 0}}, {"rows": "amber"}),
        ({"jobs": 100, "failed": 20}, {}),
        ({"jobs": 100, "failed": 21}, {"failed": "amber"}),
        ({"jobs": 100, "failed": 51}, {"failed": "red"}),
        ({"overlaps": 11}, {"overlap": "amber"}),
        ({"overlaps": 51}, {"overlap": "red"}),
        ({"misdetected": 21}, {"detected": "amber"}),
        ({"rationales_read": 10, "rationales_agreed": 6}, {"disagreed": "red"}),
        ({"benchmark_items": 0}, {"benchmarks": "amber"}),
        ({"losses": [("alpha", 0.1), ("beta", 0.95)]}, {"loss": "red"}),
        ({"keys": [(4, 0.0001, 0.2)]}, {"key_share": "red"}),
        ({"keys": [(4, 0.01, 0.2)]}, {}),  # as far from even, but so few rows that it is chance
    ],
)
def test_a_rule_turns_amber_and_red_above_its_limits(
    seen: dict[str, Any], expected: dict[str, str]
) -> None:
    assert lights(**seen) == expected


@given(
    st.dictionaries(
        st.sampled_from(["native", "translated", "generated", EXPLAINED]), st.integers(0, 99)
    )
)
def test_made_rows_without_a_human_sample_are_never_green(origins: dict[str, int]) -> None:
    is_made = sum(rows for origin, rows in origins.items() if origin != "native") > 0
    subsets = {"MMed-IFT": sum(origins.values()), "MMed-IFT-MC": 500}
    assert (status(origins=origins, subsets=subsets).light == "green") <= (not is_made)


@pytest.mark.parametrize("language", LANGUAGES)
def test_rationales_of_a_model_need_a_human_sample_too(tmp_path: Path, language: Language) -> None:
    rows = [sample_mcq(language), sample_qa(language)]
    changed = [explained(row, "Because.") for row in rows[:1]]
    (own,) = make_page(read_build(Made(rows, augmented=changed).write(tmp_path))).languages
    rules = {rule.name: rule for rule in own.status.rules}
    assert own.status.seen.made == 1
    assert rules["errors"].light == "amber"


def test_what_cannot_be_told_to_be_native_is_not_green() -> None:
    assert lights(origins=None) == {"errors": "amber"}


@pytest.mark.parametrize(
    ("judged", "errors", "light"),
    [(60, 0, "green"), (59, 0, "green"), (58, 0, "amber"), (1, 0, "amber"), (60, 13, "red")],
)
def test_a_random_sample_bounds_the_errors(judged: int, errors: int, light: str) -> None:
    tally = Tally(judged=judged, errors=errors, sampled=judged, sampled_errors=errors)
    made = {"native": 600, "translated": 400}
    assert status(origins=made, tally=tally).light == light


def test_verdicts_outside_the_random_sample_bound_nothing() -> None:
    tally = Tally(judged=200, errors=0, sampled=0, sampled_errors=0)
    assert lights(origins={"translated": 10}, tally=tally)["errors"] == "amber"
    assert status(tally=tally).seen.bound == 1


@pytest.mark.parametrize(
    ("code", "note"),
    [
        ("en", "1,500 of 12,000"),
        ("zh", "1,500 of 12,000"),
        ("ja", "1,500 of 12,000"),
        ("fr", "1\u202f500 of 12\u202f000"),
        ("ru", "1\u00a0500 of 12\u00a0000"),
        ("es", "1500 of 12.000"),
    ],
)
def test_numbers_of_a_rule_are_written_as_the_language_writes_them(code: str, note: str) -> None:
    rules = status(code=code, jobs=12_000, failed=1_500).rules
    assert note in {rule.note for rule in rules}


def test_limits_come_from_the_recipe() -> None:
    strict = Report(loss=Limits(amber=0.05, red=0.08))
    assert judge(WELL, strict).light == "red"


def test_the_worst_language_comes_first_and_ties_keep_one_order() -> None:
    red = status(code="es", losses=[("alpha", 0.95)])
    amber = status(code="zh", benchmark_items=0)
    two = status(code="ja", benchmark_items=0, overlaps=20)
    small = status(code="ru", subsets={"MMed-IFT": 5, "MMed-IFT-MC": 5})
    rest = [status(code=code) for code in ("fr", "en")]
    ordered = sorted([*rest, small, amber, two, red], key=by_trouble)
    assert [one.seen.code for one in ordered] == ["es", "ja", "zh", "ru", "en", "fr"]
    assert set(LANGUAGES) == {one.seen.code for one in ordered}


def test_the_limits_in_the_docs_are_the_defaults() -> None:
    text = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    block = text.partition("```yaml\nreport:\n")[2].partition("```")[0]
    assert Report.model_validate(yaml.safe_load(block)) == Report()
    assert all(f"| `{rule.name}` |" in text for rule in status().rules)
