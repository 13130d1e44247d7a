"""Reviewers' verdicts: obeyed where they judged the text at hand, told where they did not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.errors import InputError
from pipeline.frames import polars_schema
from pipeline.stages.review import judged_digest
from schemas.item import LANGUAGES
from schemas.review import REVIEW
from tests.pipeline.stages.rows import RECIPE, Row, make, run, sample_mcq, sample_qa


def verdict(row: Row, decision: str, **changes: str) -> dict[str, str]:
    return {
        "id": row["id"],
        "text_digest": judged_digest(row),
        "decision": decision,
        "reason": "dose",
        "severity": "major",
        "field": "",
        "correction": "",
        "comment": "",
        "reviewer": "anna",
        **changes,
    }


def reviewed(
    folder: Path, rows: list[Row], *verdicts: dict[str, str]
) -> tuple[dict[str, Row], dict[str, Row]]:
    """Return by id what is kept and what is dropped under these verdicts."""
    pl.DataFrame(verdicts, schema=polars_schema(REVIEW)).write_parquet(folder / "review.parquet")
    stage = make("review", {**RECIPE, "review": [str(folder / "review.parquet")]})
    kept, dropped = run(stage, *rows)
    return {row["id"]: row for row in kept}, dropped


def flags(row: Row) -> list[str]:
    return [one["name"] for one in row["flags"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_rejected_record_leaves_with_the_reviewers_reason(tmp_path: Path, language: str) -> None:
    bad, good = sample_qa(language), sample_mcq(language)
    kept, dropped = reviewed(tmp_path, [bad, good], verdict(bad, "reject"), verdict(good, "accept"))
    assert kept == {good["id"]: good}
    assert [(row["reason"], row["evidence"]) for row in dropped.values()] == [
        ("reviewer_rejected", "dose")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_correction_replaces_its_field_and_leaves_a_step(tmp_path: Path, language: str) -> None:
    row = sample_qa(language)
    changed = verdict(row, "correct", field="answer", correction="5 mg")
    kept, dropped = reviewed(tmp_path, [row], changed)
    found = kept[row["id"]]
    assert found["answer"] == "5 mg"
    assert found["question"] == row["question"]
    assert [step["stage"] for step in found["steps"]] == ["review"]
    assert not dropped


@pytest.mark.parametrize("decision", ["reject", "correct"])
def test_verdict_on_another_text_is_not_applied_and_told(tmp_path: Path, decision: str) -> None:
    row = sample_qa("ru")
    judged = verdict(row, decision, field="answer", correction="5 мг")
    now = {**row, "question": row["question"] + " Почему?"}
    kept, dropped = reviewed(tmp_path, [now], judged)
    assert not dropped
    assert flags(kept[row["id"]]) == ["review_outdated"]
    assert kept[row["id"]]["answer"] == row["answer"]


def test_changed_key_of_a_question_makes_its_verdict_outdated(tmp_path: Path) -> None:
    row = sample_mcq("fr")
    kept, _ = reviewed(tmp_path, [{**row, "answer_indices": [1]}], verdict(row, "reject"))
    assert flags(kept[row["id"]]) == ["review_outdated"]


def child_of(parent: Row, language: str) -> Row:
    return sample_qa(language, parent_id=parent["id"], root_id=parent["root_id"])


def test_descendants_of_a_rejected_record_leave_with_it(tmp_path: Path) -> None:
    parent = sample_qa("en")
    child = child_of(parent, "fr")
    grandchild = child_of(child, "es")
    other = sample_qa("ja")
    rows = [grandchild, parent, other, child]
    kept, dropped = reviewed(tmp_path, rows, verdict(parent, "reject"))
    assert kept.keys() == {other["id"]}
    assert {row["reason"] for row in dropped.values()} == {"reviewer_rejected"}
    assert dropped[child["id"]]["evidence"] == "its parent was rejected"


def test_children_stay_where_the_verdict_on_their_parent_is_outdated(tmp_path: Path) -> None:
    parent = sample_qa("en")
    child = child_of(parent, "fr")
    outdated = verdict(parent, "reject", text_digest="0" * 32)
    kept, dropped = reviewed(tmp_path, [parent, child], outdated)
    assert kept.keys() == {parent["id"], child["id"]}
    assert not dropped


@pytest.mark.parametrize("role", ["validation", "benchmark", "reference"])
def test_rows_that_protect_others_stay_as_they_are(tmp_path: Path, role: str) -> None:
    row = sample_qa("zh", role=role)
    corrected = verdict(row, "correct", field="question", correction="…")
    assert reviewed(tmp_path, [row], verdict(row, "reject")) == ({row["id"]: row}, {})
    assert reviewed(tmp_path, [row], corrected) == ({row["id"]: row}, {})


def test_last_verdict_on_a_record_counts(tmp_path: Path) -> None:
    row = sample_qa("es")
    verdicts = verdict(row, "reject"), verdict(row, "accept")
    assert reviewed(tmp_path, [row], *verdicts)[0] == {row["id"]: row}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decision": "maybe"}, "decision 'maybe' is none of"),
        ({"decision": "correct", "field": "options"}, "field 'options' is none of"),
    ],
)
def test_verdict_of_no_known_kind_is_refused(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    row = sample_qa("es")
    with pytest.raises(InputError, match=rf"review\.parquet: {said}"):
        reviewed(tmp_path, [row], {**verdict(row, "accept"), **changes})


def test_file_that_holds_no_verdicts_is_refused_by_its_name(tmp_path: Path) -> None:
    row = sample_qa("es")
    recipe: dict[str, Any] = {**RECIPE, "review": [str(tmp_path / "review.parquet")]}
    with pytest.raises(InputError, match=r"review\.parquet: .*cannot be read"):
        make("review", recipe).identity()
    (tmp_path / "review.parquet").write_text("id,decision\n")
    with pytest.raises(InputError, match=r"review\.parquet: no readable Parquet"):
        run(make("review", recipe), row)
    pl.DataFrame({"id": [row["id"]]}).write_parquet(tmp_path / "review.parquet")
    with pytest.raises(InputError, match=r"review\.parquet: columns \['id'\], expected"):
        run(make("review", recipe), row)


def test_correction_is_masked_like_any_other_text(tmp_path: Path) -> None:
    row = sample_qa("en")
    changed = verdict(
        row, "correct", field="answer", correction="Ask j.doe@clinic.org \u200bfirst."
    )
    kept, _ = reviewed(tmp_path, [row], changed)
    assert kept[row["id"]]["answer"] == "Ask [EMAIL] first."
    assert flags(kept[row["id"]]) == ["personal_data"]


def test_answer_of_a_multiple_choice_record_is_not_corrected_apart_from_its_key(
    tmp_path: Path,
) -> None:
    row = sample_mcq("fr")
    changed = verdict(row, "correct", field="answer", correction="Autre chose")
    kept, _ = reviewed(tmp_path, [row], changed)
    assert kept[row["id"]]["answer"] == row["answer"]
    assert flags(kept[row["id"]]) == ["review_refused"]
