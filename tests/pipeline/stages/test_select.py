"""Select: the one place where thresholds drop, and only train rows."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.item import LANGUAGES
from tests.pipeline.quality.cases import FAULTS
from tests.pipeline.stages.rows import SAMPLES, Row, make, mcq, qa, run, sample_mcq, sample_qa


def found(row: Row, language: str, confidence: float) -> Row:
    """Return a record as the language stage leaves it."""
    return row | {"detected_language": language, "language_confidence": confidence}


def scored(*rows: Row) -> list[Row]:
    """Return records as the score stage leaves them, in the language that they declare."""
    kept, _ = run(make("score"), *rows)
    return [row if row["detected_language"] else found(row, row["language"], 1.0) for row in kept]


def reasons(*rows: Row, **settings: Any) -> list[str]:
    _, dropped = run(make("select", **settings), *scored(*rows))
    return [row["reason"] for row in dropped.values()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_sound_rows_pass(language: str) -> None:
    assert reasons(sample_mcq(language), sample_qa(language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_a_confident_mismatch_of_language_drops(language: str) -> None:
    other = "en" if language != "en" else "es"
    rows = {
        "sure": found(sample_qa(language, id="sure"), other, 0.95),
        "unsure": found(sample_qa(language, id="unsure"), other, 0.6),
        "unknown": found(sample_qa(language, id="unknown"), "und", 0.0),
        "right": found(sample_qa(language, id="right"), language, 0.95),
    }
    kept, dropped = run(make("select"), *scored(*rows.values()))
    assert sorted(row["id"] for row in kept) == ["right", "unknown", "unsure"]
    assert dropped["sure"]["reason"] == "language_mismatch"
    assert dropped["sure"]["evidence"].startswith(f"{other}, declared {language}")


def test_threshold_of_confidence_comes_from_the_recipe() -> None:
    row = found(sample_qa("en"), "es", 0.6)
    assert reasons(row, language_confidence=0.5) == ["language_mismatch"]


@pytest.mark.parametrize(
    ("language", "question", "answer", "expected"),
    [
        ("en", "Asthma treatment?", "Inhaled corticosteroids every day.", ["question_too_short"]),
        ("en", "What is asthma?", "Inflamed airways.", ["answer_too_short"]),
        ("en", "What is asthma?", "Chronic airway inflammation.", []),
        ("zh", "哮喘", "哮喘是气道的慢性炎症性疾病。", ["question_too_short"]),
        ("zh", "什么是哮喘？", "气道慢性炎症。", ["answer_too_short"]),
        ("zh", "什么是哮喘？", "气道的慢性炎症性疾病。", []),
        ("ja", "喘息", "気道の慢性炎症を特徴とする病気です。", ["question_too_short"]),
        ("ja", "喘息とは何ですか。", "気道の慢性炎症。", ["answer_too_short"]),
        ("ja", "喘息とは何ですか。", "気道に慢性の炎症が起こる病気。", []),
        ("fr", "Et l’asthme ?", "Une inflammation des bronches.", ["question_too_short"]),
        ("fr", "Qu’est-ce que l’asthme ?", "Une inflammation.", ["answer_too_short"]),
        ("ru", "Что такое астма?", "Воспаление бронхов.", ["answer_too_short"]),
        ("ru", "Астма — что?", "Хроническое воспаление дыхательных путей.", ["question_too_short"]),
        ("es", "¿Qué es el asma?", "Bronquios inflamados.", ["answer_too_short"]),
        ("es", "¿Qué asma?", "Una inflamación de los bronquios.", ["question_too_short"]),
    ],
)
def test_too_short_is_measured_in_the_units_of_the_language(
    language: str, question: str, answer: str, expected: list[str]
) -> None:
    limits = {"min_question_units": 3, "min_answer_words": 3, "min_answer_characters": 10}
    assert reasons(qa(question, answer, language), **limits) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_too_long_is_measured_in_the_units_of_the_language(language: str) -> None:
    limits = {"max_question_units": 5, "max_answer_units": 200}
    assert reasons(sample_qa(language), **limits) == ["question_too_long"]
    limits = {"max_question_units": 200, "max_answer_units": 5}
    assert reasons(sample_qa(language), **limits) == ["answer_too_long"]


def test_length_of_the_answer_counts_for_open_questions_without_a_key_only() -> None:
    rows = [
        mcq("Which hormone lowers blood glucose?", ("Insulin", "Glucagon")),
        qa("I cannot stop sneezing in spring.", "J30", form="classification"),
        qa("Sodium 140, chloride 100, bicarbonate 20: what is the anion gap?", "20", form="exam"),
    ]
    assert reasons(*rows, min_answer_words=5) == []


def test_topics_outside_medicine_leave_for_their_source_alone() -> None:
    rows = [
        sample_qa("en", id="a", source="ward", topic="chemistry"),
        sample_qa("en", id="b", source="ward.nurses", topic="chemistry"),
        sample_qa("en", id="c", source="wards", topic="chemistry"),
        sample_qa("en", id="d", source="ward", topic="nephrology"),
    ]
    stage = make("select", exclude_topics={"ward": ["chemistry"]})
    _, dropped = run(stage, *scored(*rows))
    assert {i: (row["reason"], row["evidence"]) for i, row in dropped.items()} == {
        "a": ("topic_excluded", "chemistry"),
        "b": ("topic_excluded", "chemistry"),
    }


@pytest.mark.parametrize("role", ["validation", "benchmark", "reference"])
def test_rows_that_protect_others_all_stay(role: str) -> None:
    row = found(qa("?", "Ja.", "en", role=role, topic="chemistry"), "de", 1.0)
    assert reasons(row, exclude_topics={"ward": ["chemistry"]}) == []


def test_row_with_two_faults_is_dropped_once_for_the_first_rule() -> None:
    row = found(qa("Why?", "Because.", "en"), "fr", 1.0)
    assert reasons(row) == ["language_mismatch"]


def test_missing_detection_drops_nothing() -> None:
    kept, _ = run(make("score"), sample_qa("en"))
    assert run(make("select"), *kept)[1] == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_fault_drops_with_its_score_and_threshold(language: str) -> None:
    row = mcq(FAULTS[language].picture, SAMPLES[language].options, language=language, id="a")
    kept, dropped = run(make("select"), *scored(row, sample_mcq(language)))
    assert len(kept) == 1
    assert dropped["a"]["reason"] == "image_dependent"
    assert dropped["a"]["value"] >= dropped["a"]["threshold"] == 1
    assert dropped["a"]["evidence"] == FAULTS[language].picture


@pytest.mark.parametrize("language", LANGUAGES)
def test_recipe_sets_and_lifts_the_threshold_of_a_rule(language: str) -> None:
    sample = SAMPLES[language]
    options = (*sample.options[:2], FAULTS[language].by_letters)
    row = mcq(sample.question, options, language=language)
    assert reasons(row) == []
    assert reasons(row, option_names_options=1) == ["option_names_options"]
    assert reasons(row, option_names_options=None) == []


def test_rows_that_protect_others_stay_whatever_their_faults() -> None:
    row = mcq(FAULTS["en"].picture, SAMPLES["en"].options, role="benchmark")
    assert reasons(row) == []


def test_long_evidence_shows_both_ends_of_the_text() -> None:
    question = f"A man of 40 fell. {'He was well before. ' * 20}His radiograph is shown below."
    _, dropped = run(make("select"), *scored(mcq(question, SAMPLES["en"].options)))
    [row] = dropped.values()
    assert row["evidence"].startswith("A man of 40 fell.")
    assert row["evidence"].endswith("is shown below.")
    assert len(row["evidence"]) <= 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_option_and_rationale_have_bounds(language: str) -> None:
    row = sample_mcq(language, rationale=SAMPLES[language].answer)
    assert reasons(row, max_option_units=0) == ["option_too_long"]
    assert reasons(row, max_rationale_units=8) == ["rationale_too_long"]
