"""MedQA, the USMLE test questions (English, four options), as the MIRAGE benchmark ships them.

The key is a letter, and upstream repeats the keyed option's text in `answer`. Rows carry no id, so
their content is their key. More than half of each row's bytes are MetaMap phrases, not read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Item
from sources.reading import (
    ContentKeys,
    Kind,
    Place,
    each_row,
    key_indices,
    lacks,
    read_jsonl,
)
from sources.source import File, Source

_REVISION = "392943af99cd94cafd50a0de2e7fca24bbf65494"
_UPSTREAM = f"https://raw.githubusercontent.com/Teddy-XiongGZ/MIRAGE/{_REVISION}/rawdata/medqa"

SOURCE = Source(
    name="medqa",
    title="MedQA (USMLE), test",
    homepage="https://github.com/jind11/MedQA",
    revision=_REVISION,
    languages=("en",),
    files={
        "test": (
            File(
                path="en/medqa_usmle/phrases_no_exclude_test.jsonl",
                sha256="c3b905ccfa66152dc25afbcb2c10e86c0bdb208824f0658fcdb2c040f60a2beb",
                url=f"{_UPSTREAM}/data_clean/questions/US/4_options/phrases_no_exclude_test.jsonl",
            ),
        )
    },
    splits={"test": "benchmark"},
    license="MIT",
    license_evidence=f"{_UPSTREAM}/LICENSE",
    redistributable="yes",
    forms=("exam",),
    citation=(
        "Jin, Pan, Oufattole, Weng, Fang, Szolovits (2021). What Disease Does This Patient Have? "
        "A Large-Scale Open Domain Question Answering Dataset from Medical Exams. "
        "Applied Sciences 11(14):6421."
    ),
    expected_rows={"test": {"en/mcq": 1273}},
)


_FIELDS: Mapping[str, Kind] = {"question": str, "options": dict}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question."""
    keys = ContentKeys()
    for place, row in each_row(files, read_jsonl):
        if isinstance(row, BadRow):
            yield row
        elif fault := lacks(row, _FIELDS):
            yield place.refuse(fault, row, "en")
        elif not row["question"].strip():
            yield place.refuse("empty_question", row, "en")
        else:
            yield _item(place, row, keys)


def _item(place: Place, row: dict[str, Any], keys: ContentKeys) -> Item:
    question, options = row["question"], row["options"]
    texts = tuple(str(text) for text in options.values())
    letter = str(row.get("answer_idx") or "")
    return Item(
        file=place.file,
        row=place.row,
        key=keys.key(question, *texts, str(row.get("answer_idx"))),
        split=place.split,
        task="mcq",
        form="exam",
        language="en",
        question=question,
        options=texts,
        answer_indices=key_indices(list(options), [letter] if letter else []),
        topic=str(row.get("meta_info") or ""),
    )
