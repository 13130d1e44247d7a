"""Verdicts as an ordered history: what each did, and what they tell of a build's quality."""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.verdicts import (
    Tally,
    follow,
    histories_of,
    hold_against,
    judged_digest,
    read_verdicts,
    tally,
)
from schemas.item import LANGUAGES
from schemas.review import CORRECTABLE
from tests.pipeline.judging import correct, verdict, write_verdicts
from tests.pipeline.report.builds import Made
from tests.pipeline.stages.rows import Row, sample_mcq, sample_qa


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [*CORRECTABLE, "options", "answer_indices", "history"])
def test_digest_is_of_all_that_a_reviewer_reads(language: str, name: str) -> None:
    row = sample_mcq(language)
    changes: dict[str, Any] = {
        "options": [*row["options"], "…"],
        "answer_indices": [1],
        "history": [{"role": "user", "content": "…"}],
    }
    assert judged_digest({**row, name: changes.get(name, "…")}) != judged_digest(row)
    assert judged_digest({**row, "topic": "…", "steps": [{}]}) == judged_digest(row)


@given(st.lists(st.sampled_from(["one", "two", "three", "four"]), min_size=1, max_size=6))
def test_corrections_each_on_the_last_text_end_in_the_last_one(answers: list[str]) -> None:
    row = sample_qa("en")
    texts = accumulate(answers, lambda now, text: {**now, "answer": text}, initial=row)
    pairs = zip(texts, answers, strict=False)
    done = follow(row, [correct(now, answer=text) for now, text in pairs])
    assert done.row["answer"] == answers[-1]
    assert not done.changed


@given(st.permutations(["accept", "reject", "correct"]))
def test_on_one_text_only_the_last_verdict_counts(decisions: list[str]) -> None:
    row = sample_qa("en")
    history = [
        correct(row, answer="other") if one == "correct" else verdict(row, one) for one in decisions
    ]
    done = follow(row, history)
    assert done.obeyed == (2,)
    assert (done.rejection is not None) == (decisions[-1] == "reject")
    assert (done.row["answer"] == "other") == (decisions[-1] == "correct")


def test_correction_and_its_return_leave_the_text_as_it_was() -> None:
    row = sample_qa("en")
    other = {**row, "answer": "other"}
    done = follow(row, [correct(row, answer="other"), correct(other, answer=row["answer"])])
    assert done.row == row
    assert done.obeyed == (0, 1)


def judged_build(folder: Path, rows: list[Row], *verdicts: Row) -> tuple[Path, dict[str, Any]]:
    """Return a build of rows, whose verdicts no stage obeys yet, with its manifest."""
    out = Made(rows).write(folder / "out")
    write_verdicts(out / "review.parquet", *verdicts)
    return out, json.loads((out / "manifest.json").read_bytes())


def test_tally_counts_records_and_tells_the_random_ones_apart(tmp_path: Path) -> None:
    good, wrong, corrected = sample_qa("en"), sample_qa("ja"), sample_mcq("ja")
    out, manifest = judged_build(
        tmp_path,
        [good, wrong, corrected],
        verdict(good, "accept", queue="random"),
        verdict(good, "accept", queue="random", reviewer="ben"),
        verdict(wrong, "reject", queue="random"),
        correct(corrected, question="…"),
    )
    found = tally(out, manifest)
    assert set(found) == set(LANGUAGES)
    assert found["en"] == Tally(judged=1, errors=0, sampled=1, sampled_errors=0)
    assert found["ja"] == Tally(judged=2, errors=2, sampled=1, sampled_errors=1)
    assert found["ru"] == Tally()


def test_tally_leaves_out_verdicts_that_do_not_fit(tmp_path: Path) -> None:
    row, gone = sample_qa("en"), sample_qa("fr")
    changed = {**sample_qa("zh"), "answer": "…"}
    out, manifest = judged_build(
        tmp_path,
        [row, sample_qa("zh")],
        verdict(row, "reject"),
        verdict(row, "accept", judged_at="2026-03-01T00:00:00.000Z"),
        verdict(gone, "reject"),
        verdict(changed, "reject"),
    )
    states = {
        (one.language, one.state)
        for one in hold_against(out, manifest, histories_of(out, manifest))
    }
    assert states == {("en", "superseded"), ("en", "fits"), ("", "gone"), ("zh", "changed")}
    found = tally(out, manifest)
    assert found["en"] == Tally(judged=1)
    assert found["zh"] == found["fr"] == Tally()


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.0005Z", ""])
def test_time_that_would_not_sort_is_refused(tmp_path: Path, time: str) -> None:
    path = write_verdicts(tmp_path / "team.parquet", verdict(sample_qa("en"), "accept"))
    read_verdicts(path)
    write_verdicts(path, verdict(sample_qa("en"), "accept", judged_at=time))
    with pytest.raises(InputError, match=r"row 1: judged_at .* is no time such as"):
        read_verdicts(path)


def test_build_without_verdicts_has_an_empty_tally(tmp_path: Path) -> None:
    out = Made([sample_qa("en")]).write(tmp_path / "out")
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert tally(out, manifest) == dict.fromkeys(LANGUAGES, Tally())
