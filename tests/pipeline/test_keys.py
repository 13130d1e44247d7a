"""When two records count as the same."""

from __future__ import annotations

import pytest

from pipeline.keys import (
    answer_keys,
    exact_key,
    option_keys,
    question_key,
    text_digest,
)
from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import SAMPLES, mcq, qa, sample_mcq, sample_qa


@pytest.mark.parametrize("language", LANGUAGES)
def test_writing_does_not_make_another_record(language: str) -> None:
    row = sample_mcq(language)
    loud = [f" {option.upper()}." for option in row["options"]]
    question = f"3) {row['question'].upper()}"
    same = row | {"question": question, "options": loud, "answer": loud[0]}
    assert exact_key(same) == exact_key(row)
    assert answer_keys(same) == answer_keys(row)


@pytest.mark.parametrize("language", LANGUAGES)
def test_options_and_open_answers_count_but_not_the_key(language: str) -> None:
    row, open_row = sample_mcq(language), sample_qa(language)
    assert exact_key(row | {"answer_indices": [1]}) == exact_key(row)
    assert exact_key(row | {"options": row["options"][:3]}) != exact_key(row)
    assert exact_key(open_row | {"answer": row["answer"]}) != exact_key(open_row)


@pytest.mark.parametrize("language", LANGUAGES)
def test_passage_is_part_of_the_question(language: str) -> None:
    row = sample_mcq(language)
    other = row | {"context": SAMPLES[language].answer}
    assert question_key(other) != question_key(row)
    assert exact_key(other) != exact_key(row)


def test_same_text_in_two_languages_or_tasks_is_not_the_same_record() -> None:
    row = mcq("HBsAg?", ("+", "−"), (0,), "fr")
    assert exact_key(row) != exact_key(row | {"language": "es"})
    assert exact_key(qa("HBsAg?", "+")) != exact_key(mcq("HBsAg?", ("+",)))


@pytest.mark.parametrize(
    ("left", "right"),
    [("5 mg", "50 mg"), ("Na⁺", "Na"), ("pH > 7.4", "pH < 7.4"), ("10⁶", "106"), ("0.5", "05")],
)
def test_options_that_differ_in_medicine_differ_in_their_keys(left: str, right: str) -> None:
    for language in LANGUAGES:
        first, second = (mcq("Which?", (text, "β"), (0,), language) for text in (left, right))
        assert option_keys(first) != option_keys(second)
        assert answer_keys(first) != answer_keys(second)


def test_order_of_options_and_keys_does_not_count() -> None:
    row = mcq("Which two?", ("β", "γ", "δ"), (0, 2))
    shuffled = mcq("Which two?", ("δ", "γ", "β"), (0, 2))
    assert option_keys(row) == option_keys(shuffled)
    assert answer_keys(row) == answer_keys(shuffled) == ["β", "δ"]


def test_option_of_two_lines_is_one_answer() -> None:
    assert answer_keys(mcq("Which?", ("first line\nsecond line", "β"))) == [
        "first line second line"
    ]


def test_digest_tells_where_one_text_ends() -> None:
    assert text_digest("ab", "c") != text_digest("a", "bc") != text_digest("abc")
    assert len(text_digest("a")) == 32
