import time

import pytest

from pipeline.text.units import count_units


@pytest.mark.parametrize(
    ("language", "text", "units"),
    [
        ("en", "Take 5 mg - twice daily.", 5),
        ("zh", "糖尿病，HbA1c 6.5%。", 10),
        ("ja", "カルテを 見る。", 6),
        ("fr", "L'eau : 2 verres !", 3),
        ("ru", "Боль — в спине.", 3),
        ("es", "¿Qué es la anemia?", 4),
        ("en", "", 0),
        ("zh", "。！ ", 0),
    ],
)
def test_characters_are_counted_in_zh_and_ja_words_elsewhere(
    language: str, text: str, units: int
) -> None:
    assert count_units(text, language) == units


@pytest.mark.parametrize("language", ["en", "zh"])
def test_long_run_of_punctuation_is_counted_at_once(language: str) -> None:
    start = time.process_time()
    assert count_units("(" * 200_000 + "a b", language) == 2
    assert time.process_time() - start < 1
