"""What small models really wrote, as fixtures: each was fluent enough to pass a quick look."""

from __future__ import annotations

import pytest

from pipeline.translation.checks import check_text
from schemas.item import Language

AMOXICILLIN = "Administer 500 mg of amoxicillin orally every 8 hours for 7 days."
METFORMIN = "Metformin should not be administered if the eGFR is < 30 mL/min."
FERRITIN = "Iron deficiency anemia is characterized by low serum ferritin."


@pytest.mark.parametrize(
    ("source", "output", "language", "check"),
    [
        (METFORMIN, "如果eGFR < 30 mL/min，则不应服用格列本脲。", "zh", "drug"),
        (AMOXICILLIN, "每8小时口服500毫克阿莫西林。", "zh", "numbers"),
        (
            AMOXICILLIN,
            "アミクロチン500mgを orally8時間ごとに7日間 administrationします。",
            "ja",
            "untranslated",
        ),
        (FERRITIN, "铁缺乏性贫血は血清フェリチンの低下を特徴とする。", "ja", "script"),
        (AMOXICILLIN, "500 мг амoxicиллории по oral каждые 8 часов 7 дней.", "ru", "mixed_script"),
        (
            METFORMIN,
            "Метронин не должен быть administered при eGFR < 30 мл/мин.",
            "ru",
            "untranslated",
        ),
        (METFORMIN, "Метронин не должен быть administered при eGFR < 30 мл/мин.", "ru", "drug"),
        (
            AMOXICILLIN,
            "Administer 500 mg d'amoxicilline par oraux toutes les 8 heures pendant 7 jours.",
            "fr",
            "untranslated",
        ),
        (
            FERRITIN,
            "L'anémie ferriprive se caractérise par une serum ferritin basse.",
            "fr",
            "untranslated",
        ),
        (AMOXICILLIN, AMOXICILLIN, "ja", "copy"),
        (AMOXICILLIN, AMOXICILLIN, "es", "copy"),
        (
            AMOXICILLIN,
            "Вводить 500 мг амфетамина внутрь каждые 8 часов в течение 7 дней.",
            "ru",
            "drug",
        ),
        (
            METFORMIN,
            "La metformine ne doit pas être donnée si le DFG est entre 30 et 35 mL/min.",
            "fr",
            "numbers",
        ),
        (
            AMOXICILLIN,
            "Приймати 500 мг амоксициліну кожні 8 годин протягом 7 днів.",
            "ru",
            "script",
        ),
        (AMOXICILLIN, "胫" * 60, "zh", "chatter"),
        (AMOXICILLIN, "500 mg de oxihemiloxo en 7 años para 7 años cada 8 horas", "es", "units"),
        (
            AMOXICILLIN,
            "Administrar 500 mg de amoxicilina cada 8 horas durante 7 días.",
            "fr",
            "language",
        ),
    ],
)
def test_error_of_a_real_model_is_found(
    source: str, output: str, language: Language, check: str
) -> None:
    assert check in {one.check for one in check_text(source, output, "en", language)}


@pytest.mark.parametrize(
    ("source", "output", "language"),
    [
        (
            "A 45-year-old man has chest pain radiating to the left arm; BP 150/95 mmHg.",
            "45岁男性，胸部疼痛放射至左臂，血压150/95 mmHg。",
            "zh",
        ),
        (
            AMOXICILLIN,
            "Administrar 500 mg de amoxicilina oral cada 8 horas durante 7 días.",
            "es",
        ),
    ],
)
def test_good_output_of_a_real_model_passes(source: str, output: str, language: Language) -> None:
    assert check_text(source, output, "en", language) == []


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("ru", "Проверяют пациента, лекарство, дозу, способ administration и время."),
        ("zh", "核对患者、药物、剂量、administration途径和时间。"),
        ("ja", "患者、薬剤、用量、administrationの経路、時刻を確認する。"),
    ],
)
def test_english_that_the_source_never_held_is_found(target: Language, text: str) -> None:
    source = "Se comprueba el paciente, el fármaco, la dosis, la vía de administración y la hora."
    assert "untranslated" in {one.check for one in check_text(source, text, "es", target)}
