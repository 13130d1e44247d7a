"""Language: what a record is written in, told from its whole text; nothing is dropped."""

from __future__ import annotations

import pytest

from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import SAMPLES, flag, make, mcq, qa, run, sample_mcq, sample_qa


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


@pytest.mark.parametrize("declared", LANGUAGES)
@pytest.mark.parametrize("other", LANGUAGES)
def test_options_in_another_language_are_flagged_with_the_span(declared: str, other: str) -> None:
    answers = tuple(SAMPLES[one].answer for one in (other, other))
    row = mcq(SAMPLES[declared].question + SAMPLES[declared].answer, answers, (0,), declared)
    [judged], dropped = run(make("language"), row)
    assert dropped == {}
    if declared == other:
        assert judged["flags"] == []
        return
    [found] = judged["flags"]
    assert found["name"] == "mixed_language"
    # A Chinese question over Japanese options is a Japanese record with a Chinese span.
    span, _, text = found["evidence"].partition(": ")
    assert {span, judged["detected_language"]} == {declared, other}
    assert SAMPLES[span].answer[:20] in text or SAMPLES[span].question[:20] in text
    assert 0.1 < found["value"] < 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_untranslated_rationale_is_flagged(language: str) -> None:
    other = "en" if language != "en" else "fr"
    [row], _ = run(make("language"), sample_mcq(language, rationale=SAMPLES[other].answer))
    assert row["detected_language"] == language
    assert [one["name"] for one in row["flags"]] == ["mixed_language"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_run_replaces_its_own_flag_and_keeps_the_others(language: str) -> None:
    other = "en" if language != "en" else "fr"
    rationale = SAMPLES[other].answer
    row = sample_mcq(language, rationale=rationale, flags=[flag("linked_case", "question 2")])
    once, _ = run(make("language"), row)
    twice, _ = run(make("language"), *once)
    assert once == twice
    assert [one["name"] for one in twice[0]["flags"]] == ["linked_case", "mixed_language"]
    corrected, _ = run(make("language"), {**twice[0], "rationale": ""})
    assert [one["name"] for one in corrected[0]["flags"]] == ["linked_case"]


def test_a_shard_without_rows_stays_one() -> None:
    assert run(make("language")) == ([], {})
