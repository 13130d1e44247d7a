"""Clinical sentences pass as they are, and what is changed in them is found, in six languages."""

from __future__ import annotations

import pytest

from pipeline.translation.checks import check_item, check_text
from schemas.item import Language
from tests.pipeline.translation.clinical import AT_LEAST, CLINICAL, SEPSIS
from tests.pipeline.translation.parallel import DIRECTIONS

# A Japanese sentence has words that a short one of another language lacks: known alarms.
TOO_SHORT = {("chew", "ja", "en"), ("next_step", "ja", "en"), ("next_step", "ja", "ru")}
TURNED: dict[str, dict[Language, tuple[str, str]]] = {
    "denies": {
        "en": ("denies", "reports"),
        "zh": ("否认", "诉"),
        "ja": ("を否定し", "を訴え"),
        "fr": ("nie", "signale"),
        "ru": ("отрицает", "отмечает"),
        "es": ("niega", "refiere"),
    },
    "avoid": {
        "en": ("avoid", "drink"),
        "zh": ("避免", ""),
        "ja": ("を避ける", "をする"),
        "fr": ("éviter", "boire"),
        "ru": ("избегать", "пить"),
        "es": ("evitar", "tomar"),
    },
    "unlikely": {
        "en": ("unlikely", "likely"),
        "zh": ("不太可能", "很可能"),
        "ja": ("低い", "高い"),
        "fr": ("peu probable", "probable"),
        "ru": ("маловероятен", "вероятен"),
        "es": ("poco probable", "probable"),
    },
    "absent": {
        "en": ("absent", "present"),
        "zh": ("消失", "存在"),
        "ja": ("消失", "存在"),
        "fr": ("absents", "présents"),
        "ru": ("отсутствовали", "определялись"),
        "es": ("ausentes", "presentes"),
    },
    "rule_out": {
        "en": ("cannot", "can"),
        "zh": ("不能", "能"),
        "ja": ("できない", "できる"),
        "fr": ("ne permet pas", "permet"),
        "ru": ("не позволяет", "позволяет"),
        "es": ("no permite", "permite"),
    },
    "needless": {
        "en": ("not required", "required"),
        "zh": ("无需", "需要"),
        "ja": ("不要", "必要"),
        "fr": ("n'est pas", "est"),
        "ru": ("не требуется", "требуется"),
        "es": ("No es", "Es"),
    },
    "freeze": {
        "en": ("must not", "must"),
        "zh": ("不得", "必须"),
        "ja": ("てはならない", "なければならない"),
        "fr": ("ne doit pas", "doit"),
        "ru": ("нельзя", "нужно"),
        "es": ("no debe", "debe"),
    },
}


def checks(source: str, target: str, own: Language, other: Language) -> set[str]:
    return {one.check for one in check_text(source, target, own, other)}


@pytest.mark.parametrize("name", CLINICAL)
@pytest.mark.parametrize(("own", "other"), DIRECTIONS)
def test_clauses_in_another_order_and_other_wordings_pass(
    name: str, own: Language, other: Language
) -> None:
    expected = {"length"} if (name, own, other) in TOO_SHORT else set()
    assert checks(CLINICAL[name][own], CLINICAL[name][other], own, other) == expected


@pytest.mark.parametrize(("own", "other"), DIRECTIONS)
def test_numbers_exchanged_within_a_range_are_found(own: Language, other: Language) -> None:
    exchanged = SEPSIS[other].replace("140", "#").replace("22", "140").replace("#", "22")
    assert "numbers" in checks(SEPSIS[own], exchanged, own, other)


@pytest.mark.parametrize("name", TURNED)
@pytest.mark.parametrize(("own", "other"), DIRECTIONS)
def test_negation_lost_or_turned_is_found(name: str, own: Language, other: Language) -> None:
    good = CLINICAL[name][other]
    turned = good.replace(*TURNED[name][other])
    assert turned != good
    assert "negation" in checks(CLINICAL[name][own], turned, own, other)


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("en", "At least", "At most"),
        ("zh", "至少", "至多"),
        ("ja", "少なくとも40", "多くても40"),
        ("fr", "Au moins", "Au plus"),
        ("ru", "По меньшей мере", "По большей мере"),
        ("es", "Al menos", "Como máximo"),
    ],
)
def test_at_least_turned_into_at_most_is_found(language: Language, old: str, new: str) -> None:
    turned = AT_LEAST[language].replace(old, new)
    for own in AT_LEAST:
        if own != language:
            assert "numbers" in checks(AT_LEAST[own], turned, own, language)


def test_values_with_words_of_comparison_are_no_labels() -> None:
    source = {"question": "Which pH?", "options": ["over 4.0", "over 5.0"]}
    target = {"question": "pHはどれか。", "options": ["4.0超", "5.0超"]}
    assert "options" not in {one.check for one in check_item(source, target, "en", "ja")}


@pytest.mark.parametrize(
    ("language", "opening", "closing"),
    [
        ("en", "Sure thing! ", "I hope this helps."),
        ("zh", "好的。", "如有疑问，请告诉我。"),
        ("ja", "わかりました。", "お役に立てれば幸いです。"),
        ("fr", "D'accord ! ", "N'hésitez pas à demander."),
        ("ru", "Конечно! ", "Если нужно, обращайтесь."),
        ("es", "¡Claro! ", "Espero que le sirva."),
    ],
)
def test_polite_opening_and_closing_are_chatter(
    language: Language, opening: str, closing: str
) -> None:
    own: Language = "en" if language != "en" else "es"
    source, good = SEPSIS[own], SEPSIS[language]
    for target in (opening + good, f"{good}\n\n{closing}", f"**Translation:** {good}"):
        assert "chatter" in checks(source, target, own, language)
