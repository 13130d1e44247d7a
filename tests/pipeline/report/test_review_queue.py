"""What a reviewer reads first: risk words of six languages, the order and size of the queue."""

from __future__ import annotations

import re

import polars as pl
import pytest

from pipeline.report.queue import KINDS, RISK_ROWS, SAMPLE_ROWS, drawn, make_queues, with_kinds
from pipeline.report.samples import review_texts
from schemas.item import LANGUAGES
from schemas.review import DECISIONS, SEVERITIES, VERDICT_REASONS

RISKY = {
    "dose": {
        "en": "Start with 2.5 mg once daily and titrate.",
        "zh": "成人口服，每次５０毫克，饭后服用。",
        "ja": "成人には1回２錠を服用させる。",
        "fr": "La posologie usuelle est de 15 gouttes.",
        "ru": "Назначают по 0,5 мг/кг внутрь.",
        "es": "La dosis máxima es de 4 g al día.",
    },
    "pregnancy": {
        "en": "Is it safe while breast-feeding?",
        "zh": "妊娠早期可以使用吗？",
        "ja": "授乳中の内服は可能か。",
        "fr": "Chez la femme enceinte, l’examen est différé.",
        "ru": "Противопоказан беременным.",
        "es": "Está contraindicado durante el embarazo.",
    },
    "child": {
        "en": "A 3-month-old infant is brought in.",
        "zh": "患儿，男，3岁。",
        "ja": "5歳の男児。",
        "fr": "Un nourrisson de trois mois.",
        "ru": "Ребёнок трёх лет.",
        "es": "Un niño de tres años.",
    },
    "emergency": {
        "en": "He is unresponsive: cardiac arrest.",
        "zh": "立即进行心肺复苏。",
        "ja": "アナフィラキシーショックが疑われる。",
        "fr": "Un arrêt cardiaque survient.",
        "ru": "Это угрожающее жизни состояние.",
        "es": "Sufre una parada cardiorrespiratoria.",
    },
    "self_harm": {
        "en": "She admits to suicidal thoughts.",
        "zh": "患者有自杀念头。",
        "ja": "自殺念慮について尋ねる。",
        "fr": "Il a des idées suicidaires.",
        "ru": "Высказывает суицидальные мысли.",
        "es": "Refiere ideación suicida.",
    },
}
# What a list of stems and plurals misses: other forms of a word, units that a letter follows.
FURTHER = {
    "dose": {
        "en": ["Take 1 tablet.", "inhale 2 puffs", "one 500-mg dose", "4 capsules"],
        "zh": ["阿托品0.5mg肌注", "青霉素80万U静脉注射", "０．９％氯化钠100ml加入", "1.5g分次服"],
        "ja": ["アスピリン100mgを内服する", "生食500mLで希釈", "1.5gを", "2カプセルを服用"],
        "fr": ["Prendre 1 comprimé.", "1 gélule le soir", "2 bouffées", "1 unité par kg"],
        "ru": ["по 1 капле", "1 капля", "5 таблеток", "2 капсулы", "1 г в сутки"],
        "es": ["Tome 1 comprimido.", "1 gota en cada ojo", "2 cápsulas", "1 unidad"],
    },
    "pregnancy": {
        "en": ["She had a stillbirth.", "eclamptic seizure", "while nursing mothers"],
        "zh": ["孕晚期出血", "剖宫产术后"],
        "ja": ["帝王切開の既往", "母乳への移行"],
        "fr": ["deux fausses couches", "risque de tératogénicité", "anomalies fœtales ou fœtaux"],
        "ru": ["в родах", "кормящим матерям", "при грудном вскармливании"],
        "es": ["hemorragia del postparto", "la puérpera", "teratogenicidad"],
    },
    "child": {
        "en": ["A 7-year-old boy", "two girls", "at 18 months of age"],
        "zh": ["3岁男孩", "一名8个月大的女婴"],
        "ja": ["10歳の男の子", "生後2日"],
        "fr": ["chez les nouveaux-nés", "un garçon de 6 ans", "âgé de 8 mois"],
        "ru": ["мальчик 7 лет", "дошкольного возраста"],
        "es": ["en la infancia", "una muchacha de 12 años"],
    },
    "emergency": {
        "en": ["in a coma", "hypovolaemic shock", "a heart attack"],
        "zh": ["猝死", "意识丧失"],
        "ja": ["意識消失で搬送", "大動脈解離"],
        "fr": ["un choc hypovolémique", "arrêt cardio-respiratoire", "perte de connaissance"],
        "ru": ["скорая помощь", "скорой медицинской помощи", "инфаркта миокарда"],
        "es": ["choque anafiláctico", "reacción anafiláctica", "paro cardiorrespiratorio"],
    },
    "self_harm": {
        "en": ["I want to die.", "he wants to die", "She wishes she had taken her own life."],
        "zh": ["我想死", "不想活了"],
        "ja": ["死にたくなる", "消えたいと話す"],
        "fr": ["J’ai envie de mourir.", "il veut mourir", "tentative d’autolyse"],
        "ru": ["хочу умереть", "покончил с собой", "покончить с жизнью"],
        "es": ["quiero morir", "quiere morirse", "intentó quitarme la vida"],
    },
}
HARMLESS = {
    "en": "Which bone articulates with the 12th rib? A goal of physiology is childless prose.",
    "zh": "下列哪一项属于2型糖尿病的特点？",
    "ja": "横隔膜を支配する神経はどれか。2つ選べ。",
    "fr": "Quel nerf innerve le diaphragme ? Il y en a 2, en 2019.",
    "ru": "Какой нерв иннервирует диафрагму? Учебник 2019 г., глава 2.",
    "es": "¿Qué nervio inerva el diafragma? Hay 2 desde 2019.",
}


