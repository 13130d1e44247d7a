from collections import Counter
from importlib.resources import files
from itertools import chain, combinations
from typing import Any

import pytest
import yaml

from pipeline.text.normalize import comparison_key
from schemas.item import LANGUAGES

KEYS = ["contrasts", "affixes", "lookalikes", "equivalents"]


def read(language: str) -> dict[str, Any]:
    path = files("pipeline.dedup").joinpath("lexicons", f"{language}.yaml")
    lists: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return lists


def groups(language: str, *keys: str) -> list[list[str]]:
    lists = read(language)
    found: list[list[str]] = []
    for key in keys:
        found += chain(*lists[key].values()) if key == "contrasts" else lists[key]
    return found


def pairs(found: list[list[str]]) -> set[frozenset[str]]:
    return {frozenset(pair) for group in found for pair in combinations(group, 2)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_list(language: str) -> None:
    lists = read(language)
    assert list(lists) == KEYS
    assert all(lists.values())
    assert all(lists["contrasts"].values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_groups_have_two_members_or_more_and_no_repeats(language: str) -> None:
    found = groups(language, "contrasts", "lookalikes", "equivalents")
    assert [group for group in found if len(group) < 2 or len(set(group)) < len(group)] == []
    affixes = Counter(read(language)["affixes"])
    assert [affix for affix, count in affixes.items() if count > 1] == []


@pytest.mark.parametrize("key", ["contrasts", "lookalikes", "equivalents"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_group_is_listed_twice(language: str, key: str) -> None:
    listed = Counter(frozenset(group) for group in groups(language, key))
    assert [sorted(group) for group, count in listed.items() if count > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_written_as_folded_texts_are(language: str) -> None:
    words = set(chain(*groups(language, "contrasts", "lookalikes", "equivalents")))
    words |= {affix.strip("*") for affix in read(language)["affixes"]}
    assert {w: comparison_key(w, language) for w in words if comparison_key(w, language) != w} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_affixes_say_on_which_side_they_stand(language: str) -> None:
    affixes = read(language)["affixes"]
    assert [a for a in affixes if a.startswith("*") == a.endswith("*")] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_says_the_same_is_no_contrast_and_no_lookalike(language: str) -> None:
    different = pairs(groups(language, "contrasts", "lookalikes"))
    assert sorted(map(sorted, pairs(groups(language, "equivalents")) & different)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_spelling_has_one_group_of_equivalents(language: str) -> None:
    spellings = Counter(chain(*groups(language, "equivalents")))
    assert [spelling for spelling, count in spellings.items() if count > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_words_contrast_in_one_category(language: str) -> None:
    by_pair: dict[frozenset[str], set[str]] = {}
    for category, found in read(language)["contrasts"].items():
        for pair in pairs(found):
            by_pair.setdefault(pair, set()).add(category)
    assert {tuple(sorted(p)): c for p, c in by_pair.items() if len(c) > 1} == {}
