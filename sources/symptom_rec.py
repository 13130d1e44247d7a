"""RuMedSymptomRec: a patient's complaints in Russian and one more symptom to ask about, RuMedBench.

Upstream cut the symptom's span out of the complaint, so the label cannot be read off the text: it
still stands there in 3 of 3,300 rows. 141 labels, long-tailed. A reference set in all its splits.
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
    path = f"RuMedSymptomRec/{name}_v1.jsonl"
    return (File(path=f"ru/rumedbench/{path}", sha256=sha256, url=f"{_URL}/data/{path}"),)


SOURCE = Source(
    name="symptom_rec",
    title="RuMedSymptomRec (RuMedBench)",
    homepage="https://github.com/sb-ai-lab/MedBench",
    revision=_COMMIT,
    languages=("ru",),
    files={
        "train": _file("train", "a80ea555304a554590048710e2a0ad505877ad1bc2a1348530a03d48632a16fc"),
        "dev": _file("dev", "0b440087aa53e190afdb38098a4c81b6845c226cdffd7110beaea5955d88e582"),
        "test": _file("test", "8ff4e93df488a8453de9e14b21b797dfbda123fbd40b5e4c0d18ab04520bed72"),
    },
    splits={"train": "reference", "dev": "reference", "test": "reference"},
    license="Apache-2.0",
    license_evidence=f"{_URL}/LICENSE",
    redistributable="yes",
    forms=("classification",),
    citation=(
        "Blinov, Reshetnikova, Nesterov, Zubkova, Kokh (2022). RuMedBench: A Russian Medical "
        "Language Understanding Benchmark. arXiv:2201.06499."
    ),
    expected_rows={"train": {"ru/qa": 2470}, "dev": {"ru/qa": 415}, "test": {"ru/qa": 415}},
)


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
    if not all(isinstance(row.get(name), str) for name in ("idx", "symptoms", "code")):
        return BadRow(str(path), number, "missing_field", str(row)[:EXCERPT_CHARACTERS], "ru")
    if not row["symptoms"].strip():
        return BadRow(str(path), number, "empty_question", str(row)[:EXCERPT_CHARACTERS], "ru")
    return Item(
        file=str(path),
        row=number,
        key=row["idx"],
        split=split,
        task="qa",
        form="classification",
        language="ru",
        question=row["symptoms"],
        answer=row["code"],
    )
