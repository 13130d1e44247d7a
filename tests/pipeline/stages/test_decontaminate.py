"""Decontaminate: no train row repeats, translates or belongs to a held-out question."""

from __future__ import annotations

import pytest

from schemas.item import LANGUAGES
from tests.pipeline.contamination.scans import SCANS
from tests.pipeline.stages.cases import CASES
from tests.pipeline.stages.rows import (
    SAMPLES,
    Decided,
    Row,
    decide,
    make,
    mcq,
    qa,
    sample_mcq,
    sample_qa,
)


def judge(*rows: Row) -> Decided:
    return decide(make("decontaminate"), *rows)


def benchmark(language: str, **changes: object) -> Row:
    """Return the sample question of a language as a benchmark item."""
    values = {"id": f"bench-{language}", "role": "benchmark", "source": "exam"}
    return sample_mcq(language, **(values | changes))


@pytest.mark.parametrize("language", LANGUAGES)
def test_benchmark_question_leaves_whatever_its_typesetting(language: str) -> None:
    question = f"  12. {SAMPLES[language].question.upper()} \n".replace("?", " ？")
    train = sample_mcq(language, id="t", question=question)
    decided = judge(train, benchmark(language), sample_qa(language, id="other"))
    assert decided.drops() == {"t": "benchmark_question"}
    assert decided.partners() == {"t": f"bench-{language}"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_benchmark_question_is_recognised_by_one_common_option(language: str) -> None:
    """Reprints of an exam keep some of its options, and may have another key."""
    question, options, *_ = SAMPLES[language]
    train = mcq(question, ("β", f" {options[2].upper()}."), (0,), language, id="t")
    assert judge(train, benchmark(language)).drops() == {"t": "benchmark_question"}


STEMS = {
    "en": "Which of these is true?",
    "zh": "下列哪项正确？",
    "ja": "正しいのはどれか。",
    "fr": "Laquelle est exacte ?",
    "ru": "Что из этого верно?",
    "es": "¿Cuál es la correcta?",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_stem_with_other_options_is_another_question(language: str) -> None:
    train = mcq(STEMS[language], SAMPLES[language].options, (1,), language, id="t")
    other = mcq(STEMS[language], ("β", "γ"), (0,), language, id="b", role="benchmark")
    assert judge(train, other).drops() == {}
    without_options = qa(STEMS[language], "", language, id="b", role="benchmark")
    assert judge(train, without_options).drops() == {"t": "benchmark_question"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_long_question_is_the_benchmarks_whatever_its_options(language: str) -> None:
    question = f"{CASES[language].question} {SAMPLES[language].question}"
    train = mcq(question, ("β", "γ"), (1,), language, id="t")
    held_out = benchmark(language, question=question)
    assert judge(train, held_out).drops() == {"t": "benchmark_question"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_open_question_is_the_benchmarks_whatever_its_answer(language: str) -> None:
    train = qa(SAMPLES[language].question, "β", language, id="t")
    assert judge(train, benchmark(language)).drops() == {"t": "benchmark_question"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_worse_scan_of_a_benchmark_question_leaves(language: str) -> None:
    scan = SCANS[language]
    rows = [
        mcq(scan.scanned_question, scan.scanned_options[::-1], (0,), language, id="t"),
        mcq(scan.question, scan.options, (0,), language, id="b", role="benchmark"),
    ]
    decided = judge(*rows)
    assert decided.drops() == {"t": "benchmark_similar"}
    assert 0.8 < decided.rows[0]["value"] < 1


RUN = (
    "the patient lies on the left side with both knees drawn up to the chest while the back is bent"
)


@pytest.mark.parametrize("role", ["benchmark", "validation"])
def test_run_of_64_letters_is_flagged_with_item_and_text(role: str) -> None:
    rows = [
        qa("How is the puncture prepared?", f"Begin: {RUN.upper()}; then wash.", "en", id="t"),
        sample_qa("en", id="other"),
        qa(f"Why must it be that {RUN}, as a rule of the ward has it for years?", "", "en", id="b")
        | {"role": role},
    ]
    decided = judge(*rows)
    assert decided.drops() == {}
    [flag] = decided.rows
    assert flag["decision"] == "flag"
    assert (flag["id"], flag["reason"], flag["other_id"]) == ("t", f"{role}_run", "b")
    assert flag["evidence"] == RUN
    assert flag["value"] == len(RUN.replace(" ", ""))


def test_run_of_64_letters_drops_the_group_where_the_recipe_asks_for_it() -> None:
    rows = [
        qa("How is the puncture prepared?", f"Begin: {RUN}.", "en", id="t", group_id="g"),
        sample_qa("ru", id="twin", group_id="g"),
        qa(f"Why must it be that {RUN}, as a rule?", "", "en", id="b", role="benchmark"),
    ]
    decided = decide(make("decontaminate", drop_runs=True), *rows)
    assert decided.drops() == {"t": "benchmark_run", "twin": "benchmark_run"}
    assert decided.flags() == {}
    assert {one["evidence"] for one in decided.rows} == {RUN}


def test_rows_that_leave_for_another_reason_are_not_flagged_too() -> None:
    decided = judge(sample_mcq("en", id="t"), benchmark("en"))
    assert decided.drops() == {"t": "benchmark_question"}
    assert decided.flags() == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_translation_of_a_benchmark_item_leaves_by_its_root(language: str) -> None:
    other = "ja" if language != "ja" else "ru"
    rows = [sample_mcq(language, id="t", root_id="r"), benchmark(other, root_id="r")]
    decided = judge(*rows)
    assert decided.drops() == {"t": "benchmark_root"}
    assert decided.rows[0]["evidence"] == f"exam ({other})"


def test_evidence_names_every_way_in_which_an_item_was_found() -> None:
    stem = f"Why must it be that {RUN}, as a rule of the ward has it for years?"
    train = mcq(stem, ("β", "γ"), (0,), "en", id="t", root_id="r")
    held_out = mcq(
        stem, ("β", "γ"), (0,), "en", id="b", root_id="r", role="benchmark", source="exam"
    )
    [drop] = judge(train, held_out).rows
    assert drop["reason"] == "benchmark_root"
    assert drop["evidence"] == "exam (en); also question, similar, run"


def test_same_letters_in_another_language_are_another_question() -> None:
    assert judge(sample_mcq("en", id="t"), benchmark("en") | {"language": "fr"}).drops() == {}


def test_open_twin_of_a_benchmark_question_leaves_by_its_root() -> None:
    rows = [sample_qa("es", id="t", root_id="r"), benchmark("es", root_id="r")]
    assert judge(*rows).drops() == {"t": "benchmark_root"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_benchmark_question_with_another_number_leaves(language: str) -> None:
    options = SAMPLES[language].options
    case = CASES[language]
    rows = [
        mcq(case.other_number, options, (0,), language, id="t"),
        mcq(case.question, options, (0,), language, id="b", role="benchmark"),
        mcq(case.answer, options, (0,), language, id="unlike"),
    ]
    assert judge(*rows).drops() == {"t": "benchmark_similar"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_question_that_contains_a_benchmark_question_leaves(language: str) -> None:
    case = CASES[language]
    asked = f"{case.answer} {case.question}"
    rows = [
        qa(f"{SAMPLES[language].answer} {asked}", case.answer, language, id="t"),
        qa(SAMPLES[language].answer, case.answer, language, id="part"),
        qa(asked, "", language, id="b", role="benchmark"),
    ]
    assert judge(*rows).drops() == {"t": "benchmark_similar"}


def test_whole_group_of_a_caught_row_leaves() -> None:
    rows = [
        sample_mcq("en", id="copy", group_id="g"),
        sample_qa("en", id="twin", group_id="g"),
        sample_mcq("fr", id="translation", group_id="g"),
        sample_mcq("ru", id="stranger", group_id="h"),
        benchmark("en"),
    ]
    decided = judge(*rows)
    assert set(decided.drops()) == {"copy", "twin", "translation"}
    assert set(decided.partners().values()) == {"bench-en"}


def test_upstream_validation_items_protect_themselves_too() -> None:
    rows = [
        sample_mcq("en", id="question"),
        sample_qa("fr", id="root", root_id="r"),
        benchmark("en", id="v1", role="validation"),
        benchmark("ja", id="v2", role="validation", root_id="r"),
    ]
    assert judge(*rows).drops() == {"question": "validation_question", "root": "validation_root"}


def test_graver_reason_is_told_where_several_fit() -> None:
    rows = [
        sample_mcq("en", id="t", root_id="r"),
        benchmark("en", id="a", role="validation", root_id="r"),
        benchmark("en", id="b"),
    ]
    assert judge(*rows).drops() == {"t": "benchmark_question"}
    with_root = [*rows, benchmark("zh", id="c", root_id="r")]
    assert judge(*with_root).drops() == {"t": "benchmark_root"}


def test_reference_rows_protect_nothing() -> None:
    rows = [sample_mcq("en", id="t", root_id="r"), benchmark("en", role="reference", root_id="r")]
    assert judge(*rows).drops() == {}


def test_protected_rows_stay_even_where_they_repeat_each_other() -> None:
    rows = [benchmark("en", id="a"), benchmark("en", id="b", role="validation")]
    assert judge(*rows).drops() == {}


def test_order_and_sharding_of_the_rows_change_no_decision() -> None:
    rows = [sample_mcq(code, id=code) for code in LANGUAGES]
    rows += [benchmark(code, id=f"b{n}{code}") for code in LANGUAGES for n in range(2)]
    stage = make("decontaminate")
    whole = sorted(map(str, Decided(stage, rows).rows))
    assert len(whole) == 6
    assert sorted(map(str, Decided(stage, rows[1::2], rows[::2][::-1]).rows)) == whole
