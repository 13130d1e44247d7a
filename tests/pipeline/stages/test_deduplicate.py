"""Deduplicate: which rows are the same, which of them stays, and what only looks alike."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import InputError
from schemas.item import LANGUAGES
from tests.pipeline.stages.cases import CASES, case
from tests.pipeline.stages.rows import (
    RECIPE,
    SAMPLES,
    Decided,
    Row,
    decide,
    make,
    qa,
    sample_mcq,
    sample_qa,
)


def judge(*rows: Row, recipe: dict[str, Any] | None = None, **settings: Any) -> Decided:
    return decide(make("deduplicate", recipe, **settings), *rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_row_that_differs_in_case_width_and_punctuation_is_an_exact_duplicate(
    language: str,
) -> None:
    question = SAMPLES[language].question.upper().replace("?", " ？").replace(".", " ! ")
    decided = judge(sample_mcq(language, id="1"), sample_mcq(language, id="2", question=question))
    assert decided.drops() == {"2": "exact_duplicate"}
    assert decided.partners() == {"2": "1"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_options_in_another_order_make_no_other_row(language: str) -> None:
    options = SAMPLES[language].options[::-1]
    shuffled = sample_mcq(language, id="2", options=list(options), answer_indices=[3])
    assert judge(sample_mcq(language, id="1"), shuffled).drops() == {"2": "exact_duplicate"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_question_with_another_key_drops_every_row_of_it(language: str) -> None:
    options = SAMPLES[language].options
    rows = [
        sample_mcq(language, id="1"),
        sample_mcq(language, id="2", answer_indices=[1], answer=options[1]),
        sample_mcq(language, id="3"),
    ]
    decided = judge(*rows)
    assert decided.drops() == dict.fromkeys("123", "conflicting_key")
    partners = decided.partners()
    assert partners["1"] == partners["3"] == "2"
    assert partners["2"] in ("1", "3")


def test_two_rows_with_the_key_of_an_option_in_two_lines_agree() -> None:
    first = sample_mcq("en", id="1", options=["a drug\nby mouth", "rest"])
    first["answer"] = first["options"][0]
    second = sample_mcq("en", id="2", options=["a drug by mouth", "rest"])
    second["answer"] = second["options"][0]
    assert judge(first, second).drops() == {"2": "exact_duplicate"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_changed_function_words_make_a_near_duplicate(language: str) -> None:
    rows = [case(language, id="1"), case(language, id="2", question=CASES[language].reworded)]
    decided = judge(*rows)
    assert decided.drops() == {"2": "near_duplicate"}
    assert decided.partners() == {"2": "1"}
    [drop] = [one for one in decided.rows if one["decision"] == "drop"]
    assert 0.8 <= drop["value"] < 1
    assert drop["evidence"] is not None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("change", "evidence"),
    [("other_number", "numbers"), ("negated", "negation"), ("other_drug", "wording")],
)
def test_rows_that_only_look_alike_are_kept_flagged_and_grouped(
    language: str, change: str, evidence: str
) -> None:
    changed = getattr(CASES[language], change)
    decided = judge(case(language, id="1"), case(language, id="2", question=changed))
    assert decided.drops() == {}
    flags = {f"near_duplicate: {evidence} of the question"}
    assert decided.flags() == {"1": flags, "2": flags}
    assert len(set(decided.groups().values())) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_answer_to_the_same_question_is_kept(language: str) -> None:
    changed = CASES[language].answer.replace("2", "7").replace("two", "seven").replace("两", "七")
    changed = changed.replace("deux", "sept").replace("двое", "семь").replace("dos", "siete")
    assert changed != CASES[language].answer
    decided = judge(case(language, id="1"), case(language, id="2", answer=changed))
    assert decided.drops() == {}
    assert [len(flags) for flags in decided.flags().values()] == [1, 1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_changed_option_keeps_both_rows(language: str) -> None:
    sample = SAMPLES[language]
    long = {"question": f"{CASES[language].question} {sample.question}"}
    other = [*sample.options[:3], f"{sample.options[3]} A"]
    rows = [
        sample_mcq(language, id="1", **long),
        sample_mcq(language, id="2", options=other, **long),
    ]
    decided = judge(*rows)
    assert decided.drops() == {}
    assert decided.flags() == {"1": {"near_duplicate: options"}, "2": {"near_duplicate: options"}}


@pytest.mark.parametrize(
    ("language", "left", "right"),
    [
        ("en", "hepatitis A", "hepatitis B"),
        ("fr", "l’hépatite A", "l’hépatite D"),
        ("ru", "гепатита B", "гепатита C"),
        ("ru", "гепатита В", "гепатита С"),
        ("es", "la hepatitis A", "la hepatitis"),
        ("zh", "甲型肝炎", "乙型肝炎"),
        ("ja", "A型肝炎", "B型肝炎"),
        ("ja", "6か月から", "6か月まで"),
        ("ja", "抑制する", "抑制される"),
        ("ja", "腎と肝", "腎または肝"),
    ],
)
def test_one_letter_or_particle_can_be_another_question(
    language: str, left: str, right: str
) -> None:
    rows = [
        case(language, id=name, question=f"{CASES[language].question} ({text})")
        for name, text in (("1", left), ("2", right))
    ]
    decided = judge(*rows)
    assert decided.drops() == {}
    assert set(decided.flags()) == {"1", "2"}


def test_same_letters_in_two_languages_are_two_rows() -> None:
    assert judge(case("en", id="1"), case("en", id="2") | {"language": "fr"}).drops() == {}


def test_open_and_multiple_choice_rows_of_one_question_both_stay() -> None:
    sample = SAMPLES["en"]
    decided = judge(sample_mcq("en"), qa(sample.question, sample.options[0]))
    assert decided.drops() == {}


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({}, {"rationale": "Thiazides inhibit the sodium chloride cotransporter."}),
        ({"redistributable": "unknown"}, {}),
        ({"origin": "translated"}, {}),
        ({"origin": "generated"}, {"origin": "translated"}),
        ({}, {"redistributable": "no", "rationale": "The cotransporter is inhibited."}),
        ({"redistributable": "no"}, {"origin": "generated"}),
    ],
)
def test_better_row_stays_whatever_its_id(worse: Row, better: Row) -> None:
    for first, second in (("1", "2"), ("2", "1")):
        decided = judge(sample_mcq("en", id=first, **worse), sample_mcq("en", id=second, **better))
        assert decided.drops() == {first: "exact_duplicate"}
        assert decided.partners() == {first: second}


@pytest.mark.parametrize("role", ["validation", "benchmark", "reference"])
def test_only_train_rows_are_compared(role: str) -> None:
    decided = judge(sample_mcq("en", id="1"), sample_mcq("en", id="2", role=role))
    assert (decided.drops(), decided.groups()) == ({}, {"1": "1"})


def test_rows_of_one_root_share_a_group_in_all_languages() -> None:
    rows = [sample_mcq(code, id=code, root_id="p01") for code in LANGUAGES]
    assert judge(*rows).groups() == dict.fromkeys(LANGUAGES, "p01")


def test_rows_on_one_passage_share_a_group() -> None:
    passage = "A woman of 30 has had a dry cough for two weeks after a cold."
    rows = [
        sample_mcq("en", id="1", context=passage),
        sample_qa("en", id="2", context=f"  {passage.upper()}"),
        sample_qa("en", id="3", context=""),
    ]
    groups = judge(*rows).groups()
    assert groups["1"] == groups["2"] != groups["3"]


def test_group_is_a_chain_of_likeness_and_takes_dropped_rows_along() -> None:
    rows = [
        case("en", id="1", root_id="7"),
        case("en", id="2", question=CASES["en"].reworded),
        case("en", id="3", question=CASES["en"].other_number),
        sample_mcq("fr", id="4", root_id="7"),
        sample_mcq("en", id="5"),
    ]
    assert judge(*rows).groups() == {"1": "2", "2": "2", "3": "2", "4": "2", "5": "5"}


def test_oversized_group_is_cut_flagged_and_keeps_equal_roots_together() -> None:
    rows = [
        case("en", id=f"{n}", root_id=f"{n // 2}", question=text) for n, text in enumerate(TWINS)
    ]
    decided = judge(*rows, max_group_rows=3)
    groups = decided.groups()
    assert all(groups[f"{n}"] == groups[f"{n + 1}"] for n in range(0, len(TWINS), 2))
    assert len(set(groups.values())) == len(TWINS) // 2
    assert set(decided.flags()) == {f"{n}" for n in range(len(TWINS))}
    assert all("oversized_group: " in flags for flags in decided.flags().values())


TWINS = [CASES["en"].question.replace("64", f"{age}") for age in range(41, 47)]


def test_order_and_sharding_of_the_rows_change_no_decision() -> None:
    rows = [case(code, id=f"{code}1") for code in LANGUAGES]
    rows += [case(code, id=f"{code}2", question=CASES[code].reworded) for code in LANGUAGES]
    rows += [case(code, id=f"{code}3", question=CASES[code].negated) for code in LANGUAGES]
    rows += [sample_mcq(code, id=f"{code}{n}") for code in LANGUAGES for n in (5, 6)]

    def told(decided: Decided) -> list[str]:
        return sorted(map(str, decided.rows))

    whole = told(judge(*rows))
    assert told(judge(*reversed(rows))) == whole
    stage = make("deduplicate")
    assert told(Decided(stage, rows[::3], rows[1::3], rows[2::3])) == whole


FOUR_TWINS = [sample_mcq("en", id=f"{n}", source="starter") for n in range(4)]


def test_source_that_loses_too_much_stops_the_build_and_names_the_clusters() -> None:
    with pytest.raises(InputError) as stopped:
        judge(*FOUR_TWINS, loss_checked_from=4)
    assert "source starter would lose 75% of its 4 rows" in str(stopped.value)
    assert "The largest clusters drop 3 around 0." in str(stopped.value)


@pytest.mark.parametrize("limits", [{"max_loss": 1.0}, {"loss_checked_from": 5}])
def test_recipe_can_allow_a_source_to_lose_more(limits: dict[str, float]) -> None:
    recipe = {**RECIPE, "sources": [{"name": "starter", **limits}]}
    assert len(judge(*FOUR_TWINS, recipe=recipe, loss_checked_from=4).drops()) == 3


@pytest.mark.parametrize("limits", [{"max_loss": 1.0}, {"loss_checked_from": 5}])
def test_recipe_can_allow_a_table_of_ones_own_to_lose_more(limits: dict[str, float]) -> None:
    fields = {"question": "q", "answer": "a"}
    ward = {"name": "ward", "path": "w.csv", "fields": fields, "language": "en"}
    table = {**ward, "license": "CC0-1.0", "form": "exam", **limits}
    rows = [{**row, "source": "ward"} for row in FOUR_TWINS]
    recipe = {**RECIPE, "tables": [table]}
    assert len(judge(*rows, recipe=recipe, loss_checked_from=4).drops()) == 3


def test_explanation_of_a_person_is_kept_before_that_of_a_model() -> None:
    step = {"stage": "augment", "model": "m", "prompt": "rationale/en@1", "variant": 0,
            "cache_keys": []}  # fmt: skip
    made = sample_mcq("en", id="0" * 32, rationale="Long and made by a model.", steps=[step])
    written = sample_mcq("en", id="1" * 32, rationale="By a person.")
    (drop,) = (one for one in judge(made, written).rows if one["decision"] == "drop")
    assert (drop["id"], drop["other_id"], drop["value"]) == (made["id"], written["id"], 1.0)


def test_shard_without_train_rows_gives_no_decision() -> None:
    assert judge(sample_qa("en", role="benchmark")).rows == []
