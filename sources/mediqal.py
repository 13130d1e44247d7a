"""MediQAl: French national medical exams in three configurations.

`mcqu` has one keyed option, `mcqm` several, `oeq` (test only) a short free answer. Read from the
dataset card, not from the files. Traps: ids repeat between the configurations, which are therefore
subsets; `correct_answers` is letters in one string ("B", "A,C,E"); `clinical_case` may be null; the
questions of one `oeq` case are numbered, and later ones may lean on earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Flag, Item
from sources.reading import (
    Kind,
    Place,
    Row,
    each_row,
    lacks,
    letter_index,
    read_json_array,
    read_jsonl,
    read_text,
)
from sources.source import File, Hub, Source

_REPOSITORY = "ANR-MALADES/MediQAl"
_REVISION = "5af34948a74c7b8807c476204a21149ffb00ea2c"
_OPTIONS = ("answer_a", "answer_b", "answer_c", "answer_d", "answer_e")


def _file(path: str) -> File:
    return File(path=f"fr/mediqal/{path}", hub=Hub(_REPOSITORY, path, _REVISION))


SOURCE = Source(
    name="mediqal",
    title="MediQAl",
    homepage="https://huggingface.co/datasets/ANR-MALADES/MediQAl",
    revision=_REVISION,
    languages=("fr",),
    files={
        "train": (_file("mcqu/train.json"), _file("mcqm/train.json")),
        "validation": (_file("mcqu/validation.json"), _file("mcqm/validation.json")),
        "test": (_file("mcqu/test.json"), _file("mcqm/test.json"), _file("oeq/test.json")),
    },
    splits={"train": "train", "validation": "validation", "test": "benchmark"},
    license="CC-BY-4.0",
    license_evidence="`license: cc-by-4.0` in README.md of the dataset at the revision above",
    redistributable="yes",
    forms=("exam",),
    citation=(
        "Adrien Bazoge. MediQAl: A French Medical Question Answering Dataset for Knowledge and "
        "Reasoning Evaluation. 2025. https://arxiv.org/abs/2507.20917"
    ),
    # Sums of the card's `num_examples`: mcqu 10,113/2,561/4,343, mcqm 5,767/1,466/3,384, oeq 4,969.
    expected_rows={
        "train": {"fr/mcq": 15880},
        "validation": {"fr/mcq": 4027},
        "test": {"fr/mcq": 7727, "fr/qa": 4969},
    },
    verified="documentation",
)


_NULLABLE: Kind = str | None
_SHARED: dict[str, Kind] = {
    "id": str,
    "clinical_case": _NULLABLE,
    "question": str,
    "medical_subject": str,
}
_CHOICE = _SHARED | dict.fromkeys((*_OPTIONS, "correct_answers"), _NULLABLE)
_OPEN = _SHARED | {"cc_question_number": str | int, "answer": _NULLABLE}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per record; the folder of a file is its configuration."""
    for place, record in each_row(files, _records):
        subset = place.path.parent.name
        if isinstance(record, BadRow):
            yield replace(record, subset=subset)
        elif fault := lacks(record, _OPEN if subset == "oeq" else _CHOICE):
            yield place.refuse(fault, record, "fr", subset)
        elif subset == "oeq":
            yield _open_item(place, record)
        else:
            yield _choice_item(place, subset, record)


def _records(path: Path) -> Iterator[Row]:
    # The card names the files `.json` without saying whether they hold one array or one object per
    # line; `datasets` reads both.
    is_array = read_text(path).lstrip().startswith("[")
    return read_json_array(path) if is_array else read_jsonl(path)


def _choice_item(place: Place, subset: str, record: dict[str, Any]) -> Item:
    options = [(record[name] or "").strip() for name in _OPTIONS]
    while options and not options[-1]:
        options.pop()
    letters = [letter for letter in (record["correct_answers"] or "").split(",") if letter.strip()]
    return Item(
        file=place.file,
        row=place.row,
        key=record["id"],
        split=place.split,
        subset=subset,
        task="mcq",
        form="exam",
        language="fr",
        question=record["question"].strip(),
        context=(record["clinical_case"] or "").strip(),
        options=tuple(options),
        answer_indices=tuple(sorted(letter_index(letter) for letter in letters)),
        several_allowed=subset == "mcqm",
        topic=record["medical_subject"],
    )


def _open_item(place: Place, record: dict[str, Any]) -> Item:
    number = str(record["cc_question_number"])
    is_first = number == "1"
    return Item(
        file=place.file,
        row=place.row,
        key=record["id"],
        split=place.split,
        subset="oeq",
        task="qa",
        form="exam",
        language="fr",
        question=record["question"].strip(),
        context=(record["clinical_case"] or "").strip(),
        answer=(record["answer"] or "").strip(),
        topic=record["medical_subject"],
        flags=() if is_first else (Flag("linked_case", f"question {number} of its case"),),
    )
