"""RuMedDaNet: Russian yes/no questions about a medical passage, part of RuMedBench.

Balanced by design (half "да", half "нет"). The private test has no answers and only serves to
keep its questions out of training. RuMedTest of the same repository (397 multiple-choice
questions) has no answers either and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Item
from sources import rumedbench
from sources.reading import Kind, Place
from sources.source import Source

SOURCE = Source(
    name="rumed_danet",
    title="RuMedDaNet (RuMedBench)",
    homepage=rumedbench.HOMEPAGE,
    revision=rumedbench.COMMIT,
    languages=("ru",),
    files=rumedbench.split_files(
        "RuMedDaNet",
        train="d578427338e53635bcf11f4b0aaaa94f1f6dac6cbfffdc15c1440fce7f859de8",
        dev="546531142765f55856f971fb748d6aa15ac51c52607f61f553fb6e8726cf590c",
        test="995519f1a354978369396870fb23e9ab62f25b60fc3a676bbe78d82edf726443",
        private_test="6346e6de314a24d409ab7bcc1eaecd006155c51cfa13e885045e32e569b018e4",
    ),
    splits={
        "train": "train",
        "dev": "validation",
        "test": "benchmark",
        "private_test": "benchmark",
    },
    license="Apache-2.0",
    license_evidence=rumedbench.LICENSE_EVIDENCE,
    redistributable="yes",
    forms=("yes_no",),
    citation=rumedbench.CITATION,
    expected_rows={
        "train": {"ru/mcq": 1052},
        "dev": {"ru/mcq": 256},
        "test": {"ru/mcq": 256},
        "private_test": {"ru/mcq": 512},
    },
)

_OPTIONS = ("да", "нет")
_FIELDS: Mapping[str, Kind] = {"pairID": str, "context": str, "question": str}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item or bad row per line."""
    return rumedbench.parse_rows(files, _FIELDS, "question", _read_item)


def _read_item(place: Place, row: dict[str, Any]) -> Item | BadRow:
    answer = row.get("answer")
    if answer is not None and answer not in _OPTIONS:
        return place.refuse("invalid_record", row, "ru")
    return Item(
        file=place.file,
        row=place.row,
        key=row["pairID"],
        split=place.split,
        task="mcq",
        form="yes_no",
        language="ru",
        question=row["question"],
        context=row["context"],
        options=_OPTIONS,
        answer_indices=() if answer is None else (_OPTIONS.index(answer),),
    )
