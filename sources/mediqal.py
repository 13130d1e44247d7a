"""MediQAl: French national medical exams in three configurations.

`mcqu` has one keyed option, `mcqm` several, `oeq` (test only) a short free answer. Read from the
dataset card, not from the files. Traps: ids repeat between the configurations, which are therefore
subsets; `correct_answers` is letters in one string ("B", "A,C,E"); `clinical_case` may be null; the
questions of one `oeq` case are numbered, and later ones may lean on earlier ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Flag, Item
from sources.reading import EXCERPT_CHARACTERS, letter_index, read_json, read_jsonl, read_text
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


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per record; the folder of a file is its configuration."""
    for split, paths in files.items():
        for path in paths:
            for row, record in _records(path):
                yield _row(split, path, row, record)


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    # The card names the files `.json` without saying whether they hold one array or one object per
    # line; `datasets` reads both.
    if read_text(path).lstrip().startswith("["):
        return iter(enumerate(read_json(path), start=1))
    return read_jsonl(path)


def _row(split: str, path: Path, row: int, record: dict[str, Any] | BadRow) -> Item | BadRow:
    if isinstance(record, BadRow):
        return record
    subset = path.parent.name
    try:
        if subset == "oeq":
            return _open_item(split, path, row, record)
        return _choice_item(split, subset, path, row, record)
    except (AttributeError, KeyError, TypeError):
        excerpt = json.dumps(record, ensure_ascii=False)[:EXCERPT_CHARACTERS]
        return BadRow(str(path), row, "invalid_record", excerpt, "fr", subset)


def _choice_item(split: str, subset: str, path: Path, row: int, record: dict[str, Any]) -> Item:
    options = [(record[name] or "").strip() for name in _OPTIONS]
    while options and not options[-1]:
        options.pop()
    letters = [letter for letter in (record["correct_answers"] or "").split(",") if letter.strip()]
    return Item(
        file=str(path),
        row=row,
        key=record["id"],
        split=split,
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


def _open_item(split: str, path: Path, row: int, record: dict[str, Any]) -> Item:
    number = str(record["cc_question_number"])
    is_first = number == "1"
    return Item(
        file=str(path),
        row=row,
        key=record["id"],
        split=split,
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
