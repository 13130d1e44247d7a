"""MediQAl, by its dataset card: the folder of a file is its configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.mediqal import parse


def choice(**changes: Any) -> dict[str, Any]:
    return {
        "id": "101",
        "clinical_case": "Une femme de 40 ans tousse depuis trois jours.",
        "question": "Quel examen demandez-vous ?",
        "answer_a": "Une radiographie",
        "answer_b": "Une échographie",
        "answer_c": "Aucun",
        "answer_d": "Un scanner",
        "answer_e": "Une IRM",
        "correct_answers": "C",
        "task": "QCU",
        "medical_subject": "Pulmonology",
        "question_type": "Reasoning",
    } | changes


def open_question(**changes: Any) -> dict[str, Any]:
    return {
        "id": "101",
        "clinical_case": "Une femme de 40 ans tousse depuis trois jours.",
        "cc_question_number": "1",
        "question": "Quel est votre diagnostic ?",
        "answer": "Une bronchite aiguë.",
        "medical_subject": "Pulmonology",
        "question_type": "Reasoning",
    } | changes


def read(tmp_path: Path, subset: str, text: str) -> list[Item | BadRow]:
    path = tmp_path / subset / "test.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return list(parse({"test": [path]}))


def only_item(tmp_path: Path, subset: str, record: dict[str, Any]) -> Item:
    (row,) = read(tmp_path, subset, json.dumps([record]))
    assert isinstance(row, Item)
    return row


def test_a_question_with_one_answer_keeps_its_case_as_context(tmp_path: Path) -> None:
    item = only_item(tmp_path, "mcqu", choice())
    assert item == Item(
        file=str(tmp_path / "mcqu" / "test.json"),
        row=1,
        key="101",
        split="test",
        subset="mcqu",
        task="mcq",
        form="exam",
        language="fr",
        question="Quel examen demandez-vous ?",
        context="Une femme de 40 ans tousse depuis trois jours.",
        options=("Une radiographie", "Une échographie", "Aucun", "Un scanner", "Une IRM"),
        answer_indices=(2,),
        topic="Pulmonology",
    )


def test_several_letters_come_in_one_string(tmp_path: Path) -> None:
    item = only_item(tmp_path, "mcqm", choice(correct_answers="E, A"))
    assert item.answer_indices == (0, 4)
    assert item.several_allowed


def test_one_letter_does_not_make_a_question_with_several_answers_single(tmp_path: Path) -> None:
    assert only_item(tmp_path, "mcqm", choice(correct_answers="B")).several_allowed


def test_a_case_may_be_missing(tmp_path: Path) -> None:
    assert only_item(tmp_path, "mcqu", choice(clinical_case=None)).context == ""


def test_empty_options_at_the_end_are_no_options(tmp_path: Path) -> None:
    item = only_item(tmp_path, "mcqu", choice(answer_d="", answer_e=None))
    assert len(item.options) == 3


def test_an_open_question_is_answered_by_text(tmp_path: Path) -> None:
    item = only_item(tmp_path, "oeq", open_question())
    assert (item.task, item.answer, item.options) == ("qa", "Une bronchite aiguë.", ())
    assert item.flags == ()


def test_a_later_question_of_a_case_is_flagged(tmp_path: Path) -> None:
    item = only_item(tmp_path, "oeq", open_question(cc_question_number="3"))
    assert [flag.name for flag in item.flags] == ["linked_case"]


@pytest.mark.parametrize("as_lines", [True, False])
def test_an_array_and_one_object_per_line_read_the_same(tmp_path: Path, as_lines: bool) -> None:
    records = [choice(id="1"), choice(id="2")]
    text = "\n".join(json.dumps(one) for one in records) if as_lines else json.dumps(records)
    rows = read(tmp_path, "mcqu", text)
    assert [(row.row, row.key) for row in rows if isinstance(row, Item)] == [(1, "1"), (2, "2")]


def test_a_broken_record_costs_only_itself(tmp_path: Path) -> None:
    broken = choice()
    del broken["question"]
    bad, good = read(tmp_path, "mcqu", json.dumps([broken, choice()]))
    assert isinstance(bad, BadRow)
    assert (bad.row, bad.reason, bad.subset) == (1, "missing_field", "mcqu")
    assert isinstance(good, Item)
