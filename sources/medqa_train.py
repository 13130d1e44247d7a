"""MedQA, training and development questions: USMLE (English) and Mainland China (Chinese).

Written from documentation: the bytes have not been seen. Read from a Parquet copy of bigbio/med_qa,
whose own loader is a script. The four-option configurations are used, as in the test questions that
the project evaluates on. `options` is a list of {key, value}; upstream states the key twice, as
letter and as text, and a row where the two disagree has no key that could be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from schemas.item import BadRow, Flag, Item, Language
from sources import medqa
from sources.reading import (
    ContentKeys,
    Kind,
    Place,
    each_row,
    key_indices,
    lacks,
    read_parquet,
)
from sources.source import File, Hub, Source

# A commit of pull request 1, merged into main as 0aa3dcf; it has every file named below.
_REVISION = "78e3aea256eb468308bd148d4be711cfdf30cc70"
_REPO = "fzkuji/MedQA"


def _file(language: str, split: str) -> File:
    name = f"med_qa_{language}_4options_source/{split}-00000-of-00001.parquet"
    return File(path=f"{language}/medqa/{name}", hub=Hub(_REPO, name, _REVISION))


SOURCE = Source(
    name="medqa_train",
    title="MedQA (USMLE and Mainland China), train and development",
    homepage="https://github.com/jind11/MedQA",
    revision=_REVISION,
    languages=("en", "zh"),
    files={
        f"{language}/{split}": (_file(language, split),)
        for language in ("en", "zh")
        for split in ("train", "validation")
    },
    splits={
        "en/train": "train",
        "en/validation": "validation",
        "zh/train": "train",
        "zh/validation": "validation",
    },
    # The authors' repository is MIT; the card of the copy says "unknown".
    license="MIT",
    license_evidence="https://github.com/jind11/MedQA/blob/master/LICENSE",
    redistributable="yes",
    forms=("exam",),
    citation=medqa.SOURCE.citation,
    # The copy's README.md: num_examples of the two configurations.
    expected_rows={
        "en/train": {"en/mcq": 10_178},
        "en/validation": {"en/mcq": 1_272},
        "zh/train": {"zh/mcq": 27_400},
        "zh/validation": {"zh/mcq": 3_425},
    },
    verified="documentation",
)


_FIELDS: Mapping[str, Kind] = {
    "question": str,
    "options": list,
    "answer_idx": str | None,
    "answer": str | None,
    "meta_info": str | None,
}
_OPTION: Mapping[str, Kind] = {"key": str, "value": str | None}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question."""
    keys = ContentKeys()
    for place, row in each_row(files, read_parquet):
        language = cast(Language, place.split.partition("/")[0])
        fault = _fault(row)
        yield place.refuse(fault, row, language) if fault else _item(place, language, row, keys)


def _fault(row: dict[str, Any]) -> str:
    """Return why a row gives no item, or nothing."""
    fault = lacks(row, _FIELDS)
    if fault or not row["options"] or any(lacks(option, _OPTION) for option in row["options"]):
        return fault or "missing_field"
    return "" if row["question"].strip() else "empty_question"


def _item(place: Place, language: Language, row: dict[str, Any], keys: ContentKeys) -> Item:
    question, options, letter = row["question"], row["options"], row["answer_idx"]
    texts = tuple(option["value"] or "" for option in options)
    indices = key_indices([option["key"] for option in options], [letter] if letter else [])
    flags: tuple[Flag, ...] = ()
    if _contradicts(texts, indices, row["answer"]):
        indices = ()
        flags = (Flag("ambiguous_key", evidence=f"{letter}; {row['answer']}"),)
    return Item(
        file=place.file,
        row=place.row,
        key=keys.key(question, *texts, str(letter)),
        split=place.split,
        task="mcq",
        form="exam",
        language=language,
        question=question,
        options=texts,
        answer_indices=indices,
        topic=row["meta_info"] or "",
        flags=flags,
    )


def _contradicts(texts: tuple[str, ...], indices: tuple[int, ...], answer: str | None) -> bool:
    if not answer or not indices or not 0 <= indices[0] < len(texts):
        return False
    return texts[indices[0]].strip() != answer.strip()
