"""The gold set of translations is whole, and every mutation changes what its name says."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import permutations

import pytest

from benchmarks.translation_checks import MEANT, Direction, spoil
from benchmarks.translation_items import Fields, Parallel, following, read_gold
from benchmarks.translation_mutations import (
    LISTS,
    TEXT_MUTATIONS,
    has_one_negation,
    lose_negation,
)
from schemas.item import LANGUAGES, LETTERS, Language

GOLD = read_gold()
DIGITS = re.compile(r"[0-9⁰¹²³⁴⁵⁶⁷⁸⁹]")


def texts_of(fields: Fields) -> Iterator[str]:
    for value in fields.values():
        yield from [value] if isinstance(value, str) else value


def mutated(name: str, language: Language) -> list[tuple[str, str]]:
    """Return every text of the gold set that a mutation has a place in, and what becomes of it."""
    found = []
    for item in GOLD:
        for text in texts_of(item.fields[language]):
            chance = random.Random(f"{item.id} {name}")
            changed = TEXT_MUTATIONS[name](text, language, chance)
            if changed is not None:
                found.append((text, changed))
    assert len(found) > 10
    return found


def test_gold_set_has_a_hundred_items_with_names_of_their_own() -> None:
    assert len(GOLD) >= 100
    assert max(Counter(item.id for item in GOLD).values()) == 1
    assert sum("options" in item.fields["en"] for item in GOLD) >= 20


@pytest.mark.parametrize("item", GOLD, ids=lambda item: item.id)
def test_item_has_the_same_fields_in_six_languages(item: Parallel) -> None:
    assert tuple(item.fields) == LANGUAGES
    assert {frozenset(fields) for fields in item.fields.values()} == {frozenset(item.fields["en"])}
    assert all(text.strip() == text != "" for f in item.fields.values() for text in texts_of(f))


@pytest.mark.parametrize(
    "item", [item for item in GOLD if "options" in item.fields["en"]], ids=lambda item: item.id
)
def test_options_are_equal_in_number_and_distinct_and_the_key_is_one_of_them(
    item: Parallel,
) -> None:
    for fields in item.fields.values():
        assert len(fields["options"]) == len(item.fields["en"]["options"]) == 4
        assert len(set(fields["options"])) == 4
    assert item.key in LETTERS[:4]


@pytest.mark.parametrize("item", GOLD, ids=lambda item: item.id)
def test_opposite_is_written_in_all_languages_and_fits_its_text_once(item: Parallel) -> None:
    assert len({len(item.flips[language]) for language in LANGUAGES}) == 1
    for language in LANGUAGES:
        for flip in item.flips[language]:
            text = item.fields[language][flip.field]
            assert text.count(flip.old) == 1
            assert text.replace(flip.old, flip.new) != text


@pytest.mark.parametrize("language", LANGUAGES)
def test_digit_is_the_only_character_that_changes(language: Language) -> None:
    for text, changed in mutated("digit", language):
        pairs = [pair for pair in zip(text, changed, strict=True) if pair[0] != pair[1]]
        assert len(pairs) == 1
        assert all(map(DIGITS.match, pairs[0]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_dropped_number_takes_nothing_else_along(language: Language) -> None:
    for text, changed in mutated("number_dropped", language):
        start = next(
            (place for place, (a, b) in enumerate(zip(text, changed, strict=False)) if a != b),
            len(changed),
        )
        lost = text[start : start + len(text) - len(changed)]
        assert text[:start] + text[start + len(lost) :] == changed
        assert re.fullmatch(r"[0-9., \u00a0\u202f]*[0-9][0-9., \u00a0\u202f]*", lost)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["swap", "swap_of_one_unit"])
def test_swapped_numbers_are_all_still_there(name: str, language: Language) -> None:
    for text, changed in mutated(name, language):
        assert text != changed
        assert Counter(text) == Counter(changed)
        assert DIGITS.sub("", re.sub("[.,  \u202f]", "", text)) == DIGITS.sub(
            "", re.sub("[.,  \u202f]", "", changed)
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_changed_unit_leaves_the_numbers_as_they_are(language: Language) -> None:
    for text, changed in mutated("unit", language):
        assert text != changed
        assert DIGITS.findall(text.replace("cmH2O", "")) == DIGITS.findall(
            changed.replace("cmH2O", "")
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_swapped_drug_is_another_one_of_the_list_and_no_other_word_changes(
    language: Language,
) -> None:
    names = [row[LANGUAGES.index(language)] for row in LISTS["drugs"]]
    starts = {name[:5] for name in names}  # what Russian endings leave as it is
    for text, changed in mutated("drug", language):
        before, after = ({name for name in names if name in one.lower()} for one in (text, changed))
        assert after - before
        kept = [word for word in re.findall(r"\w+", text) if word.lower()[:5] not in starts]
        assert language in ("zh", "ja") or all(word in changed for word in kept)


@pytest.mark.parametrize("language", LANGUAGES)
def test_cut_keeps_the_first_half(language: Language) -> None:
    for text, changed in mutated("cut", language):
        assert text.startswith(changed)
        assert 0.2 * len(text) < len(changed) <= 0.5 * len(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_chatter_stands_beside_the_whole_translation(language: Language) -> None:
    for text, changed in mutated("chatter", language):
        assert text in changed
        assert len(changed) > len(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_in_names_are_left_alone(language: Language) -> None:
    chance = random.Random(1)
    for name in ("COVID-19", "CYP3A4", "B12", "2019-nCoV", "H1N1", "SARS-CoV-2", "CO2"):
        assert TEXT_MUTATIONS["digit"](name, language, chance) is None
        assert TEXT_MUTATIONS["number_dropped"](name, language, chance) is None


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("es", "La vacuna no protege a todos.", "La vacuna protege a todos."),
        ("fr", "Le vaccin ne protège pas tout le monde.", "Le vaccin protège tout le monde."),
        ("ru", "Вакцина не защищает всех.", "Вакцина защищает всех."),
        ("zh", "该疫苗不能保护所有人。", "该疫苗能保护所有人。"),
        ("es", "No hay fiebre ni tos, y no duele.", None),
        ("fr", "Il ne tousse pas seulement la nuit.", None),
        ("ru", "Вакцина защищает не только детей.", None),
        ("zh", "两组结果不同。", None),
    ],
)
def test_negation_is_lost_only_where_it_is_the_only_one(
    language: Language, text: str, expected: str | None
) -> None:
    assert lose_negation(text, language, random.Random(1)) == expected


def test_sentence_with_two_negations_is_not_counted_as_having_one() -> None:
    assert has_one_negation("It does not hurt.")
    assert not has_one_negation("It doesn't hurt, and there is no fever.")
    assert not has_one_negation("It hurts.")


@pytest.mark.parametrize(("source", "target"), list(permutations(LANGUAGES, 2)))
def test_item_is_spoiled_in_one_field_alone(source: Language, target: Language) -> None:
    for index, item in enumerate(GOLD):
        good = item.fields[target]
        for mutation, bad in spoil(item, following(GOLD, index), Direction(source, target)):
            assert bad.keys() == good.keys()
            assert sum(bad[name] != good[name] for name in good) == 1, (item.id, mutation)
            assert mutation in MEANT


@pytest.mark.parametrize("target", LANGUAGES)
def test_spoiled_options_say_what_became_of_them(target: Language) -> None:
    found = Counter[str]()
    to = Direction("ru" if target != "ru" else "en", target)
    for item in (item for item in GOLD if "options" in item.fields["en"]):
        good = item.fields[target]["options"]
        for mutation, fields in spoil(item, item, to):
            options = fields["options"]
            found[mutation] += options != good
            if mutation == "option_dropped":
                assert len(options) == 3
                assert set(options) < set(good)
            elif mutation == "option_repeated":
                assert len(options) == 4
                assert len(set(options)) == 3
            elif mutation == "options_swapped":
                assert sorted(options) == sorted(good)
            elif mutation == "one_option_copied":
                assert sum(a != b for a, b in zip(options, good, strict=True)) == 1
    assert found["option_dropped"] == found["option_repeated"] == found["options_swapped"] >= 20
    assert found["one_option_copied"] >= 8


@pytest.mark.parametrize("target", LANGUAGES)
def test_same_trial_is_the_same_again(target: Language) -> None:
    to = Direction("ru" if target != "ru" else "en", target)
    for item in GOLD[:20]:
        assert list(spoil(item, item, to)) == list(spoil(item, item, to))
