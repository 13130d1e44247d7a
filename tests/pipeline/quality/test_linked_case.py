"""Items that need an earlier one: the same patient, and a case that is announced and not told."""

from __future__ import annotations

import pytest

from schemas.item import LANGUAGES
from tests.pipeline.quality.cases import scores
from tests.pipeline.stages.rows import SAMPLES, mcq

SAME_PATIENT = {
    "en": (
        "The same patient develops a rash. Which drug has caused it?",
        "In the same patient, which test comes next?",
        "Two days later, the same patient returns with a fever. What is the reason?",
    ),
    "zh": ("同一患者出现皮疹，最可能引起皮疹的药物是", "3天后，同一患者又出现发热，原因是"),
    "ja": ("同じ患者に発疹が出現した。原因薬はどれか。", "同一患者で次に行う検査はどれか。"),
    "fr": (
        "Le même patient développe une éruption. Quel médicament est en cause ?",
        "Chez la même patiente, quel examen demander ensuite ?",
        "Deux jours plus tard, le même patient revient avec de la fièvre. Pourquoi ?",
    ),
    "ru": (
        "Тот же пациент обратился с сыпью. Какой препарат её вызвал?",
        "У того же больного появилась сыпь. Чем она вызвана?",
        "Через два дня у той же пациентки поднялась температура. Почему?",
    ),
    "es": (
        "El mismo paciente presenta un exantema. ¿Qué fármaco lo ha causado?",
        "En el mismo paciente, ¿qué prueba pediría?",
        "En la misma paciente se observa fiebre. ¿Por qué?",
        "Pregunta vinculada a la imagen nº 4 En la misma paciente, puede deducirse:",
    ),
}
# The case is told before, or "the same patient" is any patient.
ANY_PATIENT = {
    "en": (
        "A man of 60 takes a diuretic. The same patient develops a rash. What is the reason?",
        "Which drugs should never be combined in the same patient?",
        "The same patient population was measured twice. Which test compares the means?",
    ),
    "zh": ("男，60岁，服用利尿剂。同一患者出现皮疹，原因是", "同一患者不同时间的血压应"),
    "ja": ("60歳の男性。利尿薬を服用中。同じ患者に発疹が出現した。原因はどれか。",),
    "fr": (
        "Un homme de 60 ans prend un diurétique. Le même patient a une éruption. Pourquoi ?",
        "Quels médicaments ne faut-il jamais associer chez le même patient ?",
    ),
    "ru": (
        "Мужчина 60 лет принимает диуретик. У того же больного появилась сыпь. Почему?",
        "Какие препараты не сочетают у одного и того же больного?",
    ),
    "es": (
        "Un hombre de 60 años toma un diurético. El mismo paciente presenta fiebre. ¿Por qué?",
        "¿Qué fármacos no deben coincidir nunca en el mismo paciente?",
    ),
}
# What announces a case, the question alone, and the case.
HEADERS = {
    "en": (
        "Read the following case and answer questions 1 to 3.",
        "Which treatment is right?",
        "A man of 60 has had a swollen ankle for two days. Which treatment is right?",
    ),
    "zh": (
        "（1～3题共用题干）",
        "首选的治疗是",
        "男，60岁。踝部肿胀两天。首选的治疗是",
    ),
    "ja": (
        "次の文を読み、問1〜問3に答えよ。",
        "適切な治療はどれか。",
        "60歳の男性。足関節の腫脹を訴える。適切な治療はどれか。",
    ),
    "fr": (
        "Lisez le texte suivant et répondez aux questions 1 à 3.",
        "Quel traitement convient ?",
        "Un homme de 60 ans a la cheville enflée depuis deux jours. Quel traitement convient ?",
    ),
    "ru": (
        "Прочитайте условие и ответьте на вопросы 1–3.",
        "Какое лечение показано?",
        "У мужчины 60 лет два дня как отекла лодыжка. Какое лечение показано?",
    ),
    "es": (
        "Lea el siguiente caso y responda a las preguntas 1 a 3.",
        "¿Qué tratamiento está indicado?",
        "Un hombre de 60 años tiene el tobillo hinchado. ¿Qué tratamiento está indicado?",
    ),
}


def linked(question: str, language: str, context: str = "") -> float | None:
    row = mcq(question, SAMPLES[language].options, language=language, context=context)
    return scores(row)["linked_case"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_patient_of_an_item_before(language: str) -> None:
    told = HEADERS[language][2]
    for question in SAME_PATIENT[language]:
        assert linked(question, language) == 1, question
        assert linked(question, language, context=told) == 0, question


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_patient_who_was_introduced_or_is_any(language: str) -> None:
    for question in ANY_PATIENT[language]:
        assert linked(question, language) == 0, question


@pytest.mark.parametrize("language", LANGUAGES)
def test_announced_case_that_is_not_told(language: str) -> None:
    header, question, told = HEADERS[language]
    for missing in (header, f"{header} {question}"):
        assert linked(missing, language) == 1, missing
    assert linked(f"{header} {told}", language) == 0
    assert linked(f"{header} {question}", language, context=told) == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_question_alone_needs_no_other_item(language: str) -> None:
    assert linked(HEADERS[language][1], language) == 0
