"""What the sets of RuMedBench share: one repository, one layout of files, one way to read a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Item
from sources.reading import Kind, Place, each_row, lacks, read_jsonl
from sources.source import File

COMMIT = "dd57f4f4f11aebe4fd18011b109d96b6d331a1bf"
HOMEPAGE = "https://github.com/sb-ai-lab/MedBench"
CITATION = (
    "Blinov, Reshetnikova, Nesterov, Zubkova, Kokh (2022). RuMedBench: A Russian Medical "
    "Language Understanding Benchmark. arXiv:2201.06499."
)
_URL = f"https://raw.githubusercontent.com/sb-ai-lab/MedBench/{COMMIT}"
LICENSE_EVIDENCE = f"{_URL}/LICENSE"

_LABELLED: Mapping[str, Kind] = {"idx": str, "symptoms": str, "code": str}


def split_files(folder: str, **sha256: str) -> dict[str, tuple[File, ...]]:
    """Declare the file of every split of a set, given its checksums."""
    files: dict[str, tuple[File, ...]] = {}
    for split, digest in sha256.items():
        path = f"{folder}/{split}_v1.jsonl"
        address = f"{_URL}/data/{path}"
        files[split] = (File(path=f"ru/rumedbench/{path}", sha256=digest, url=address),)
    return files


def parse_rows(
    files: Mapping[str, list[Path]],
    fields: Mapping[str, Kind],
    asked: str,
    read_item: Callable[[Place, dict[str, Any]], Item | BadRow],
) -> Iterator[Item | BadRow]:
    """Yield one item or bad row per line; `asked` is the field with the question."""
    for place, row in each_row(files, read_jsonl):
        if isinstance(row, BadRow):
            yield row
        elif fault := lacks(row, fields):
            yield place.refuse(fault, row, "ru")
        elif not row[asked].strip():
            yield place.refuse("empty_question", row, "ru")
        else:
            yield read_item(place, row)


def parse_labelled(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one open item per complaint; its answer is the label."""
    return parse_rows(files, _LABELLED, "symptoms", _labelled)


def _labelled(place: Place, row: dict[str, Any]) -> Item:
    return Item(
        file=place.file,
        row=place.row,
        key=row["idx"],
        split=place.split,
        task="qa",
        form="classification",
        language="ru",
        question=row["symptoms"],
        answer=row["code"],
    )
