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

import pyarrow.parquet as pq

from schemas.item import BadRow, Flag, Item, Language
from sources import medqa
from sources.reading import ContentKeys
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


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question."""
    keys = ContentKeys()
    for split, paths in files.items():
        for path in paths:
            for number, row in _rows(path):
                yield _item(str(path), number, row, split, keys)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    for batch in pq.ParquetFile(path).iter_batches():
        for row in batch.to_pylist():
            number += 1
            yield number, row


def _item(
    file: str, number: int, row: dict[str, Any], split: str, keys: ContentKeys
) -> Item | BadRow:
    language = cast(Language, split.partition("/")[0])
    question, options = row["question"], row["options"]
    if not question or not options:
        return BadRow(file, number, "missing_field", str(row)[:200], language)
    texts = tuple(option["value"] or "" for option in options)
    indices = medqa.key_indices([option["key"] for option in options], row["answer_idx"])
    flags: tuple[Flag, ...] = ()
    if _contradicts(texts, indices, row["answer"]):
        indices = ()
        flags = (Flag("ambiguous_key", evidence=f"{row['answer_idx']}; {row['answer']}"),)
    return Item(
        file=file,
        row=number,
        key=keys.key(question, *texts, str(row["answer_idx"])),
        split=split,
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
