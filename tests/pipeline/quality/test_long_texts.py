"""Texts made to keep a pattern busy: each rule answers at once, and says what it should."""

from __future__ import annotations

import pytest

from schemas.item import LANGUAGES
from tests.pipeline.quality.cases import FAULTS, scores
from tests.pipeline.stages.rows import SAMPLES, mcq, qa

NUM_REPEATS = 5_000  # 16 took 10 s where spaces could be read in two ways

JOINS = {"en": "and", "zh": "和", "ja": "と", "fr": "et", "ru": "и", "es": "e"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_option_of_thousands_of_joins_is_a_text_of_its_own(language: str) -> None:
    sample, join = SAMPLES[language], JOINS[language]
    by_numbers = FAULTS[language].by_numbers  # a suspect: all options of its row are read
    # In Spanish "e" is a label and the word "and": " e e e" has many readings.
    for repeated in (" , ", f" {join}", f"  {join}  ", " , B", f" {join} B", " ", "("):
        option = "A" + repeated * NUM_REPEATS + " x!"
        alone = mcq(sample.question, (*sample.options[:2], option), language=language)
        assert scores(alone)["option_names_options"] == 0, repeated
        options = (*sample.options[:2], option, by_numbers)
        beside = mcq(sample.question, options, language=language)
        assert scores(beside)["option_names_options"] == 2, repeated


@pytest.mark.parametrize("language", LANGUAGES)
def test_thousands_of_labels_still_name_options(language: str) -> None:
    sample, join = SAMPLES[language], JOINS[language]
    for repeated in (" , B", f" {join} B", f" , {join} B", f"  {join}  B"):
        option = "A" + repeated * NUM_REPEATS
        row = mcq(sample.question, (*sample.options[:2], option), language=language)
        assert scores(row)["option_names_options"] == 1, repeated


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fault", [" www.example.org", " &nbsp; ", " \ufffd "])
def test_only_the_beginning_of_a_huge_text_is_counted(language: str, fault: str) -> None:
    question, word = SAMPLES[language].open_question, "x" * 150_000
    name = {" www.example.org": "urls", " &nbsp; ": "markup"}.get(fault, "mojibake")
    assert scores(qa(question, fault + word, language))[name] == 1
    assert scores(qa(question, word + fault, language))[name] == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_end_of_a_huge_answer_is_read(language: str) -> None:
    sentence = SAMPLES[language].answer + " "
    answer = sentence * (150_000 // len(sentence))
    question = SAMPLES[language].open_question
    assert scores(qa(question, answer, language))["cut_off"] == 0
    assert scores(qa(question, answer + "(", language))["cut_off"] == 1
