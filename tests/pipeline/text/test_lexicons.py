import subprocess
import sys
from collections import Counter

import pytest

from pipeline.text.lexicon import lexicon

LANGUAGES = ["en", "zh", "ja", "fr", "ru", "es"]


@pytest.mark.parametrize("name", ["negation", "mask"])
def test_every_language_has_its_words(name: str) -> None:
    table = lexicon(name)
    assert sorted(table) == sorted(LANGUAGES)
    for language in LANGUAGES:
        assert all(isinstance(word, str) for words in table[language].values() for word in words)


def test_no_spelling_names_two_units() -> None:
    spellings = Counter(item for items in lexicon("measures").values() for item in items)
    assert [spelling for spelling, count in spellings.items() if count > 1] == []


def test_importing_the_text_functions_loads_nothing_heavy() -> None:
    modules = ["normalize", "units", "shingles", "numbers", "negation", "language", "mask"]
    heavy = {"polars", "pandas", "numpy", "pyarrow", "fasttext", "yaml"}
    lines = [f"import pipeline.text.{module}" for module in modules]
    code = ";".join(["import sys", *lines, f"print(sorted({heavy!r} & set(sys.modules)))"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
