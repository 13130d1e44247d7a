"""Whole items: options as a list, and terms that have one name."""

from __future__ import annotations

import pytest

from pipeline.translation.checks import CHECKS, check_item
from schemas.item import Language

ITEM = {
    "question": "A child with a cold and 38.5 °C: what is not indicated?",
    "context": "",
    "options": ["Fluids", "Rest", "Amoxicillin", "Paracetamol"],
    "answer": "Amoxicillin",
    "rationale": "Amoxicillin does not act on viruses.",
}
SPANISH = {
    "question": "Niño con resfriado y 38,5 °C: ¿qué no está indicado?",
    "context": "",
    "options": ["Líquidos", "Reposo", "Amoxicilina", "Paracetamol"],
    "answer": "Amoxicilina",
    "rationale": "La amoxicilina no actúa sobre los virus.",
}


def checks(target: dict[str, object]) -> set[str]:
    return {one.check for one in check_item(ITEM, target, "en", "es")}


def test_good_item_has_no_problem() -> None:
    assert checks(dict(SPANISH)) == set()


def test_missing_option_is_found() -> None:
    assert "options" in checks({**SPANISH, "options": ["Líquidos", "Reposo", "Amoxicilina"]})


def test_options_that_became_one_are_found() -> None:
    doubled = ["Líquidos", "Líquidos.", "Amoxicilina", "Paracetamol"]
    assert "options" in checks({**SPANISH, "options": doubled})


def test_labels_of_the_models_own_are_found() -> None:
    labelled = ["A. Líquidos", "B. Reposo", "C. Amoxicilina", "D. Paracetamol"]
    assert "options" in checks({**SPANISH, "options": labelled})


def test_evidence_names_the_field() -> None:
    wrong = {**SPANISH, "options": ["Líquidos", "Reposo", "Ampicilina", "Paracetamol"]}
    (problem,) = (one for one in check_item(ITEM, wrong, "en", "es") if one.check == "drug")
    assert problem.evidence == "option 3: amoxicillin became ampicillin"


@pytest.mark.parametrize(
    ("language", "question", "same", "other"),
    [
        ("zh", "感冒患者应如何处理？", "感冒", "寒冷"),
        ("ja", "かぜの患者にまず勧めるのはどれか。風邪とは何か。", "風邪", "寒冷"),
        ("fr", "Que faire en cas de rhume ?", "Rhume", "Froid"),
        ("ru", "Что делать при простуде?", "Простуда", "Холод"),
        ("es", "¿Qué hacer en caso de resfriado?", "Resfriado", "Frío"),
    ],
)
def test_option_keeps_the_questions_word(
    language: Language, question: str, same: str, other: str
) -> None:
    source = {"question": "What to do about a cold?", "options": ["Cold", "Rest"]}
    for option, is_found in ((same, False), (other, True)):
        target = {"question": question, "options": [option, "X"]}
        found = {one.check for one in check_item(source, target, "en", language)}
        assert ("terms" in found) is is_found


def test_every_check_says_what_it_finds() -> None:
    assert all(text.endswith(".") for text in CHECKS.values())


def test_answer_that_is_the_question_once_more_is_found() -> None:
    assert "copy" in checks({**SPANISH, "answer": SPANISH["question"]})


def test_answer_that_was_the_rationale_before_may_be_so_again() -> None:
    source = {**ITEM, "answer": ITEM["rationale"]}
    target = {**SPANISH, "answer": SPANISH["rationale"]}
    assert "copy" not in {one.check for one in check_item(source, target, "en", "es")}
