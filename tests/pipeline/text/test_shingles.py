import pytest

from pipeline.text.normalize import comparison_key
from pipeline.text.shingles import jaccard, shingles


@pytest.mark.parametrize(
    ("language", "text", "size"),
    [
        ("en", "Iron deficiency anemia", 5),
        ("zh", "缺铁性贫血的治疗", 3),
        ("ja", "鉄欠乏性貧血の治療", 3),
        ("fr", "Anémie ferriprive", 5),
        ("ru", "Железодефицитная анемия", 5),
        ("es", "Anemia ferropénica", 5),
    ],
)
def test_shingles_have_the_size_of_the_language(language: str, text: str, size: int) -> None:
    key = comparison_key(text, language)
    grams = shingles(key, language)
    assert {len(gram) for gram in grams} == {size}
    assert all(gram in key for gram in grams)
    assert jaccard(grams, grams) == 1.0


@pytest.mark.parametrize("language", ["en", "zh", "ja", "fr", "ru", "es"])
def test_a_short_key_is_its_own_shingle(language: str) -> None:
    assert shingles("hb", language) == {"hb"}
    assert shingles("", language) == set()


def test_jaccard_of_known_sets() -> None:
    assert jaccard({"a", "b", "c"}, {"b", "c", "d"}) == 0.5
    assert jaccard(set(), set()) == 0.0
    assert jaccard(set(), {"a"}) == 0.0
