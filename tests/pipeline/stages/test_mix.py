"""Mix: caps in the recipe's order, by id, and shares of what a language holds."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.stages.mix import template
from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import RECIPE, Decided, Row, decide, make, qa, sample_mcq, sample_qa


def judge(
    rows: list[Row], *caps: dict[str, Any], recipe: dict[str, Any] | None = None, **settings: Any
) -> Decided:
    return decide(make("mix", recipe, caps=list(caps), **settings), *rows)


def several(num_rows: int, prefix: str, language: str = "en", **changes: Any) -> list[Row]:
    """Return open records with ids in order, each a root of its own."""
    return [sample_qa(language, id=f"{prefix}{n:02}", **changes) for n in range(num_rows)]


def test_without_caps_everything_stays() -> None:
    rows = [row for code in LANGUAGES for row in several(5, code, code)]
    assert judge(rows).rows == []


def test_cap_takes_the_first_rows_by_id_and_names_itself() -> None:
    decided = judge(several(5, "a")[::-1], {"source": "ward", "rows": 2})
    assert decided.drops() == dict.fromkeys(("a02", "a03", "a04"), "over_quota")
    assert decided.rows[0]["evidence"] == "source ward, rows 2"
    assert decided.rows[0]["threshold"] == 2


def test_cap_of_a_source_takes_its_subsets_but_not_its_namesakes() -> None:
    rows = [
        *several(2, "a", source="ward"),
        *several(2, "b", source="ward.nurses"),
        *several(2, "c", source="wards"),
    ]
    assert set(judge(rows, {"source": "ward", "rows": 1}).drops()) == {"a01", "b00", "b01"}


@pytest.mark.parametrize(
    ("cap", "dropped"),
    [
        ({"language": "fr", "rows": 1}, {"f01", "m00", "m01"}),
        ({"subset": "mmed_ift_mc", "rows": 1}, {"m01"}),
        ({"subset": "mmed_ift", "rows": 1}, {"e01", "f00", "f01"}),
        ({"form": "exam", "rows": 0}, {"m00", "m01"}),
        ({"per": ["language"], "rows": 1}, {"e01", "f01", "m00", "m01"}),
        ({"per": ["language", "subset"], "rows": 1}, {"e01", "f01", "m01"}),
        ({"except_languages": ["fr"], "rows": 1}, {"e01"}),
    ],
)
def test_cap_looks_at_the_rows_that_it_names(cap: dict[str, Any], dropped: set[str]) -> None:
    rows = [
        *several(2, "e"),
        *several(2, "f", "fr"),
        *(sample_mcq("fr", id=f"m0{n}") for n in range(2)),
    ]
    assert set(judge(rows, cap).drops()) == dropped


def test_each_cap_sees_what_the_ones_before_it_left() -> None:
    rows = [*several(6, "a", source="ward"), *several(2, "b", source="desk")]
    caps = ({"source": "ward", "rows": 3}, {"rows": 4})
    decided = judge(rows, *caps)
    assert set(decided.drops()) == {"a03", "a04", "a05", "b01"}
    assert Counter(row["evidence"] for row in decided.rows) == {
        "source ward, rows 3": 3,
        "rows 4": 1,
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_share_of_a_source_counts_against_its_language_alone(language: str) -> None:
    other = "en" if language != "en" else "zh"
    rows = [
        *several(9, "a", language, source="ward"),
        *several(2, "b", language, source="desk"),
        *several(9, "c", other, source="desk"),
    ]
    decided = judge(rows, {"source": "ward", "share": 0.6})
    kept = 9 - len(decided.drops())
    assert kept == 3
    assert set(decided.drops()) == {f"a{n:02}" for n in range(3, 9)}
    assert kept <= 0.6 * (kept + 2)


def test_share_of_a_language_counts_against_the_whole_release() -> None:
    rows = [*several(9, "e"), *several(4, "f", "fr"), *several(2, "j", "ja")]
    decided = judge(rows, {"language": "en", "share": 0.25})
    assert set(decided.drops()) == {f"e{n:02}" for n in range(2, 9)}


def test_share_within_a_subset_leaves_the_other_one_out_of_account() -> None:
    rows = [
        *(sample_mcq("en", id=f"y{n}", form="yes_no") for n in range(4)),
        *(sample_mcq("en", id=f"m{n}") for n in range(4)),
        *several(9, "q"),
    ]
    cap = {"form": "yes_no", "subset": "mmed_ift_mc", "share": 0.2}
    assert set(judge(rows, cap).drops()) == {"y1", "y2", "y3"}


def test_group_that_is_alone_in_its_language_is_not_capped_by_share() -> None:
    assert judge(several(5, "a"), {"source": "ward", "share": 0.5}).drops() == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_template_is_the_question_without_its_topic(language: str) -> None:
    questions = {
        "en": "What is {}?",
        "zh": "什么是{}？",
        "ja": "{}とは何ですか。",
        "fr": "Qu’est-ce que {} ?",
        "ru": "Что такое {}?",
        "es": "¿Qué es {}?",
    }
    topics = ("Asthma", "Gout", "asthma")
    rows = [qa(questions[language].format(t), "…", language, topic=t) for t in topics]
    assert len({template(row) for row in rows}) == 1
    assert "_" in template(rows[0])
    assert template(rows[0] | {"topic": "liver"}) == template(rows[0] | {"topic": ""}) == ""
    assert template(sample_mcq(language, topic="thiazide")) == ""


def test_cap_per_template_leaves_questions_of_no_template_alone() -> None:
    topics = ("asthma", "gout", "mumps", "scabies")
    rows = [qa(f"What is {t}?", "…", id=f"w{n}", topic=t) for n, t in enumerate(topics)]
    rows += several(3, "x", topic="")
    assert set(judge(rows, {"per": ["template"], "rows": 2}).drops()) == {"w2", "w3"}


def test_label_cap_of_a_source_counts_each_answer_of_its_classification() -> None:
    rows = [
        qa(f"Complaint {n}", label, id=f"{label}{n}", form="classification", source="starter.codes")
        for label in ("J30", "K21")
        for n in range(3)
    ]
    rows += [qa(f"Question {n}?", "J30", id=f"open{n}", source="starter") for n in range(3)]
    recipe = {**RECIPE, "sources": [{"name": "starter", "label_cap": 2}]}
    decided = judge(rows, recipe=recipe)
    assert set(decided.drops()) == {"J302", "K212"}
    assert decided.rows[0]["evidence"] == "rows of one label of starter"


def test_root_gives_at_most_so_many_rows_per_language_over_both_subsets() -> None:
    rows = [
        *several(2, "e", root_id="r"),
        sample_mcq("en", id="m0", root_id="r"),
        *several(2, "f", "fr", root_id="r"),
        *several(3, "s"),
    ]
    assert set(judge(rows).drops()) == {"m0"}
    assert set(judge(rows, rows_per_root_and_language=1).drops()) == {"e01", "f01", "m0"}


def test_added_rows_of_a_root_are_counted_apart_from_upstream_parallel_ones() -> None:
    rows = [sample_mcq(code, id=f"up-{code}", root_id="r") for code in LANGUAGES]
    rows += [
        sample_qa(code, id=f"new-{code}", root_id="r", parent_id="up-en") for code in LANGUAGES
    ]
    decided = judge(rows, added_per_root=4)
    assert set(decided.drops()) == {"new-ru", "new-zh"}
    assert {row["evidence"] for row in decided.rows} == {"added rows per root"}


@pytest.mark.parametrize("role", ["validation", "benchmark", "reference"])
def test_rows_that_protect_others_neither_leave_nor_count(role: str) -> None:
    rows = [*several(3, "a", role=role), *several(1, "b")]
    assert judge(rows, {"rows": 1}).drops() == {}


@pytest.mark.parametrize("cap", [{}, {"rows": 1, "share": 0.5}])
def test_cap_has_one_limit(cap: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="either `rows` or `share`"):
        judge([], {"source": "ward", **cap})


def test_share_is_met_by_all_groups_together() -> None:
    rows = [
        *several(10, "a", source="ward"),
        *several(10, "b", source="desk"),
        *several(2, "c", source="home"),
    ]
    dropped = judge(rows, {"per": ["source"], "share": 0.4}).drops()
    kept = Counter(row["source"] for row in rows if row["id"] not in dropped)
    assert kept == {"ward": 4, "desk": 4, "home": 2}


def test_share_that_no_number_of_rows_meets_drops_none() -> None:
    rows = [*several(5, "a", source="ward"), *several(5, "b", source="desk")]
    assert judge(rows, {"per": ["source"], "share": 0.4}).drops() == {}


def test_share_of_a_label_is_taken_of_its_classification_alone() -> None:
    rows = [
        qa(f"Complaint {n}", label, id=f"{label}{n}", form="classification", source="codes")
        for label, num_rows in (("J30", 6), ("K21", 3), ("L40", 3))
        for n in range(num_rows)
    ]
    rows += several(20, "open", source="ward")
    cap = {"form": "classification", "per": ["label"], "share": 0.4}
    assert judge(rows, cap).drops() == {}
    decided = judge(rows, {**cap, "of": ["language", "source", "form"]})
    assert set(decided.drops()) == {"J304", "J305"}


def test_cap_can_prefer_rows_with_a_rationale_by_dropping_those_without() -> None:
    rows = [
        *(sample_mcq("en", id=f"a{n}", rationale="") for n in range(3)),
        *(sample_mcq("en", id=f"b{n}", rationale="Because of the heart.") for n in range(3)),
    ]
    assert set(judge(rows, {"has_rationale": False, "rows": 0}).drops()) == {"a0", "a1", "a2"}
    assert set(judge(rows, {"has_rationale": True, "rows": 2}).drops()) == {"b2"}


def test_cap_in_rows_takes_no_whole() -> None:
    with pytest.raises(ValidationError, match="what a `share` is taken of"):
        judge([], {"source": "ward", "rows": 1, "of": ["language"]})
