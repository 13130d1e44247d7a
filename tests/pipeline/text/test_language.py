from __future__ import annotations

import json
import os
import subprocess
import sys

import polars as pl
import pytest

from pipeline.text.language import detect, detect_frame

QUESTIONS = {
    "en": "Which of the following drugs should not be given to a pregnant woman?",
    "zh": "下列哪种药物不应给予妊娠期高血压患者？",
    "ja": "妊娠中の女性に投与してはならない薬はどれか。",
    "fr": "Quel médicament ne doit pas être donné à une femme enceinte ?",
    "ru": "Какой препарат нельзя назначать беременной женщине?",
    "es": "¿Qué fármaco no debe administrarse a una mujer embarazada?",
}


@pytest.mark.parametrize("language", QUESTIONS)
def test_a_question_is_recognised_whatever_was_declared(language: str) -> None:
    for declared in QUESTIONS:
        found = detect(QUESTIONS[language], declared)
        assert found.language == language
        assert found.confidence > 0.7


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "WHICH OF THE FOLLOWING IS THE MOST LIKELY DIAGNOSIS IN THIS PATIENT?"),
        ("zh", "检查结果：HBsAg(+)、HBeAg(+)、HBcAb(+)，ALT 120 U/L"),
        ("zh", "最可能的诊断\nBacillus cereus\nCampylobacter jejuni\nClostridium botulinum"),
        ("ja", "使用薬\nAmoxicillin, Clarithromycin, Lansoprazole はどれか"),
        ("ja", "高血圧症"),
        ("fr", "SIGNALER LA RÉPONSE INEXACTE SUR LE TRAITEMENT DE L'HYPERTENSION"),
        ("ru", "Назначен Amoxicillin clavulanate и Omeprazole, HbA1c 7 %"),
        ("ru", "Некоторые называют эту болезнь 武汉肺炎, то есть уханьской пневмонией"),
        ("es", "SEÑALE LA RESPUESTA INCORRECTA SOBRE LA HIPERTENSIÓN"),
        ("ru", "Авторы (Smith J, Brown K, Garcia M, Tanaka H) благодарят всех участников работы"),
        ("en", "А mаn рrеѕеntѕ with аbdоminаl раіn"),  # Cyrillic look-alikes
        ("en", "It is a Th1 cytokine:\nIL-1\nIL-2\nIL-4\nIL-5"),
        ("en", "Which tendon crosses the ankle?\nTibialis anterior\nPeroneus longus\nPlantaris"),
        ("es", "El agente es un:\nRotavirus\nParvovirus\nFilovirus"),
    ],
)
def test_names_capitals_and_look_alikes_do_not_flip_the_language(language: str, text: str) -> None:
    assert detect(text, "").language == language


@pytest.mark.parametrize("answer", ["adrenaline", "amoxicilina", "chloroquine\nclarithromycine"])
@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "7) WHICH DRUG IS GIVEN FIRST, AT .5 MG, IN ANAPHYLAXIS WITH SHOCK"),
        ("en", "A DRUG OF CHOICE FOR THE FEVER, 5 mg IN ALL:"),
        ("fr", "QUEL MÉDICAMENT DONNE-T-ON EN PREMIER, À 0,5 mg, DANS UN CHOC ?"),
        ("fr", "SIGNES DE LA CRISE DE GOUTTE :"),
        ("ru", "КАКОЙ ПРЕПАРАТ ВВОДЯТ В ДОЗЕ 0,5 мг ПРИ ШОКЕ?"),
        ("es", "¿QUÉ FÁRMACO SE DA PRIMERO, A 0,5 mg, EN EL CHOQUE?"),
        ("es", "EL TRATAMIENTO DE LA FIEBRE ES CON:"),
    ],
)
def test_a_question_in_capitals_keeps_its_language_over_an_answer_in_lower_case(
    language: str, question: str, answer: str
) -> None:
    assert detect(f"{question}\n{answer}", "").language == language


