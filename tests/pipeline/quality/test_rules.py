"""The rules of quality: each sees its fault in every language, and leaves what only looks alike."""

from __future__ import annotations

import pytest

from pipeline.quality.rules import RULES
from pipeline.text.lexicon import lexicon
from schemas.item import LANGUAGES, SCORE_NAMES
from schemas.ledger import REASONS
from tests.pipeline.quality.cases import FAULTS, scores
from tests.pipeline.stages.rows import SAMPLES, mcq, qa, sample_mcq, sample_qa


def test_every_rule_has_a_score_and_a_reason() -> None:
    names = [rule.name for rule in RULES]
    assert list(SCORE_NAMES)[-len(names) - 1 : -1] == names
    assert set(names) <= set(REASONS)


def test_every_language_has_words_for_every_rule() -> None:
    table = lexicon("quality_words")
    assert sorted(table) == sorted(LANGUAGES)
    assert {tuple(kinds) for kinds in table.values()} == {tuple(table["en"])}


@pytest.mark.parametrize("language", LANGUAGES)
def test_sound_records_score_nothing(language: str) -> None:
    names = {rule.name for rule in RULES}
    for row in (sample_mcq(language), sample_qa(language)):
        assert {n: v for n, v in scores(row).items() if n in names and v} == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("column", ["question", "options", "rationale"])
def test_fault_of_a_text_counts_wherever_it_stands(language: str, column: str) -> None:
    row = sample_mcq(language, rationale=SAMPLES[language].answer)
    assert scores(row)["mojibake"] == scores(row)["markup"] == 0
    fault = "<br><br> \ufffd\ufffd "
    changed = [fault, *row["options"][1:]] if column == "options" else fault + row[column]
    row = row | {column: changed, "answer": (changed if column == "options" else row["options"])[0]}
    found = scores(row)
    assert found["markup"] == 2
    assert (found["mojibake"] or 0) >= 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_keyed_option_is_counted_once(language: str) -> None:
    fault = f"{SAMPLES[language].options[0]} <b>"
    row = mcq(SAMPLES[language].question, (fault, "B."), language=language)
    assert scores(row)["markup"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_answer_that_repeats_itself(language: str) -> None:
    question, answer = SAMPLES[language].open_question, SAMPLES[language].answer
    once = scores(qa(question, answer, language))
    thrice = scores(qa(question, " ".join([answer] * 5), language))
    for name in ("repeated_ngrams", "repeated_paragraph"):
        assert once[name] == 0
        assert (thrice[name] or 0) >= 0.5


@pytest.mark.parametrize("language", LANGUAGES)
def test_question_about_a_picture_that_is_not_there(language: str) -> None:
    options = SAMPLES[language].options
    with_picture = mcq(FAULTS[language].picture, options, language=language)
    without = mcq(FAULTS[language].no_picture, options, language=language)
    assert scores(with_picture)["image_dependent"] != 0
    assert scores(without)["image_dependent"] == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_question_that_needs_an_earlier_item(language: str) -> None:
    fault, options = FAULTS[language], SAMPLES[language].options
    for question in (fault.earlier_item, fault.earlier_patient):
        assert scores(mcq(question, options, language=language))["linked_case"] == 1, question
    assert scores(mcq(fault.introduced, options, language=language))["linked_case"] == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_patient_of_the_context_is_known(language: str) -> None:
    row = mcq(
        FAULTS[language].earlier_patient,
        SAMPLES[language].options,
        language=language,
        context=FAULTS[language].introduced,
    )
    assert scores(row)["linked_case"] == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_options_named_by_number_are_worse_than_by_letter(language: str) -> None:
    sample, fault = SAMPLES[language], FAULTS[language]
    for option, score in ((fault.by_letters, 1), (fault.by_numbers, 2)):
        row = mcq(sample.question, (*sample.options[:2], option), language=language)
        assert scores(row)["option_names_options"] == score, option


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "options",
    [
        ("A", "B", "AB", "0"),  # blood groups
        ("1-2", "2-3", "3-4", "4"),
        ("CoA", "FAD", "NAD+", "FMN"),
        ("A, B", "A, C", "B, C", "A, B, C"),  # statements of the question
    ],
)
def test_options_that_look_like_labels_name_nothing(
    language: str, options: tuple[str, ...]
) -> None:
    row = mcq(SAMPLES[language].question, options, language=language)
    assert scores(row)["option_names_options"] == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_of_the_above_is_sound_as_the_last_option_alone(language: str) -> None:
    question, options = SAMPLES[language].question, SAMPLES[language].options
    above = FAULTS[language].above
    last = mcq(question, (*options[:3], above), language=language)
    first = mcq(question, (above, *options[:3]), language=language)
    assert scores(last)["above_not_last"] == 0
    assert scores(first)["above_not_last"] == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_rationale_that_names_another_key(language: str) -> None:
    sample, rationale = SAMPLES[language], FAULTS[language].key_b
    for keyed, score in ((0, 1), (1, 0)):
        row = mcq(sample.question, sample.options, (keyed,), language=language, rationale=rationale)
        assert scores(row)["rationale_other_key"] == score


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholder_among_the_options_counts(language: str) -> None:
    sample, fault = SAMPLES[language], FAULTS[language]
    row = mcq(sample.question, (*sample.options[:3], fault.not_recalled), language=language)
    assert scores(row)["placeholder"] == 1
    # "None" and the like may be the right option.
    row = mcq(sample.question, (*sample.options[:3], fault.no_answer), language=language)
    assert scores(row)["placeholder"] == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answer", ["-", "…", "NaN", "N/A", "xxx", ""])
