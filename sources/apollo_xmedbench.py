"""Apollo's Chinese XMedBench: four sets in one file, told apart by `source`, all benchmarks.

Traps: options are packed in one string, every one with an added final "."; 122 test questions of
`cmb-single` have an empty (E). Only the `cmexam` part has several answers (62 in test). The CMMLU
part is not under Apollo's licence but CMMLU's. Equal rows repeat within the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Item
from sources.cmexam import jurisdiction, picture_flags
from sources.reading import (
    ContentKeys,
    Kind,
    Place,
    each_row,
    lacks,
    letter_index,
    read_json_array,
)
from sources.source import File, Source

_REVISION = "505c48e82207b36cf3921df61fcd58895fb6ca4e"
_UPSTREAM = f"https://raw.githubusercontent.com/FreedomIntelligence/Apollo/{_REVISION}"

SOURCE = Source(
    name="apollo_xmedbench",
    title="Apollo XMedBench, Chinese",
    homepage="https://github.com/FreedomIntelligence/Apollo",
    revision=_REVISION,
    languages=("zh",),
    files={
        "test": (
            File(
                path="zh/apollo_xmedbench/zh.json",
                sha256="a7051b52f84edc43afd214f2a77e672b09500e1c9f20d7fa907b6eb08118629f",
                url=f"{_UPSTREAM}/metadata/test/zh.json",
            ),
        ),
        "dev": (
            File(
                path="zh/apollo_xmedbench/dev_zh.json",
                sha256="8cb1b7a1339be65cea7c0b9c56f7731259653b074ce2b59519eb761f211d3418",
                url=f"{_UPSTREAM}/metadata/dev/zh.json",
            ),
        ),
    },
    splits={"test": "benchmark", "dev": "benchmark"},
    license="Apache-2.0",
    license_evidence=f"{_UPSTREAM}/LICENSE.txt",
    redistributable="yes",
    forms=("exam",),
    citation=(
        "Wang, Chen, Chen, et al. (2024). Apollo: A Lightweight Multilingual Medical LLM towards "
        "Democratizing Medical AI to 6B People. arXiv:2403.03640."
    ),
    expected_rows={"test": {"zh/mcq": 8759}, "dev": {"zh/mcq": 437}},
)

_SUBSETS = {
    "medqa-mcmle": "medqa_mcmle",
    "cmb-single": "cmb_single",
    "cmexam": "cmexam",
    "cmmlu-medical": "cmmlu",
}
# CMMLU's own terms: https://github.com/haonan-li/CMMLU, README.md, "License".
_LICENSES = {"cmmlu": "CC-BY-NC-SA-4.0"}
_FIELDS: Mapping[str, Kind] = {"question": str, "options": str, "answer": str, "source": str}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question."""
    keys = ContentKeys()
    for place, row in each_row(files, read_json_array):
        yield row if isinstance(row, BadRow) else _read_row(place, row, keys)


def _read_row(place: Place, row: dict[str, Any], keys: ContentKeys) -> Item | BadRow:
    if fault := lacks(row, _FIELDS):
        return place.refuse(fault, row, "zh")
    question, packed, answer, source = (row[name] for name in _FIELDS)
    subset = _SUBSETS.get(source, source)
    if not question.strip():
        return place.refuse("empty_question", packed, "zh", subset)
    return Item(
        file=place.file,
        row=place.row,
        key=keys.key(question, packed, answer, source),
        split=place.split,
        task="mcq",
        form="exam",
        language="zh",
        subset=subset,
        question=question,
        options=_unpack(packed),
        answer_indices=tuple(letter_index(letter) for letter in answer.strip("() ")),
        several_allowed=subset == "cmexam",  # see `cmexam`; the other three are one-answer sets
        license=_LICENSES.get(subset, ""),
        jurisdiction=jurisdiction(question, packed),
        flags=picture_flags(question),
    )


def _unpack(packed: str) -> tuple[str, ...]:
    options = [
        option.strip().removesuffix(".").strip()
        for option in re.split(r"(?:^|\n)\([A-Z]\)", packed)[1:]
    ]
    while options and not options[-1]:  # an empty (E) stands for "no fifth option"
        options.pop()
    return tuple(options)
