"""Score: lengths in the unit that a language is counted in."""

from __future__ import annotations

import pytest

from tests.pipeline.stages.rows import make, qa, run


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
    assert row["scores"] == {"question_units": question_units, "answer_units": answer_units}
    assert dropped == {}
