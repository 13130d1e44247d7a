"""Good translations pass: a false alarm costs a good row."""

from __future__ import annotations

import pytest

from pipeline.translation.checks import check_item, check_text
from pipeline.translation.problem import Field
from schemas.item import Language
from tests.pipeline.translation.parallel import DIRECTIONS, SENTENCES


@pytest.mark.parametrize("name", SENTENCES)
@pytest.mark.parametrize(("own", "other"), DIRECTIONS)
def test_good_translation_passes_in_all_directions(
    name: str, own: Language, other: Language
) -> None:
    texts = SENTENCES[name]
    assert check_text(texts[own], texts[other], own, other, "question") == []


@pytest.mark.parametrize(
    ("source", "target", "own", "other"),
    [
        ("Cold", "感冒", "en", "zh"),
        ("Labor", "分娩", "en", "ja"),
        ("Lupus", "Lupus", "en", "fr"),
        ("Placebo", "Placebo", "en", "es"),
        ("Kayser-Fleischer ring", "Kayser-Fleischer環", "en", "ja"),
        ("Gaucher病", "Gaucher disease", "ja", "en"),
        ("5 mg", "5 мг", "en", "ru"),
        ("0.5 mg", "0,5 mg", "en", "es"),
        ("120/80 mmHg", "120/80 мм рт. ст.", "en", "ru"),
        ("120/80 mmHg", "120/80 mmHg", "en", "zh"),
        ("Both A and B", "A et B tous deux", "en", "fr"),
        ("糖尿病", "糖尿病", "zh", "ja"),
        ("Escherichia coli", "Escherichia coli", "en", "ru"),
        ("COPD", "COPD", "en", "ja"),
        ("Virus", "Virus", "es", "fr"),
        ("Twice daily", "Dos veces al día", "en", "es"),
        ("Observation", "经过观察", "fr", "zh"),
        ("T4 N0 M0", "T4 N0 M0", "en", "ru"),
        ("Нет", "No", "ru", "es"),
        ("None of the above", "以上都不是", "en", "zh"),
        ("Diabetes mellitus", "Diabetes mellitus", "en", "es"),
        ("1/3", "三分之一", "en", "zh"),
    ],
)
def test_short_option_raises_no_false_alarm(
    source: str, target: str, own: Language, other: Language
) -> None:
    for field in ("option", "answer"):
        short: Field = field
        assert check_text(source, target, own, other, short) == []


@pytest.mark.parametrize(
    ("source", "target", "own", "other"),
    [
        ("It takes two weeks.", "这需要2周的时间。", "en", "zh"),
        ("Take it twice a day.", "1日2回服用してください。", "en", "ja"),
        ("In the 1980s it was rare.", "二十世纪八十年代，这种情况很少见。", "en", "zh"),
        ("Прием в 15:00.", "The visit is at 3 pm.", "ru", "en"),
        ("Two of 31 patients died.", "31名患者中有2名死亡。", "en", "zh"),
        ("The count was 4.5×10⁹/L.", "Le nombre était de 4,5 × 10^9/L.", "en", "fr"),
        ("约20多万人感染。", "More than 200,000 people were infected.", "zh", "en"),
        ("Between 14 and 22 million people.", "1400万至2200万人。", "en", "zh"),
        ("Coronavirus disease 2019 (COVID-19) is new.", "COVID-19は新しい病気である。", "en", "ja"),
        ("Eighty percent recovered.", "百分之八十的人康复了。", "en", "zh"),
        ("De 5 à 10 mg par kg.", "От 5 до 10 мг на кг.", "fr", "ru"),
        ("Type 2 diabetes.", "2型糖尿病。", "en", "zh"),
    ],
)
def test_numbers_that_are_written_in_another_way_are_the_same(
    source: str, target: str, own: Language, other: Language
) -> None:
    found = [one for one in check_text(source, target, own, other) if one.check != "length"]
    assert found == []


def test_good_item_passes() -> None:
    source = {
        "question": "Which vitamin does metformin deplete?",
        "context": "",
        "options": ["Vitamin B12", "Vitamin C", "Vitamin D", "None"],
        "answer": "Vitamin B12",
        "rationale": "Metformin lowers the absorption of vitamin B12, but not of vitamin C.",
    }
    target = {
        "question": "Какой витамин истощает метформин?",
        "context": "",
        "options": ["Витамин B12", "Витамин C", "Витамин D", "Никакой"],
        "answer": "Витамин B12",
        "rationale": "Метформин снижает всасывание витамина B12, но не витамина C.",
    }
    assert check_item(source, target, "en", "ru") == []
