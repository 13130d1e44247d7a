"""Language: what a record is written in, told from its whole text; nothing is dropped."""

from __future__ import annotations

import pytest

from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import SAMPLES, make, mcq, qa, run, sample_mcq, sample_qa


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_is_recognised_with_confidence(language: str) -> None:
    kept, dropped = run(make("language"), sample_mcq(language), sample_qa(language))
    assert [row["detected_language"] for row in kept] == [language] * 2
    assert all(row["language_confidence"] > 0.5 for row in kept)
    assert dropped == {}


@pytest.mark.parametrize("declared", LANGUAGES)
@pytest.mark.parametrize("written", LANGUAGES)
def test_declared_language_is_kept_beside_the_one_that_is_found(
    declared: str, written: str
) -> None:
    sample = SAMPLES[written]
    [row], _ = run(make("language"), qa(sample.open_question, sample.answer, declared))
    assert (row["language"], row["detected_language"]) == (declared, written)


@pytest.mark.parametrize("language", LANGUAGES)
def test_record_is_judged_as_a_whole_so_that_latin_options_do_not_decide(language: str) -> None:
    organisms = ("Escherichia coli", "Klebsiella pneumoniae", "Proteus mirabilis")
    [row], _ = run(make("language"), mcq(SAMPLES[language].question, organisms, (0,), language))
    assert row["detected_language"] == language


def test_text_too_short_to_tell_is_undetermined() -> None:
    [row], _ = run(make("language"), mcq("HBsAg?", ("+", "−"), (0,), "fr"))
    assert (row["detected_language"], row["language_confidence"]) == ("und", 0.0)