@pytest.mark.parametrize(
    ("language", "turn"),
    [
        ("fr", "la douleur augmente la nuit ?"),
        ("fr", "non docteur"),
        ("fr", "où ça ?"),
        ("es", "¿le duele más de noche?"),
        ("en", "not at all"),
        ("zh", "晚上疼吗？"),
        ("ja", "夜は痛いですか"),
        ("ru", "ночью болит"),
    ],
)
def test_a_short_turn_of_a_dialogue_is_told_by_its_common_words(language: str, turn: str) -> None:
    assert detect(turn, "").language == language


@pytest.mark.parametrize("language", QUESTIONS)
def test_a_table_of_numbers_before_the_text_does_not_hide_it(language: str) -> None:
    assert detect("7.38 / 40 / 24\n" * 40 + QUESTIONS[language], "").language == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12.5",
        "Aspirin",
        "HbA1c",
        "5 mg",
        "a, c",
        "ß-hCG 5",
        "Hydrochlorothiazide",
        "?!",
        "😀😷",
        "\u200f\u200e",
        "\x00",
        "\ud800",
        "。、",
    ],
)
@pytest.mark.parametrize("declared", QUESTIONS)
def test_too_short_a_text_is_undetermined(text: str, declared: str) -> None:
    assert detect(text, declared)[:2] == ("und", 0.0)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Qual dos seguintes medicamentos não deve ser administrado durante a gravidez?", "pt"),
        ("Quale dei seguenti farmaci non deve essere somministrato in gravidanza?", "it"),
        (
            "Welches der folgenden Medikamente darf in der Schwangerschaft nicht gegeben werden?",
            "de",
        ),
        ("Thuốc nào sau đây không nên dùng cho phụ nữ mang thai?", "vi"),
        ("أي من الأدوية التالية لا ينبغي إعطاؤه للمرأة الحامل؟", "ar"),
        ("Який із наведених препаратів не слід призначати вагітній жінці?", "uk"),
        ("다음 중 임산부에게 투여하지 말아야 할 약물은?", "ko"),
    ],
)
def test_another_language_is_named(text: str, language: str) -> None:
    assert detect(text, "es").language == language


def test_characters_common_to_both_follow_the_declared_language_unsurely() -> None:
    for declared in ("zh", "ja"):
        assert detect("糖尿病", declared)[:2] == (declared, 0.5)


@pytest.mark.parametrize("character", ["a", "。", "患", "ж", " ", "\n", "😀", "\ud800"])
def test_a_text_of_megabytes_of_one_character_has_an_outcome(character: str) -> None:
    found = detect(character * 5_000_000, "zh")
    assert found.language == {"患": "zh", "ж": "ru"}.get(character, "und")


def test_frame_has_one_row_per_text_and_reads_null_as_empty() -> None:
    frame = detect_frame(pl.Series([*QUESTIONS.values(), None]), pl.Series([*QUESTIONS, None]))
    assert frame.schema == {"language": pl.String, "confidence": pl.Float32}
    assert frame["language"].to_list() == [*QUESTIONS, "und"]


# Texts that no single opinion decides, so that every one of them is asked.
UNSURE = [
    *QUESTIONS.values(),
    "Anterior tibial, posterior tibial, lateral plantar, superior gluteal, inferior rectal",
    "Ameloblastoma, osteosarcoma, fibrosarcoma, chondroma, hemangioma, melanoma, lipoma",
    "Amoxicillin clavulanate, clarithromycin, omeprazole, metronidazole, tinidazole, bismuth",
]


def test_an_answer_depends_neither_on_order_nor_on_earlier_calls() -> None:
    declared = pl.Series([""] * len(UNSURE))
    forward = detect_frame(pl.Series(UNSURE), declared)
    assert forward.equals(detect_frame(pl.Series(UNSURE), declared))
    assert forward.reverse().equals(detect_frame(pl.Series(UNSURE[::-1]), declared))


def test_processes_with_different_hash_seeds_agree() -> None:
    code = (
        "import json, sys; from pipeline.text.language import detect; "
        "print(json.dumps([detect(text, '') for text in json.load(sys.stdin)]))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps(UNSURE),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1