def test_open_answer_that_says_nothing(language: str, answer: str) -> None:
    question, fault = SAMPLES[language].open_question, FAULTS[language]
    for text in (answer or fault.no_answer, fault.not_recalled):
        assert scores(qa(question, text, language))["placeholder"] == 1, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholder_as_rationale_counts_half(language: str) -> None:
    row = sample_mcq(language, rationale=FAULTS[language].no_answer)
    assert scores(row)["placeholder"] == 0.5


@pytest.mark.parametrize("language", LANGUAGES)
def test_answer_that_is_the_question(language: str) -> None:
    question, answer = SAMPLES[language].open_question, SAMPLES[language].answer
    assert scores(qa(question, question.upper(), language))["answer_repeats_question"] == 1
    restated = scores(qa(question, f"{question} {answer}", language))["answer_repeats_question"]
    assert restated is not None
    assert 0 < restated < 0.7


@pytest.mark.parametrize("language", LANGUAGES)
def test_option_that_is_the_question(language: str) -> None:
    sample = SAMPLES[language]
    row = mcq(sample.question, (*sample.options[:2], sample.question), language=language)
    assert scores(row)["option_repeats_question"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_answer_that_is_no_option(language: str) -> None:
    sample = SAMPLES[language]
    assert scores(sample_mcq(language, answer=sample.answer))["answer_not_option"] == 1
    several = mcq(sample.question, sample.options, (0, 2), language)
    assert scores(several)["answer_not_option"] == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_rules_say_nothing_where_they_do_not_apply(language: str) -> None:
    found = scores(sample_qa(language))
    of_choices = ("answer_not_option", "option_names_options", "rationale_other_key")
    assert [found[name] for name in of_choices] == [None, None, None]
    assert scores(sample_mcq(language))["answer_repeats_question"] is None
    code = qa(SAMPLES[language].open_question, "J30", language, form="classification")
    assert {scores(code)[rule.name] for rule in RULES} == {None}


@pytest.mark.parametrize("role", ["validation", "benchmark", "reference"])
def test_rows_that_are_not_for_training_are_not_judged(role: str) -> None:
    row = mcq(FAULTS["en"].picture, SAMPLES["en"].options, role=role)
    assert {scores(row)[rule.name] for rule in RULES} == {None}
