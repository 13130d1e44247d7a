"""Errors that were put into good translations are found, in all six languages."""

from __future__ import annotations

import pytest

from pipeline.translation.checks import check_text
from schemas.item import LANGUAGES, Language
from tests.pipeline.translation.parallel import DIRECTIONS, DOSE, METFORMIN, PATIENT, QUESTION


def checks(source: str, target: str, own: Language, other: Language) -> set[str]:
    return {one.check for one in check_text(source, target, own, other)}


def another_than(language: Language) -> Language:
    return "en" if language != "en" else "fr"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("old", "new"), [("500", "300"), ("500", "50"), ("8", "6"), ("7", "1")])
def test_changed_number_is_found(language: Language, old: str, new: str) -> None:
    own = another_than(language)
    assert "numbers" in checks(DOSE[own], DOSE[language].replace(old, new), own, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_dropped_number_is_found(language: Language) -> None:
    own = another_than(language)
    assert "numbers" in checks(DOSE[own], DOSE[language].replace("500", ""), own, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("one", "other"), [("500", "8"), ("8", "7"), ("500", "7")])
def test_two_numbers_that_changed_places_are_found(
    language: Language, one: str, other: str
) -> None:
    own = another_than(language)
    swapped = DOSE[language].replace(one, "#").replace(other, one).replace("#", other)
    assert {"numbers", "units"} & checks(DOSE[own], swapped, own, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_swapped_blood_pressure_is_found(language: Language) -> None:
    own = another_than(language)
    swapped = PATIENT[language].replace("150/95", "95/150")
    assert "numbers" in checks(PATIENT[own], swapped, own, language)


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("en", "mg", "g"),
        ("en", "7 days", "7 weeks"),
        ("zh", "毫克", "克"),
        ("zh", "7天", "7周"),
        ("ja", "mg", "g"),
        ("ja", "7日間", "7週間"),
        ("fr", "mg", "µg"),
        ("fr", "7 jours", "7 mois"),
        ("ru", "мг", "мкг"),
        ("ru", "8 часов", "8 дней"),
        ("es", "mg", "mcg"),
        ("es", "7 días", "7 semanas"),
    ],
)
def test_changed_unit_is_found(language: Language, old: str, new: str) -> None:
    own = another_than(language)
    assert "units" in checks(DOSE[own], DOSE[language].replace(old, new), own, language)


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("en", "below", "above"),
        ("zh", "低于", "高于"),
        ("ja", "未満", "以上"),
        ("fr", "inférieur à", "supérieur à"),
        ("ru", "менее", "более"),
        ("es", "menor de", "mayor de"),
    ],
)
def test_comparison_turned_round_is_found(language: Language, old: str, new: str) -> None:
    own = another_than(language)
    turned = METFORMIN[language].replace(old, new)
    assert "numbers" in checks(METFORMIN[own], turned, own, language)


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("en", "should not", "should"),
        ("zh", "不应", "应"),
        ("ja", "してはならない", "する"),
        ("fr", "ne doit pas", "doit"),
        ("ru", "не следует", "следует"),
        ("es", "No se debe", "Se debe"),
    ],
)
def test_lost_negation_is_found_and_below_is_none(language: Language, old: str, new: str) -> None:
    own = another_than(language)
    assert "negation" in checks(
        METFORMIN[own], METFORMIN[language].replace(old, new), own, language
    )


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("en", "is not an", "is an"),
        ("zh", "不是", "是"),
        ("ja", "でない", "である"),
        ("fr", "n'est pas", "est"),
        ("ru", "не является", "является"),
        ("es", "no es", "es"),
    ],
)
def test_negation_is_missed_on_either_side(language: Language, old: str, new: str) -> None:
    other = another_than(language)
    positive = QUESTION[language].replace(old, new)
    assert "negation" in checks(QUESTION[other], positive, other, language)
    assert "negation" in checks(positive, QUESTION[other], language, other)


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("en", "Metformin", "Glibenclamide"),
        ("zh", "二甲双胍", "格列本脲"),
        ("ja", "メトホルミン", "グリベンクラミド"),
        ("fr", "metformine", "glibenclamide"),
        ("ru", "Метформин", "Глибенкламид"),
        ("es", "metformina", "glibenclamida"),
    ],
)
def test_other_drug_is_found(language: Language, old: str, new: str) -> None:
    own = another_than(language)
    assert "drug" in checks(METFORMIN[own], METFORMIN[language].replace(old, new), own, language)


@pytest.mark.parametrize(("own", "other"), DIRECTIONS)
def test_copy_of_the_source_is_found(own: Language, other: Language) -> None:
    assert {"copy"} <= checks(PATIENT[own], PATIENT[own], own, other)


@pytest.mark.parametrize(("own", "other"), DIRECTIONS)
def test_third_language_is_found(own: Language, other: Language) -> None:
    third = next(one for one in LANGUAGES if one not in (own, other))
    assert {"language", "script"} & checks(DOSE[own], DOSE[third], own, other)


@pytest.mark.parametrize(("own", "other"), DIRECTIONS)
def test_second_half_cut_off_is_found(own: Language, other: Language) -> None:
    half = PATIENT[other][: len(PATIENT[other]) // 2]
    assert {"length", "numbers"} & checks(PATIENT[own], half, own, other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_empty_translation_is_found(language: Language) -> None:
    own = another_than(language)
    assert "length" in checks(PATIENT[own], " ", own, language)


@pytest.mark.parametrize(
    ("language", "preface"),
    [
        ("en", "Here is the translation: "),
        ("zh", "以下是翻译："),
        ("ja", "以下は翻訳です："),
        ("fr", "Voici la traduction : "),
        ("ru", "Вот перевод: "),
        ("es", "Aquí está la traducción: "),
    ],
)
def test_preface_and_note_are_chatter(language: Language, preface: str) -> None:
    own = another_than(language)
    good = QUESTION[language]
    assert "chatter" in checks(QUESTION[own], preface + good, own, language)
    assert "chatter" in checks(QUESTION[own], f"{good}\n\nNote: as asked.", own, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_repeated_example_of_the_prompt_is_chatter(language: Language) -> None:
    own = another_than(language)
    found = check_text(
        QUESTION[own], DOSE[language], own, language, "question", examples=[DOSE[language]]
    )
    assert "chatter" in {one.check for one in found}


def test_gravest_problem_comes_first() -> None:
    found = check_text(METFORMIN["en"], METFORMIN["en"], "en", "ja")
    assert found[0].check == "copy"
