"""Spans in another language: sentences and lists are found, names and values are not."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.text.spans import MAX_CHARACTERS, foreign_span, foreign_spans
from schemas.item import LANGUAGES

CASES = {
    "en": "A nurse finds an old man on the floor. He is awake and does not know which day it is.",
    "zh": "护士发现一名老人倒在房间的地板上。他神志清醒，但说不出今天是几号。",
    "ja": "看護師が部屋の床に倒れている高齢の男性を見つけた。意識はあるが、日付を答えられない。",
    "fr": "Une infirmière trouve un vieil homme sur le sol de sa chambre. Il est éveillé mais ne "
    "sait pas quel jour on est.",
    "ru": "Медсестра находит пожилого мужчину на полу его комнаты. Он в сознании, но не знает, "
    "какой сегодня день.",
    "es": "Una enfermera encuentra a un anciano en el suelo de su habitación. Está despierto pero "
    "no sabe qué día es.",
}
OPTIONS = {
    "en": ["Loss of weight", "Pain in the chest", "Swelling of both legs", "Shortness of breath"],
    "zh": ["体重下降伴食欲不振", "胸骨后压榨性疼痛", "双下肢对称性水肿", "活动后呼吸困难"],
    "ja": ["体重が減っている", "胸が痛む", "両足がむくんでいる", "息が苦しい"],
    "fr": ["Une perte de poids", "Une douleur dans la poitrine", "Un essoufflement", "De la toux"],
    "ru": ["Потеря массы тела", "Боль в груди", "Отёк обеих ног", "Одышка при ходьбе"],
    "es": ["Pérdida de peso", "Dolor en el pecho", "Hinchazón de las piernas", "Falta de aire"],
}
PAIRS = [(own, other) for own in LANGUAGES for other in LANGUAGES if own != other]
NAMES = [
    "Amoxicillin clavulanate, clarithromycin, omeprazole, ferrous sulfate, insulin glargine",
    "BRCA1, TP53, HLA-DQ2, JAK2 V617F, IL-6, CD4/CD8, BCR-ABL",
    "Hb 9.8 g/dL, WBC 12,300/uL, CRP 4.2 mg/dL, AST 45 U/L, HBsAg (+), SpO2 92 % (room air)",
    "Escherichia coli\nStaphylococcus aureus\nKlebsiella pneumoniae\nCandida albicans",
    "(chronic obstructive pulmonary disease, COPD)",
    "(acute respiratory distress syndrome, ARDS)",
    "Smith J, et al. Management of heart failure: what is new and what is not. Heart 2019;39:1034",
    "(WHO, The treatment of scabies and its complications in children, 2011)",
    "(Guidelines for the surgical management of the diabetic foot and its infections)",
    "Diagnostic and Statistical Manual of Mental Disorders, Fifth Edition",
    "European Organisation for Research and Treatment of Cancer in the United Kingdom",
    "Behçet, Guillain-Barré, Ménière, Sjögren, Muñoz, Kawasaki",
]


@pytest.mark.parametrize(("own", "other"), PAIRS)
def test_a_half_in_another_language_is_found_and_shown(own: str, other: str) -> None:
    span = foreign_span(f"{CASES[own]}\n{CASES[other]}", own)
    assert span is not None
    assert span.language == other
    assert len(set(span.text) & set(CASES[other])) > 0.8 * len(set(CASES[other]))
    assert CASES[own][:30] not in span.text
    assert 0.2 < span.share < 0.8


@pytest.mark.parametrize(("own", "other"), PAIRS)
def test_untranslated_options_are_found(own: str, other: str) -> None:
    span = foreign_span("\n".join([CASES[own], *OPTIONS[other]]), own)
    assert span is not None
    assert span.language == other


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_in_one_language_has_no_span(language: str) -> None:
    assert foreign_span("\n".join([CASES[language], *OPTIONS[language]]), language) is None


@pytest.mark.parametrize(("own", "other"), PAIRS)
def test_a_sentence_in_capitals_is_found_and_its_units_do_not_hide_it(own: str, other: str) -> None:
    said = CASES[other].upper().replace(". ", ", 5 mg, ")
    span = foreign_span(f"{CASES[own]}\n{said}", own)
    assert span is not None
    assert span.language == other


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_names_values_glosses_and_references_are_no_span(language: str, names: str) -> None:
    assert foreign_span(f"{CASES[language]}\n{names}", language) is None
    assert foreign_span(f"{CASES[language]} {names} {CASES[language]}", language) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_column_gives_what_its_texts_give_alone(language: str) -> None:
    texts = [f"{CASES[language]}\n{CASES[other]}" for other in LANGUAGES] + [CASES[language], None]
    alone = [foreign_span(text or "", language) for text in texts]
    together = foreign_spans(pl.Series(texts), pl.Series([language] * len(texts)))
    assert together == alone
    assert sum(span is not None for span in together) == len(LANGUAGES) - 1


def test_a_text_of_an_unknown_language_has_no_span() -> None:
    texts = pl.Series([CASES["en"], "", None])
    assert foreign_spans(texts, pl.Series(["und", "ko", None])) == [None, None, None]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_of_megabytes_is_looked_at_in_its_beginning(language: str) -> None:
    long = CASES[language] * (5_000_000 // len(CASES[language]))
    other = CASES["ru" if language != "ru" else "en"]
    assert foreign_span(f"{long}\n{other}", language) is None
    span = foreign_span(f"{long[:1000]}\n{other}\n{long}", language)
    assert span is not None
    assert span.share < 1000 / MAX_CHARACTERS


@pytest.mark.parametrize("text", ["", "a", "?!", "😀", "\u200f\u202e", "\n" * 9, "\ud800 \udfff"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_without_words_has_no_span(language: str, text: str) -> None:
    assert foreign_span(text, language) is None
