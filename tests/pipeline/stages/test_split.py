"""Split: whole groups to train, validation or test, and the other roles out of the release."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import Decided, Row, decide, flag, make, sample_mcq, sample_qa


def judge(*rows: Row, **settings: Any) -> Decided:
    return decide(make("split", **settings), *rows)


def many(num_groups: int, language: str = "en", **changes: Any) -> list[Row]:
    """Return multiple-choice records, each a group of its own."""
    return [
        sample_mcq(language, id=f"{language}{n:04}", root_id=f"{n * 7919 % 9973:04}{language}")
        | changes
        for n in range(num_groups)
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_held_out_splits_have_their_size(language: str) -> None:
    rows = many(400, language)
    sizes = Counter(judge(*rows, share=0.02, min_rows=10, max_share=0.05).splits().values())
    assert sizes == {"test": 10, "validation": 10, "train": 380}
    sizes = Counter(judge(*rows, share=0.04, min_rows=10, max_share=0.05).splits().values())
    assert sizes == {"test": 16, "validation": 16, "train": 368}
    sizes = Counter(judge(*rows, share=0.01, min_rows=50, max_share=0.05).splits().values())
    assert sizes == {"test": 20, "validation": 20, "train": 360}


def test_group_goes_whole_to_one_split_in_every_language_and_both_subsets() -> None:
    rows = []
    for n in range(60):
        own = {"group_id": f"{n * 7919 % 9973:04}"}
        rows += [sample_mcq(code, id=f"{code}{n}", **own) for code in LANGUAGES]
        rows += [sample_qa(code, id=f"{code}{n}-open", **own) for code in ("en", "ja")]
    decided = judge(*rows, share=0.1, min_rows=1, max_share=0.2)
    splits = decided.splits()
    by_group: dict[str, set[str]] = {}
    for row in rows:
        by_group.setdefault(row["group_id"], set()).add(splits.get(row["id"], "test"))
    assert all(len(found) == 1 for found in by_group.values())
    assert Counter(found.pop() for found in by_group.values())["test"] == 6


def test_open_twin_of_a_test_question_leaves() -> None:
    rows = many(40) + [
        sample_qa("en", id=f"{row['id']}-open", root_id=row["root_id"]) for row in many(40)
    ]
    decided = judge(*rows, share=0.1, min_rows=1, max_share=0.2)
    test = {record_id for record_id, split in decided.splits().items() if split == "test"}
    assert decided.drops() == {f"{record_id}-open": "test_sibling" for record_id in test}
    assert len(test) == 4


def test_open_questions_have_no_test_split() -> None:
    rows = [sample_qa("fr", id=f"{n:03}") for n in range(50)]
    assert Counter(judge(*rows).splits().values()) == {"train": 48, "validation": 2}


@pytest.mark.parametrize("role", ["validation", "benchmark", "reference"])
def test_rows_of_other_roles_leave_by_their_role(role: str) -> None:
    decided = judge(*many(30), sample_mcq("ja", id="p", role=role))
    assert decided.drops() == {"p": f"role_{role}"}
    assert len(decided.splits()) == 30


def test_oversized_group_stays_in_train_as_a_whole() -> None:
    rows = many(40)
    rows += [sample_mcq("en", id=f"big{n}", group_id="0000") for n in range(2)]
    rows[-1]["flags"] = [flag("oversized_group")]
    splits = judge(*rows, share=0.2, min_rows=1, max_share=0.4).splits()
    assert splits["big0"] == splits["big1"] == "train"
    assert Counter(splits.values())["test"] > 1


@pytest.mark.parametrize(
    ("num_rows", "expected"),
    [
        (1, {"train": 1}),
        (2, {"train": 1, "test": 1}),
        (3, {"train": 1, "test": 1, "validation": 1}),
        (24, {"train": 22, "test": 1, "validation": 1}),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_small_language_keeps_a_train_row_before_anything_is_held_out(
    language: str, num_rows: int, expected: dict[str, int]
) -> None:
    rows = many(num_rows, language) + many(100, "en" if language != "en" else "ru")
    splits = judge(*rows).splits()
    mine = Counter(split for one, split in splits.items() if one.startswith(language))
    assert mine == expected


def test_groups_that_are_taken_follow_from_their_names_and_not_from_the_order() -> None:
    rows = [row for code in LANGUAGES for row in many(30, code)]
    stage = make("split")
    whole = Decided(stage, rows).splits()
    assert Decided(stage, rows[1::2][::-1], rows[::2]).splits() == whole


def test_large_group_is_passed_over_for_small_ones() -> None:
    large = [sample_mcq("en", id=f"large{n}", root_id="0") for n in range(30)]
    splits = judge(*large, *many(100)).splits()
    assert {splits[row["id"]] for row in large} == {"train"}
    assert Counter(splits.values())["test"] == 6
