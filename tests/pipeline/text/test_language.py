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
        ("en", "А mаn рrеѕеntѕ with аbdоminаl раіn"),  # Cyrillic look-alikes
    ],
)
def test_names_capitals_and_look_alikes_do_not_flip_the_language(language: str, text: str) -> None:
    assert detect(text, "").language == language


@pytest.mark.parametrize(
    "text", ["", "12.5", "Aspirin", "HbA1c", "5 mg", "a, c", "ß-hCG 5", "Hydrochlorothiazide"]
)
@pytest.mark.parametrize("declared", QUESTIONS)
def test_too_short_a_text_is_undetermined(text: str, declared: str) -> None:
    assert detect(text, declared)[:2] == ("und", 0.0)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Qual dos seguintes medicamentos não deve ser administrado durante a gravidez?", "pt"),
        ("Який із наведених препаратів не слід призначати вагітній жінці?", "uk"),
        ("다음 중 임산부에게 투여하지 말아야 할 약물은?", "ko"),
    ],
)
def test_another_language_is_named(text: str, language: str) -> None:
    assert detect(text, "es").language == language


def test_characters_common_to_both_follow_the_declared_language_unsurely() -> None:
    for declared in ("zh", "ja"):
        assert detect("糖尿病", declared)[:2] == (declared, 0.5)


def test_frame_has_one_row_per_text_and_repeats_itself() -> None:
    texts = pl.Series([*QUESTIONS.values(), None])
    declared = pl.Series([*QUESTIONS, "en"])
    frame = detect_frame(texts, declared)
    assert frame.columns == ["language", "confidence"]
    assert frame["language"].to_list() == [*QUESTIONS, "und"]
    assert frame.equals(detect_frame(texts, declared))