def risks(text: str, language: str) -> tuple[str, ...]:
    """Return the kinds of risk that a text speaks of."""
    row = with_kinds(pl.DataFrame({"language": [language], "said": [text]}))
    return tuple(kind for kind in KINDS if row[kind].item())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_text_where_a_mistake_harms_is_found(kind: str, language: str) -> None:
    assert kind in risks(RISKY[kind][language], language)
    assert kind in risks(RISKY[kind][language].upper(), language)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_of_a_risk_is_found(kind: str, language: str) -> None:
    missed = [text for text in FURTHER[kind][language] if kind not in risks(text, language)]
    assert missed == []


@pytest.mark.parametrize(("text", "language"), [("2GATA遺伝子", "ja"), ("5MLH1基因", "zh")])
def test_letters_of_a_longer_word_are_no_unit(text: str, language: str) -> None:
    assert "dose" not in risks(text, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_harmless_text_is_not(language: str) -> None:
    assert risks(HARMLESS[language], language) == ()


def rows(num: int, risky: int, kind: str = "dose", language: str = "ja") -> pl.DataFrame:
    """Return published rows as the queue is made of; the first few are risky."""
    ids = [f"{n:032x}" for n in range(num)]
    kinds = {name: [name == kind and n < risky for n in range(num)] for name in KINDS}
    table = pl.DataFrame({"id": ids, "language": [language] * num, **kinds})
    return table.with_columns(drawn(ids))


def test_queue_has_risky_rows_of_every_kind_and_a_sample_of_stated_size() -> None:
    whole = pl.concat([rows(400, 40, "dose").head(200), rows(400, 400, "child").tail(200)])
    queue = make_queues(whole)["ja"]
    assert (len(queue.risk), len(queue.random)) == (2 * RISK_ROWS, SAMPLE_ROWS)
    found = whole.filter(pl.col("id").is_in(queue.risk))
    assert found["dose"].sum() == found["child"].sum() == RISK_ROWS


def test_small_language_is_sampled_whole() -> None:
    queue = make_queues(rows(20, 3))["ja"]
    assert (len(queue.risk), len(queue.random)) == (3, 20)
    assert make_queues(rows(20, 3))["fr"].random == ()


def test_sample_does_not_follow_the_order_of_ids() -> None:
    whole = rows(5000, 0)
    sample = make_queues(whole)["ja"].random
    # A source of which a cap left the lowest ids must not fill the sample.
    lowest = whole.sort("id")["id"].head(500)
    assert len({*sample} & {*lowest}) < SAMPLE_ROWS / 3


def test_sample_is_the_same_whatever_the_order_and_stays_when_rows_leave() -> None:
    whole = rows(1000, 10)
    sample = make_queues(whole)["ja"].random
    assert make_queues(whole.sample(fraction=1, shuffle=True, seed=1))["ja"].random == sample
    without = whole.filter(pl.col("id") != sample[0])
    assert make_queues(without)["ja"].random[:-1] == sample[1:]


FORMS = {
    "en": {"one", "other"},
    "zh": {"other"},
    "ja": {"other"},
    "fr": {"one", "many", "other"},
    "ru": {"one", "few", "many", "other"},
    "es": {"one", "many", "other"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_review_pane_has_every_text_in_every_language(language: str) -> None:
    texts, english = review_texts()[language], review_texts()["en"]
    assert texts.keys() == english.keys()
    named = {f"reason_{one}" for one in VERDICT_REASONS} | {f"severity_{s}" for s in SEVERITIES}
    assert named | {*DECISIONS} | {f"kind_{kind}" for kind in KINDS} <= texts.keys()
    for name, text in texts.items():
        if isinstance(english[name], dict):
            assert text.keys() == FORMS[language]
            assert all("{n}" in form for form in text.values())
        else:
            assert {part for part in ("{n}", "{total}", "{name}") if part in text} == {
                part for part in ("{n}", "{total}", "{name}") if part in english[name]
            }


def said(language: str) -> list[str]:
    """Return every text of the review pane in a language, each form of a noun by itself."""
    texts = review_texts()[language].values()
    return [one for text in texts for one in (text.values() if isinstance(text, dict) else [text])]


def test_no_line_breaks_before_a_french_mark() -> None:
    assert [text for text in said("fr") if re.search(r"[^\u202f][;?!]|[^\u00a0]:", text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_parts_are_put_together_as_the_language_does(language: str) -> None:
    texts = review_texts()[language]
    marks = {"zh": "：、。", "ja": "：、。", "fr": "\u00a0: , . "}.get(language, ": , . ")
    assert texts["colon"] + texts["comma"] + texts["stop"] == marks


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_is_named(language: str) -> None:
    named = review_texts()[language]["shortcuts"]
    assert [key for key in "acrnb" if not re.search(rf"\b{key} ", named)] == []
    assert "Ctrl+Enter" in named
