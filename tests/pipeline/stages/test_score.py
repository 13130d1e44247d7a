"""Score: lengths in the unit that a language is counted in, and where the rules' scores go."""

from __future__ import annotations

import pytest

from pipeline.text.units import count_units
from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import SAMPLES, make, qa, run, sample_mcq, sample_qa


@pytest.mark.parametrize(
    ("language", "question", "answer", "question_units", "answer_units"),
    [
        ("en", "What is a hiatus hernia?", "A part of the stomach - in the chest.", 5, 8),
        ("zh", "什么是食管裂孔疝？", "胃的一部分进入胸腔。", 8, 9),
        ("ja", "食道裂孔ヘルニアとは何か。", "胃の一部が胸に入る病気。", 12, 11),
        ("fr", "Qu’est-ce qu’une hernie ?", "Une saillie d’un organe.", 3, 4),
        ("ru", "Что такое грыжа?", "Выпячивание органа — и всё.", 3, 4),
        ("es", "¿Qué es una hernia?", "La salida de un órgano.", 4, 5),
    ],
)
def test_lengths_count_words_or_characters_without_punctuation(
    language: str, question: str, answer: str, question_units: float, answer_units: float
) -> None:
    [row], dropped = run(make("score"), qa(question, answer, language))
    scores = row["scores"]
    assert (scores["question_units"], scores["answer_units"]) == (question_units, answer_units)
    assert dropped == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_longest_option_and_rationale_are_measured_too(language: str) -> None:
    long = SAMPLES[language].open_question
    row = sample_mcq(language, rationale=SAMPLES[language].answer)
    row["options"] = [*row["options"], long]
    [scored], _ = run(make("score"), row)
    assert scored["scores"]["option_units"] == count_units(long, language)
    assert scored["scores"]["rationale_units"] == count_units(row["rationale"], language)
    [scored], _ = run(make("score"), sample_qa(language))
    assert scored["scores"]["option_units"] == 0


def test_rows_keep_their_order_and_their_own_scores() -> None:
    question = "Which bone is broken in the image shown below?"
    rows = [
        sample_mcq("zh"),
        qa(question, "The radius.", id="b"),
        sample_qa("en"),
        sample_mcq("fr"),
    ]
    kept, _ = run(make("score"), *rows)
    assert [row["id"] for row in kept] == [row["id"] for row in rows]
    assert [row["scores"]["image_dependent"] for row in kept] == [0, 1, 0, 0]


def test_shard_without_rows_is_scored() -> None:
    assert run(make("score")) == ([], {})
