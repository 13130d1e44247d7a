"""Reviewers' verdicts: obeyed where they judged the text at hand, told where they did not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.errors import InputError
from schemas.item import LANGUAGES
from tests.pipeline.judging import correct, verdict, write_verdicts
from tests.pipeline.stages.rows import RECIPE, Row, make, run, sample_mcq, sample_qa


def reviewed(
    folder: Path, rows: list[Row], *verdicts: Row
) -> tuple[dict[str, Row], dict[str, Row]]:
    """Return by id what is kept and what is dropped under these verdicts."""
    write_verdicts(folder / "review.parquet", *verdicts)
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
        ("reviewer_rejected", "dose, major")
    ]


def test_rejection_tells_the_comment_without_personal_data(tmp_path: Path) -> None:
    row = sample_qa("en")
    rejected = verdict(row, "reject", comment="Ask\nj.doe@clinic.org about it.")
    _, dropped = reviewed(tmp_path, [row], rejected)
    assert dropped[row["id"]]["evidence"] == "dose, major: Ask [EMAIL] about it."


@pytest.mark.parametrize("language", LANGUAGES)
def test_correction_replaces_its_fields_and_leaves_a_step(tmp_path: Path, language: str) -> None:
    row = sample_qa(language, rationale="…")
    changed = correct(row, answer="5 mg", rationale="")
    kept, dropped = reviewed(tmp_path, [row], changed)
    found = kept[row["id"]]
    assert (found["answer"], found["rationale"]) == ("5 mg", "")
    assert found["question"] == row["question"]
    assert [step["stage"] for step in found["steps"]] == ["review"]
    assert not dropped


@pytest.mark.parametrize("language", LANGUAGES)
def test_correction_that_was_accepted_in_the_next_build_stays(
    tmp_path: Path, language: str
) -> None:
    row = sample_qa(language)
    corrected = {**row, "answer": "5 mg"}
    kept, _ = reviewed(tmp_path, [row], correct(row, answer="5 mg"), verdict(corrected, "accept"))
    assert kept[row["id"]]["answer"] == "5 mg"
    assert flags(kept[row["id"]]) == []


def test_corrections_in_a_row_are_all_made(tmp_path: Path) -> None:
    row = sample_qa("ja")
    second = {**row, "answer": "5 mg"}
    kept, _ = reviewed(
        tmp_path, [row], correct(row, answer="5 mg"), correct(second, question="用量は？")
    )
    found = kept[row["id"]]
    assert (found["question"], found["answer"]) == ("用量は？", "5 mg")
    assert len(found["steps"]) == 2


def test_corrected_text_can_be_rejected(tmp_path: Path) -> None:
    row = sample_qa("fr")
    corrected = {**row, "answer": "5 mg"}
    _, dropped = reviewed(
        tmp_path, [row], correct(row, answer="5 mg"), verdict(corrected, "reject")
    )
    assert dropped.keys() == {row["id"]}


@pytest.mark.parametrize("decision", ["reject", "correct"])
def test_verdict_on_another_text_is_not_applied_and_told(tmp_path: Path, decision: str) -> None:
    row = sample_qa("ru")
    judged = correct(row, answer="5 мг") if decision == "correct" else verdict(row, "reject")
    now = {**row, "question": row["question"] + " Почему?"}
    kept, dropped = reviewed(tmp_path, [now], judged)
    assert not dropped
    assert flags(kept[row["id"]]) == ["review_outdated"]
    assert kept[row["id"]]["answer"] == row["answer"]


def test_accepted_text_that_changed_is_as_good_as_any_other(tmp_path: Path) -> None:
    row = sample_qa("es")
    now = {**row, "question": "¿Por qué?"}
    assert reviewed(tmp_path, [now], verdict(row, "accept"))[0] == {row["id"]: now}


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


def test_what_was_made_of_a_corrected_record_is_flagged_until_it_is_judged_itself(
    tmp_path: Path,
) -> None:
    parent = sample_qa("en")
    french, spanish = (child_of(parent, language) for language in ("fr", "es"))
    given = [
        correct(parent, answer="5 mg, not 50 mg."),
        verdict(spanish, "accept"),
    ]
    kept, dropped = reviewed(tmp_path, [parent, french, spanish], *given)
    assert flags(kept[french["id"]]) == ["parent_corrected"]
    assert flags(kept[spanish["id"]]) == flags(kept[parent["id"]]) == []
    assert not dropped


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
    corrected = correct(row, question="…")
    assert reviewed(tmp_path, [row], verdict(row, "reject")) == ({row["id"]: row}, {})
    assert reviewed(tmp_path, [row], corrected) == ({row["id"]: row}, {})


def test_last_verdict_on_a_text_counts_in_whatever_order_the_files_come(tmp_path: Path) -> None:
    row = sample_qa("es")
    later = verdict(row, "accept", judged_at="2026-02-01T00:00:00.000Z")
    earlier = verdict(row, "reject", judged_at="2026-01-01T00:00:00.000Z")
    assert reviewed(tmp_path, [row], later, earlier)[0] == {row["id"]: row}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decision": "maybe"}, "decision 'maybe' is none of"),
        ({"reason": "hunch"}, "reason 'hunch' is none of"),
        ({"severity": ""}, "severity '' is none of"),
        ({"queue": "mine"}, "queue 'mine' is none of"),
        ({"decision": "correct"}, "decision 'correct' with 0 corrections"),
    ],
)
def test_verdict_of_no_known_kind_is_refused(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    row = sample_qa("es")
    with pytest.raises(InputError, match=rf"review\.parquet: row 1: {said}"):
        reviewed(tmp_path, [row], {**verdict(row, "reject"), **changes})


@pytest.mark.parametrize(
    ("corrections", "said"),
    [
        ({"options": "A"}, "field 'options' is none of"),
        ({"answer": " \n"}, "the corrected answer is empty"),
    ],
)
def test_correction_that_cannot_be_made_is_refused(
    tmp_path: Path, corrections: dict[str, str], said: str
) -> None:
    row = sample_qa("es")
    with pytest.raises(InputError, match=rf"review\.parquet: row 1: {said}"):
        reviewed(tmp_path, [row], correct(row, **corrections))


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
    changed = correct(row, answer="Ask j.doe@clinic.org \u200bfirst.")
    kept, _ = reviewed(tmp_path, [row], changed)
    assert kept[row["id"]]["answer"] == "Ask [EMAIL] first."
    assert flags(kept[row["id"]]) == ["personal_data"]


def test_answer_of_a_multiple_choice_record_is_not_corrected_apart_from_its_key(
    tmp_path: Path,
) -> None:
    row = sample_mcq("fr")
    changed = correct(row, answer="Autre chose", rationale="Car c’est ainsi.")
    kept, _ = reviewed(tmp_path, [row], changed)
    assert kept[row["id"]] == {**row, "flags": kept[row["id"]]["flags"]}
    assert flags(kept[row["id"]]) == ["review_refused"]
