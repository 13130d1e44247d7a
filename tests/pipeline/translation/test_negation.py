"""The answer "no", and negations that one language puts in another way, in all directions."""

from __future__ import annotations

from itertools import permutations

import pytest

from pipeline.translation.negation import negation_problems
from pipeline.translation.problem import Pair
from schemas.item import LANGUAGES, Language

Texts = dict[Language, str]
DIRECTIONS: list[tuple[Language, Language]] = list(permutations(LANGUAGES, 2))

NO: Texts = {
    "en": "No.",
    "zh": "不，没有必要。",
    "ja": "いいえ。",
    "fr": "Non.",
    "ru": "Нет.",
    "es": "No.",
}
NO_NEED: Texts = {
    "en": "No, a second test is not needed.",
    "zh": "不，不需要再次检查。",
    "ja": "いいえ、再検査は必要ありません。",
    "fr": "Non, un second examen n’est pas nécessaire.",
    "ru": "Нет, повторный анализ не нужен.",
    "es": "No, no se necesita una segunda prueba.",
}
NEED: Texts = {
    "en": "Yes, a second test is needed.",
    "zh": "是的，需要再次检查。",
    "ja": "はい、再検査が必要です。",
    "fr": "Oui, un second examen est nécessaire.",
    "ru": "Да, повторный анализ нужен.",
    "es": "Sí, se necesita una segunda prueba.",
}
NO_BUT_NEED: Texts = {
    "en": "No, a second test is needed.",
    "zh": "不，需要再次检查。",
    "ja": "いいえ、再検査が必要です。",
    "fr": "Non, un second examen est nécessaire.",
    "ru": "Нет, повторный анализ нужен.",
    "es": "No, se necesita una segunda prueba.",
}
# Without the answer before it.
PLAINLY_NO_NEED: Texts = {
    "en": "A second test is not needed.",
    "zh": "不需要再次检查。",
    "ja": "再検査は必要ありません。",
    "fr": "Un second examen n’est pas nécessaire.",
    "ru": "Повторный анализ не нужен.",
    "es": "No se necesita una segunda prueba.",
}
IN_TWO_SENTENCES: Texts = {
    "en": "No. A second test is not needed.",
    "zh": "不用。不需要再次检查。",
    "ja": "いいえ。再検査は必要ありません。",
    "fr": "Non. Un second examen n’est pas nécessaire.",
    "ru": "Нет. Повторный анализ не нужен.",
    "es": "No. No se necesita una segunda prueba.",
}


def found(source: Texts, target: Texts, direction: tuple[Language, Language]) -> list[str]:
    own, other = direction
    pair = Pair(source[own], target[other], own, other)
    return [problem.evidence for problem in negation_problems(pair)]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("target", [NO_NEED, PLAINLY_NO_NEED, IN_TWO_SENTENCES])
