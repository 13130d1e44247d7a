from __future__ import annotations

import pytest

from pipeline.translation.glossary import DRUGS, TERMS, entries, find, terms_in
from schemas.item import LANGUAGES, Language


def names(text: str, language: Language) -> list[str]:
    return [entries(DRUGS)[one.entry].names["en"][0] for one in find(text, language)]


def test_at_least_300_drugs_have_a_name_in_every_language() -> None:
    assert len(entries(DRUGS)) >= 300
    assert len(entries(TERMS)) >= 140
    for entry in (*entries(DRUGS), *entries(TERMS)):
        assert all(name.strip() == name and name for one in LANGUAGES for name in entry.names[one])


@pytest.mark.parametrize("glossary", [DRUGS, TERMS])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_is_found_and_means_one_thing(glossary: str, language: Language) -> None:
    for number, entry in enumerate(entries(glossary)):
        for name in entry.names[language]:
            found = find(name, language, glossary)
            assert [one.entry for one in found] == [number], name


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Paracetamol, also acetaminophen.", ["paracetamol", "paracetamol"]),
        ("en", "amoxicillin-clavulanate", ["amoxicillin", "clavulanic acid"]),
        ("en", "Epinephrine and norepinephrine", ["adrenaline", "noradrenaline"]),
        ("fr", "l'acide folique et la pénicilline G", ["folic acid", "benzylpenicillin"]),
        ("fr", "les héparines", ["heparin"]),
        ("es", "la amoxicilina y las penicilinas", ["amoxicillin", "penicillin"]),
        ("ru", "лечение метилпреднизолоном", ["methylprednisolone"]),
        ("ru", "5 г ацетилсалициловой кислоты", ["aspirin"]),
        ("ru", "с инсулином, без метформина", ["insulin", "metformin"]),
        ("zh", "去甲肾上腺素和肾上腺素", ["noradrenaline", "adrenaline"]),
        ("zh", "羟氯喹不是氯喹", ["hydroxychloroquine", "chloroquine"]),
        ("ja", "ノルアドレナリンとアドレナリン", ["noradrenaline", "adrenaline"]),
        ("ja", "メトホルミン塩酸塩錠", ["metformin"]),
        ("ja", "アスピリンジレクト", []),
        ("en", "aspiring doctors", []),
    ],
)  # fmt: skip
def test_drugs_are_found_at_word_borders_longest_first(
    language: Language, text: str, expected: list[str]
) -> None:
    assert names(text, language) == expected


def test_hints_give_the_text_as_it_stands_and_the_first_name() -> None:
    text = "Epinephrine is given in septic shock; epinephrine is first."
    assert terms_in(text, "en", "ja") == [
        ("Epinephrine", "アドレナリン"),
        ("epinephrine", "アドレナリン"),
        ("septic shock", "敗血症性ショック"),
    ]
