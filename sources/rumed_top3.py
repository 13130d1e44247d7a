"""RuMedTop3: a patient's complaints in Russian and the ICD-10 code of the visit, from RuMedBench.

An open item whose answer is one of 105 three-character codes ("M54", 12 % of the rows): an
exercise in coding, not a diagnosis. The question is the complaint alone; nothing asks for a code,
so whoever emits it has to say what the label set is, and caps the rows per code.
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
    path = f"RuMedTop3/{name}_v1.jsonl"
    return (File(path=f"ru/rumedbench/{path}", sha256=sha256, url=f"{_URL}/data/{path}"),)


SOURCE = Source(
    name="rumed_top3",
    title="RuMedTop3 (RuMedBench)",
    homepage="https://github.com/sb-ai-lab/MedBench",
    revision=_COMMIT,
    languages=("ru",),
    files={
        "train": _file("train", "b185fe85ad4b4346be3180997fa77816b6e4166567560f2ce948428c51eb6b85"),
        "dev": _file("dev", "6b56b2d916a9da92064c749092d2fc4a1677e17b9bb03978f41b213e99c6d286"),
        "test": _file("test", "2be46c07dabe26976b6393f93e6333818665530953e7c22007c6080de3dca507"),
    },
    splits={"train": "train", "dev": "validation", "test": "benchmark"},
    license="Apache-2.0",
    license_evidence=f"{_URL}/LICENSE",
    redistributable="yes",
    forms=("classification",),
    citation=(
        "Blinov, Reshetnikova, Nesterov, Zubkova, Kokh (2022). RuMedBench: A Russian Medical "
        "Language Understanding Benchmark. arXiv:2201.06499."
    ),
    expected_rows={"train": {"ru/qa": 4690}, "dev": {"ru/qa": 848}, "test": {"ru/qa": 822}},
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
