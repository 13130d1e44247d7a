"""HEAD-QA: exams of numbered questions, all numbers as strings, keys counted from 1."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.head_qa import SOURCE, parse
from tests.sources.real import counts, parse_real


def question(qid: str, right: str, image: str = "", **changes: Any) -> dict[str, Any]:
    options = ["Insulina.", "Glucagón.", "Tiroxina.", "Prolactina."]
    return {
        "qid": qid,
        "qtext": "¿Qué hormona baja la glucemia?",
        "ra": right,
        "answers": [{"aid": i, "atext": text} for i, text in enumerate(options, start=1)],
        "image": image,
    } | changes


def write(path: Path, questions: list[dict[str, Any]], category: str = "medicine") -> Path:
    name = "Cuaderno_2031_1_M"
    exam = {"name": name, "category": category, "year": "2031", "data": questions}
    document = {"version": "1.0", "language": "es", "exams": {name: exam}}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_question_becomes_an_item_with_the_key_counted_from_zero(tmp_path: Path) -> None:
    path = write(tmp_path / "train_HEAD.json", [question("7", "1")])
    assert list(parse({"es/train": [path]})) == [
        Item(
            file=str(path),
            row=1,
            key="Cuaderno_2031_1_M/7",
            split="es/train",
            task="mcq",
            form="exam",
            language="es",
            question="¿Qué hormona baja la glucemia?",
            parallel_key="Cuaderno_2031_1_M/7",
            options=("Insulina.", "Glucagón.", "Tiroxina.", "Prolactina."),
            answer_indices=(0,),
            topic="medicine",
            year=2031,
        )
    ]


def test_the_english_file_is_a_translation_of_the_same_root(tmp_path: Path) -> None:
    path = write(tmp_path / "questions.json", [question("7", "1")])
    spanish, english = parse({"es/test": [path], "en/test": [path]})
    assert isinstance(spanish, Item)
    assert isinstance(english, Item)
    assert (spanish.language, spanish.origin) == ("es", "native")
    assert (english.language, english.origin) == ("en", "translated")
    assert spanish.parallel_key == english.parallel_key


def test_a_question_with_a_picture_is_flagged(tmp_path: Path) -> None:
    path = write(tmp_path / "dev_HEAD.json", [question("1", "2", image="./data/img1.png")])
    (item,) = parse({"es/dev": [path]})
    assert isinstance(item, Item)
    assert [(flag.name, flag.evidence) for flag in item.flags] == [
        ("image_dependent", "./data/img1.png")
    ]


def test_chemistry_has_its_own_topic(tmp_path: Path) -> None:
    path = write(tmp_path / "train_HEAD.json", [question("1", "2")], category="chemistry")
    (item,) = parse({"es/train": [path]})
    assert isinstance(item, Item)
    assert item.topic == "chemistry"


def test_a_key_beyond_the_options_stays_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "train_HEAD.json", [question("1", "9"), question("2", "")])
    beyond, without = parse({"es/train": [path]})
    assert isinstance(beyond, Item)
    assert isinstance(without, Item)
    assert beyond.answer_indices == (8,)
    assert without.answer_indices == ()


def test_a_broken_question_costs_only_itself(tmp_path: Path) -> None:
    broken = question("1", "2")
    del broken["answers"]
    path = write(tmp_path / "train_HEAD.json", [broken, question("2", "x"), question("3", "4")])
    first, second, third = parse({"es/train": [path]})
    assert isinstance(first, BadRow)
    assert isinstance(second, BadRow)
    assert second.reason == "invalid_record"  # a key that is no number
    assert isinstance(third, Item)
    assert (first.row, first.reason, first.language) == (1, "missing_field", "es")
    assert third.row == 3


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("head_qa", raw_root)
    assert counts("head_qa", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({(item.language, item.key) for item in items}) == len(items)
    assert all(0 <= item.answer_indices[0] < len(item.options) for item in items)
    for language, num_repeated in (("es", 2), ("en", 6)):  # translation makes four pairs equal
        mine = [item for item in items if item.language == language]
        assert len(mine) == 6765
        assert sum(bool(item.flags) for item in mine) == 165
        assert sum(len(set(item.options)) < len(item.options) for item in mine) == num_repeated
        assert Counter(item.topic for item in mine)["chemistry"] == 1142


@pytest.mark.real
def test_real_questions_have_one_key_in_both_languages_and_wherever_they_repeat(
    raw_root: Path,
) -> None:
    items = [row for row in parse_real("head_qa", raw_root) if isinstance(row, Item)]
    key_of_root: dict[str, tuple[int, ...]] = {}
    key_of_text: dict[tuple[str, ...], tuple[int, ...]] = {}
    for item in items:
        assert key_of_root.setdefault(item.parallel_key, item.answer_indices) == item.answer_indices
        text = (item.question, *item.options)
        assert key_of_text.setdefault(text, item.answer_indices) == item.answer_indices
    assert len(key_of_root) == 6765
