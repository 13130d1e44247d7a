"""The letters that a reply chooses are read, and nothing is guessed."""

from __future__ import annotations

import pytest

from pipeline.augment.letters import chosen

B, A_C = (1,), (0, 2)
READ = [
    *((reply, B) for reply in ("B", "b", "B.", "(B)", "**B**", '"B"', "Ｂ", "（Ｂ）", "В", "- B")),
    *((reply, A_C) for reply in ("A, C", "AC", "A and C", "A y C", "A et C", "A и C", "А, С")),
    *((reply, A_C) for reply in ("A、C", "ＡＣ", "A和C", "AとC", "Answers: A, C")),
    ("B. Insulin", B),
    ("B) Insulin, not A.", B),
    ("B：胰岛素", B),
    ("B\n\nBecause insulin lowers glucose.", B),
    ("Answer: B", B),
    ("Letter: B", B),
    ("The answer is B.", B),
    ("The correct answer is (B), because A is wrong.", B),
    ("答案是B。", B),
    ("本题选B项", B),
    ("正确答案：A、C", A_C),
    ("答えはB", B),
    ("答えはBです。", B),
    ("正解：Ｂ", B),
    ("La réponse est B.", B),
    ("Ответ: В", B),
    ("В данном случае ответ B", B),
    ("La respuesta correcta es la B.", B),
]
UNREAD = [
    "",
    "Insulin",
    "F",  # there is no such option
    "I do not know.",
    "A patient has it.",
    "The answer is A. No, the answer is B.",
    "The answer is not A but B.",
    "答案不是A",
    "答えはAではなくB",
    "La respuesta no es A",
    "Ответ не A",
    "Б",  # the second of А, Б, В, or of what was shown?
    "Ответ: Д",
    "Answer: Vitamin C",
    "None of the above",
]


@pytest.mark.parametrize(("reply", "expected"), READ)
def test_a_choice_is_read(reply: str, expected: tuple[int, ...]) -> None:
    assert chosen(reply, num_options=4) == expected


@pytest.mark.parametrize("reply", UNREAD)
def test_an_unclear_choice_is_none(reply: str) -> None:
    assert chosen(reply, num_options=4) is None