@pytest.mark.parametrize("source", [NO_NEED, PLAINLY_NO_NEED, IN_TWO_SENTENCES])
def test_the_answer_no_may_stand_before_a_negation_or_not(
    source: Texts, target: Texts, direction: tuple[Language, Language]
) -> None:
    assert found(source, target, direction) == []


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_answer_no_alone_is_a_negation(direction: tuple[Language, Language]) -> None:
    assert found(NO, PLAINLY_NO_NEED, direction) == []
    assert found(PLAINLY_NO_NEED, NO, direction) == []
    assert found(NO, NEED, direction) != []
    assert found(NEED, NO, direction) != []


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("texts", [NO_NEED, PLAINLY_NO_NEED, IN_TWO_SENTENCES])
def test_an_answer_that_became_its_opposite_is_found(
    texts: Texts, direction: tuple[Language, Language]
) -> None:
    assert found(texts, NEED, direction) != []
    assert found(NEED, texts, direction) != []


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_negation_lost_after_the_answer_no_is_found(
    direction: tuple[Language, Language],
) -> None:
    assert found(NO_NEED, NO_BUT_NEED, direction) != []
    assert found(NO_BUT_NEED, NO_NEED, direction) != []


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_no_in_the_middle_of_a_sentence_is_a_plain_negation(
    direction: tuple[Language, Language],
) -> None:
    denied: Texts = {
        "en": "Fever: no, cough: yes.",
        "zh": "发热：无，咳嗽：有。",
        "ja": "発熱：なし、咳：あり。",
        "fr": "Fièvre : non, toux : oui.",
        "ru": "Жар: нет, кашель: да.",
        "es": "Fiebre: no, tos: sí.",
    }
    stated: Texts = {
        "en": "Fever: yes, cough: yes.",
        "zh": "发热：有，咳嗽：有。",
        "ja": "発熱：あり、咳：あり。",
        "fr": "Fièvre : oui, toux : oui.",
        "ru": "Жар: да, кашель: да.",
        "es": "Fiebre: sí, tos: sí.",
    }
    assert found(denied, denied, direction) == []
    assert found(denied, stated, direction) != []


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("negated", "stated"),
    [
        (
            {
                "en": "Aspirin is no longer given to children.",
                "zh": "已不再给儿童使用阿司匹林。",
                "ja": "小児にはもはやアスピリンを投与しない。",
                "fr": "L’aspirine n’est plus donnée aux enfants.",
                "ru": "Детям больше не дают аспирин.",
                "es": "Ya no se da aspirina a los niños.",
            },
            {
                "en": "Aspirin is still given to children.",
                "zh": "仍给儿童使用阿司匹林。",
                "ja": "小児にはなおアスピリンを投与する。",
                "fr": "L’aspirine est encore donnée aux enfants.",
                "ru": "Детям по-прежнему дают аспирин.",
                "es": "Todavía se da aspirina a los niños.",
            },
        ),
        (
            {
                "en": "Neither fever nor cough was present.",
                "zh": "既无发热也无咳嗽。",
                "ja": "発熱も咳もなかった。",
                "fr": "Il y avait ni fièvre ni toux.",
                "ru": "Ни жара, ни кашля не было.",
                "es": "Ni fiebre ni tos estaban presentes.",
            },
            {
                "en": "Both fever and cough were present.",
                "zh": "既有发热也有咳嗽。",
                "ja": "発熱も咳もあった。",
                "fr": "Il y avait fièvre et toux.",
                "ru": "Были и жар, и кашель.",
                "es": "Tanto fiebre como tos estaban presentes.",
            },
        ),
    ],
    ids=["no_longer", "neither"],
)
def test_a_negation_in_other_words_is_one_in_all_languages(
    negated: Texts, stated: Texts, direction: tuple[Language, Language]
) -> None:
    assert found(negated, negated, direction) == []
    assert found(negated, stated, direction) != []
    assert found(stated, negated, direction) != []


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_names_of_failing_organs_are_no_negations_and_hide_none(
    direction: tuple[Language, Language],
) -> None:
    needed: Texts = {
        "en": "In hepatic impairment the dose is changed.",
        "zh": "肝功能不全时要调整剂量。",
        "ja": "肝不全では用量を変更する。",
        "fr": "En cas d’insuffisance hépatique, la dose est modifiée.",
        "ru": "При печёночной недостаточности дозу меняют.",
        "es": "En la insuficiencia hepática se cambia la dosis.",
    }
    not_needed: Texts = {
        "en": "In hepatic impairment the dose is not changed.",
        "zh": "肝功能不全时不调整剂量。",
        "ja": "肝不全では用量を変更しない。",
        "fr": "En cas d’insuffisance hépatique, la dose n’est pas modifiée.",
        "ru": "При печёночной недостаточности дозу не меняют.",
        "es": "En la insuficiencia hepática no se cambia la dosis.",
    }
    assert found(needed, needed, direction) == []
    assert found(needed, not_needed, direction) != []
    assert found(not_needed, needed, direction) != []
