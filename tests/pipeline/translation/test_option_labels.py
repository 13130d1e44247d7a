"""Labels of options are told from letters that are part of a term, in six languages."""

from __future__ import annotations

import pytest

from pipeline.translation.option_labels import label_spans, names_options
from schemas.item import LANGUAGES, Language
from tests.pipeline.llm.scripted import RATIONALE

NAMING: dict[Language, tuple[str, ...]] = {
    "en": (
        "The correct answer is B.",
        "Option C is wrong, since it acts later.",
        "(a) is correct.",
        "A and C are wrong.",
        "A is correct because the nerve is cut.",
    ),
    "zh": ("故选B。", "A项错误，因其作用较晚。", "ABD均正确。", "选项Ａ不对。"),
    "ja": ("正解はBである。", "aは誤り。", "ｂ　正しい。", "選択肢Cは作用が遅い。"),
    "fr": (
        "La bonne réponse est B.",
        "Les propositions B et C sont fausses.",
        "A est vraie.",
        "La réponse 3 est fausse.",
    ),
    "ru": (
        "Правильный ответ — Б.",
        "Вариант В неверен.",
        "Ответ А верен.",
        "Д) верно, остальное неверно.",
        "Верны A и C.",
    ),
    "es": (
        "La respuesta correcta es la 3.",
        "La opción B es falsa.",
        "La 2 es falsa.",
        "C es correcta.",
    ),
}
INNOCENT: dict[Language, tuple[str, ...]] = {
    "en": (
        "Vitamin C and hepatitis B or C.",
        "A patient with type A influenza.",
        "B cells make IgA; HLA-B27 is a gene.",
        "Group A and B streptococci; Child-Pugh B.",
    ),
    "zh": ("维生素C缺乏。", "乙型（B型）肝炎。", "A群链球菌与B细胞。", "CEA升高，IgA肾病。"),
    "ja": (
        "ビタミンB12とビタミンC。",
        "B型肝炎とIgA腎症。",
        "A群β溶連菌。",
        "ACE阻害薬は咳を起こす。",
    ),
    "fr": ("L’hépatite B ou C.", "A l’examen, fièvre.", "La vitamine D.", "Le facteur V."),
    "ru": (
        "Гепатит В и витамин C.",
        "В покое сердце бьётся реже.",
        "А у детей — чаще.",
        "С возрастом.",
    ),
    "es": ("La hepatitis A y B.", "A los 3 días.", "Los linfocitos B.", "La vitamina D."),
}


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language, texts in NAMING.items() for text in texts]
)
def test_a_label_is_found(language: Language, text: str) -> None:
    assert names_options(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [(language, text) for language, texts in INNOCENT.items() for text in texts],
)
def test_a_letter_of_a_term_is_no_label(language: Language, text: str) -> None:
    assert label_spans(text, language) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rationale_in_words_names_no_option(language: Language) -> None:
    assert not names_options(RATIONALE[language], language)


def test_spans_are_those_of_the_labels() -> None:
    text = "Options B and C are wrong."
    assert "".join(text[start:end] for start, end in label_spans(text, "en")) in ("BC", "B and C")
