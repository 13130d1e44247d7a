"""RuMedDaNet: Russian yes/no questions about a medical passage, part of RuMedBench.

Balanced by design (half "да", half "нет"). The private test has no answers and only serves to
keep its questions out of training. RuMedTest of the same repository (397 multiple-choice
questions) has no answers either and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Item
from sources.reading import EXCERPT_CHARACTERS, read_jsonl
from sources.source import File, Source

_COMMIT = "dd57f4f4f11aebe4fd18011b109d96b6d331a1bf"
_URL = f"https://raw.githubusercontent.com/sb-ai-lab/MedBench/{_COMMIT}"


def _file(name: str, sha256: str) -> tuple[File, ...]:
    path = f"RuMedDaNet/{name}_v1.jsonl"
    return (File(path=f"ru/rumedbench/{path}", sha256=sha256, url=f"{_URL}/data/{path}"),)


SOURCE = Source(
    name="rumed_danet",
    title="RuMedDaNet (RuMedBench)",
    homepage="https://github.com/sb-ai-lab/MedBench",
    revision=_COMMIT,
    languages=("ru",),
    files={
        "train": _file("train", "d578427338e53635bcf11f4b0aaaa94f1f6dac6cbfffdc15c1440fce7f859de8"),
        "dev": _file("dev", "546531142765f55856f971fb748d6aa15ac51c52607f61f553fb6e8726cf590c"),
        "test": _file("test", "995519f1a354978369396870fb23e9ab62f25b60fc3a676bbe78d82edf726443"),
        "private_test": _file(
            "private_test", "6346e6de314a24d409ab7bcc1eaecd006155c51cfa13e885045e32e569b018e4"
        ),
    },
    splits={
        "train": "train",
        "dev": "validation",
        "test": "benchmark",
        "private_test": "benchmark",
    },
    license="Apache-2.0",
    license_evidence=f"{_URL}/LICENSE",
    redistributable="yes",
    forms=("yes_no",),
    citation=(
        "Blinov, Reshetnikova, Nesterov, Zubkova, Kokh (2022). RuMedBench: A Russian Medical "
        "Language Understanding Benchmark. arXiv:2201.06499."
    ),
    expected_rows={
        "train": {"ru/mcq": 1052},
        "dev": {"ru/mcq": 256},
        "test": {"ru/mcq": 256},
        "private_test": {"ru/mcq": 512},
    },
)

_OPTIONS = ("да", "нет")


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item or bad row per line."""
    for split, given in files.items():
        for path in given:
            for number, row in read_jsonl(path):
                if isinstance(row, BadRow):
                    yield replace(row, language="ru")
                else:
                    yield _item(path, number, split, row)


def _item(path: Path, number: int, split: str, row: Mapping[str, Any]) -> Item | BadRow:
    if not all(isinstance(row.get(name), str) for name in ("pairID", "context", "question")):
        return BadRow(str(path), number, "missing_field", str(row)[:EXCERPT_CHARACTERS], "ru")
    if not row["question"].strip():
        return BadRow(str(path), number, "empty_question", str(row)[:EXCERPT_CHARACTERS], "ru")
    answer = row.get("answer")
    if answer is not None and answer not in _OPTIONS:
        return BadRow(str(path), number, "invalid_record", str(row)[:EXCERPT_CHARACTERS], "ru")
    return Item(
        file=str(path),
        row=number,
        key=row["pairID"],
        split=split,
        task="mcq",
        form="yes_no",
        language="ru",
        question=row["question"],
        context=row["context"],
        options=_OPTIONS,
        answer_indices=() if answer is None else (_OPTIONS.index(answer),),
    )
