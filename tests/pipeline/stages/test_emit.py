"""Emit: records become the published columns, in the declared schema and order."""

from __future__ import annotations

import pytest

from pipeline.release.published import published_table
from schemas.item import LANGUAGES, SCORE_NAMES
from schemas.release import RELEASE
from tests.pipeline.stages.rows import SAMPLES, flag, frame, make, run, sample_mcq, sample_qa

SCORES = dict.fromkeys(SCORE_NAMES) | {"question_units": 9.0, "answer_units": 1.0}


@pytest.mark.parametrize("language", LANGUAGES)
def test_multiple_choice_is_published_with_letters(language: str) -> None:
    sample = SAMPLES[language]
    row = sample_mcq(language, answer_indices=[0, 2], several_allowed=True, scores=SCORES)
    [published] = published_table(frame(row), "letter", {}).to_pylist()
    assert published["options"] == [
        {"letter": letter, "text": text}
        for letter, text in zip("ABCD", sample.options, strict=True)
    ]
    assert published["answer_letters"] == ["A", "C"]
    assert published["question"] == sample.question
    assert published["messages"][-1] == {"role": "assistant", "content": "A, C"}
    assert published["scores"] == SCORES


@pytest.mark.parametrize("language", LANGUAGES)
def test_open_question_is_published_without_letters(language: str) -> None:
    sample = SAMPLES[language]
    [published] = published_table(frame(sample_qa(language)), "rationale", {}).to_pylist()
    assert (published["options"], published["answer_letters"]) == ([], [])
    assert [turn["content"] for turn in published["messages"]] == [
        sample.open_question,
        sample.answer,
    ]


def test_table_has_the_release_schema_and_is_ordered_by_source_and_id() -> None:
    rows = [
        sample_qa("en", id="3", source="b"),
        sample_mcq("en", id="2", source="b"),
        sample_mcq("en", id="9", source="a"),
    ]
    table = published_table(frame(*rows), "letter_text", {})
    assert table.schema == RELEASE
    assert table["id"].to_pylist() == ["9", "2", "3"]


def test_flags_are_published_by_name_once_each() -> None:
    row = sample_qa(
        "en", flags=[flag("near_duplicate", "x"), flag("jurisdiction"), flag("near_duplicate")]
    )
    [published] = published_table(frame(row), "letter", {}).to_pylist()
    assert published["flags"] == ["jurisdiction", "near_duplicate"]


def test_labels_of_a_source_are_named_in_its_classifications() -> None:
    row = sample_qa("en", form="classification", source="codes", answer="J30")
    [published] = published_table(frame(row), "letter", {"codes": ("J30", "K21")}).to_pylist()
    assert all(label in published["messages"][0]["content"] for label in ("J30", "K21"))


def test_emit_drops_nothing_and_changes_nothing() -> None:
    rows = [sample_qa("en"), sample_mcq("zh")]
    assert run(make("emit"), *rows) == (frame(*rows).to_dicts(), {})
