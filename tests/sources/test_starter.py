"""The starter corpus keeps its promises: enough sound rows, and planted faults of known kinds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.text.normalize import comparison_key
from pipeline.text.shingles import jaccard, shingles
from schemas.item import FORMS, LANGUAGES, BadRow, Item
from sources.starter import FOLDER, SOURCE, parse
from tests.sources.real import counts, parse_real

PARALLEL = [f"p{number:02d}" for number in range(1, 11)]
PLANTED = {
    "exact_duplicate",
    "exact_duplicate_width_case",
    "exact_duplicate_yo",
    "near_duplicate_punctuation",
    "near_duplicate_wording",
    "near_duplicate_options_shuffled",
    "conflicting_key",
    "number_changed_twin",
    "negation_twin",
    "wrong_language",
    "missing_option",
    "duplicate_options",
    "no_key",
    "key_out_of_range",
    "empty_question",
    "truncated_answer",
    "image_dependent",
    "personal_data",
    "benchmark_item",
    "benchmark_translation",
}
SAME_TEXT = {
    "exact_duplicate",
    "exact_duplicate_width_case",
    "exact_duplicate_yo",
    "conflicting_key",
}
SIMILAR_TEXT = {
    "near_duplicate_punctuation",
    "near_duplicate_wording",
    "near_duplicate_options_shuffled",
    "number_changed_twin",
    "negation_twin",
}


def raw(name: str) -> list[dict[str, Any]]:
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def every_row() -> list[tuple[str, dict[str, Any]]]:
    return [
        (row.get("language", name), row) for name in (*LANGUAGES, "benchmark") for row in raw(name)
    ]


def sound(language: str) -> list[dict[str, Any]]:
    return [row for row in raw(language) if "planted" not in row]


def items() -> dict[str, Item]:
    return {row.key: row for row in parse_real("starter", FOLDER) if isinstance(row, Item)}


def test_every_line_is_read_and_counted() -> None:
    assert counts("starter", parse_real("starter", FOLDER)) == SOURCE.expected_rows


def test_ids_are_unique() -> None:
    repeated = Counter(row["id"] for _, row in every_row())
    assert [name for name, number in repeated.items() if number > 1] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_enough_sound_rows(language: str) -> None:
    kinds = Counter(row["kind"] for row in sound(language))
    assert kinds["mcq"] >= 20
    assert kinds["qa"] >= 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_sound_rows_are_complete(language: str) -> None:
    for row in sound(language):
        assert row["form"] in FORMS
        assert row["question"].strip(), row["id"]
        assert row["reference"].strip(), row["id"]
        assert row["reviewed"] == "not reviewed by a clinician"
        if row["kind"] == "qa":
            assert row["answer"].strip(), row["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_choices_of_each_language_are_left_without_a_rationale(language: str) -> None:
    bare = [row for row in sound(language) if not row["rationale"].strip()]
    assert [row["kind"] for row in bare] == ["mcq", "mcq"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_keys_of_sound_rows_name_options(language: str) -> None:
    for row in sound(language):
        if row["kind"] == "mcq":
            assert len(set(row["options"])) == len(row["options"]) in (4, 5), row["id"]
            assert all(0 <= index < len(row["options"]) for index in row["key"]), row["id"]
            assert len(row["key"]) == (2 if row.get("several") else 1), row["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_the_ten_parallel_items(language: str) -> None:
    found = [row["parallel"] for row in sound(language) if "parallel" in row]
    assert sorted(found) == PARALLEL


def test_topics_are_in_english_in_every_language() -> None:
    english = {row["topic"] for row in raw("en") + raw("es") + raw("fr")}
    named = {row["topic"] for _, row in every_row()}
    assert named - english <= {"dermatology", "internal medicine", "radiology"}


@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_items_agree_in_topic_and_form(name: str) -> None:
    rows = [row for _, row in every_row() if row.get("parallel") == name]
    assert len({(row["topic"], row["form"]) for row in rows}) == 1


@pytest.mark.parametrize("name", [*PARALLEL, "b01"])
def test_parallel_items_agree_in_kind_and_key(name: str) -> None:
    rows = [row for _, row in every_row() if row.get("parallel") == name]
    assert len(rows) == len(LANGUAGES) + (name == "b01")  # one more planted in the train rows
    assert (
        len({(row["kind"], str(row.get("key")), len(row.get("options", ()))) for row in rows}) == 1
    )


def test_benchmark_has_two_items_per_language() -> None:
    assert Counter(row["language"] for row in raw("benchmark")) == dict.fromkeys(LANGUAGES, 2)


def test_every_planted_kind_is_known_and_occurs() -> None:
    assert {row["planted"] for _, row in every_row() if "planted" in row} == PLANTED


def test_planted_twins_are_as_alike_as_their_kind_says() -> None:
    by_id = {row["id"]: row for _, row in every_row()}
    for language, row in every_row():
        if row.get("planted") not in SAME_TEXT | SIMILAR_TEXT:
            continue
        similarity = alike(row, by_id[row["planted_of"]], language)
        assert similarity >= (1 if row["planted"] in SAME_TEXT else 0.85), row["id"]


def alike(left: dict[str, Any], right: dict[str, Any], language: str) -> float:
    texts = [
        " ".join([row["question"], *sorted(row.get("options", ())), row.get("answer", "")])
        for row in (left, right)
    ]
    first, second = (shingles(comparison_key(text, language), language) for text in texts)
    return jaccard(first, second)


def test_the_copied_benchmark_question_is_word_for_word() -> None:
    by_id = {row["id"]: row for _, row in every_row()}
    copies = [row for row in by_id.values() if row.get("planted") == "benchmark_item"]
    for row in copies:
        original = by_id[row["planted_of"]]
        assert (row["question"], row["options"]) == (original["question"], original["options"])


def test_rows_without_picture_or_end_are_flagged() -> None:
    expected = {
        row["id"]: row["planted"]
        for _, row in every_row()
        if row.get("planted") in ("image_dependent", "truncated_answer")
    }
    flagged = {key: item.flags[0].name for key, item in items().items() if item.flags}
    assert flagged == expected


def test_the_reference_ends_the_rationale() -> None:
    parsed = items()
    for row in sound("en"):
        expected = f"{row['rationale']} ({row['reference']})" if row["rationale"] else ""
        assert parsed[row["id"]].rationale == expected


def test_a_broken_line_is_a_bad_row_and_its_neighbours_are_read(tmp_path: Path) -> None:
    path = tmp_path / "en.jsonl"
    good = json.dumps(raw("en")[0])
    path.write_text(f'{{"id": \n{good}\n{{"question": "Why?"}}\n', encoding="utf-8")
    rows = list(parse({"en": [path]}))
    assert [row.reason if isinstance(row, BadRow) else row.key for row in rows] == [
        "invalid_record",
        "en-mcq-001",
        "missing_field",
    ]
