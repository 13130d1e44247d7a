"""The small corpus written for this project, in this folder: sound rows and planted faults.

The files are package data, below `FOLDER` instead of the raw folder. Rows with `planted` carry a
fault on purpose, or look like one and must be kept; README.md says what becomes of each kind.
Parallel items share `parallel`, also across train and benchmark (`b01`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import LANGUAGES, BadRow, Flag, Item, Language
from sources.reading import Kind, Place, each_row, lacks, read_jsonl
from sources.source import File, Source

FOLDER = Path(__file__).parent

# No checksums: the files change with the code that reads them, in the same commit.
SOURCE = Source(
    name="starter",
    title="Starter corpus",
    homepage="sources/starter/README.md",
    revision="1",
    languages=LANGUAGES,
    files={name: (File(path=f"{name}.jsonl"),) for name in (*LANGUAGES, "benchmark")},
    splits={**dict.fromkeys(LANGUAGES, "train"), "benchmark": "benchmark"},
    license="CC0-1.0",
    license_evidence="README.md in the corpus's own folder",
    redistributable="yes",
    forms=("exam", "encyclopedia", "consultation"),
    citation="The starter corpus of MMed-IFT, written for this project. CC0-1.0.",
    expected_rows={
        "en": {"en/mcq": 34, "en/qa": 33},
        "zh": {"zh/mcq": 34, "zh/qa": 27},
        "ja": {"ja/mcq": 33, "ja/qa": 28},
        "fr": {"fr/mcq": 37, "fr/qa": 29},
        "ru": {"ru/mcq": 32, "ru/qa": 28},
        "es": {"es/mcq": 31, "es/qa": 26},
        "benchmark": {f"{language}/mcq": 2 for language in LANGUAGES},
        "refused": {"empty_question": 2},
    },
    parallel_family="starter",
    packaged=True,
)


_FIELDS: Mapping[str, Kind] = {
    "id": str,
    "kind": str,
    "form": str,
    "question": str,
    "topic": str,
}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per line; a planted row without a question is a bad row."""
    for place, row in each_row(files, read_jsonl):
        if isinstance(row, BadRow):
            yield row
            continue
        # Only benchmark.jsonl mixes languages, and its rows name theirs.
        language = row.get("language", place.split)
        if fault := lacks(row, _FIELDS):
            yield place.refuse(fault, row, language)
        elif not row["question"].strip():
            yield place.refuse("empty_question", row, language)
        else:
            yield _item(place, language, row)


def _item(place: Place, language: Language, row: dict[str, Any]) -> Item:
    return Item(
        file=place.file,
        row=place.row,
        key=row["id"],
        split=place.split,
        task=row["kind"],
        form=row["form"],
        language=language,
        question=row["question"],
        parallel_key=row.get("parallel", ""),
        options=tuple(row.get("options", ())),
        answer_indices=tuple(row.get("key", ())),
        several_allowed=row.get("several", False),
        answer=row.get("answer", ""),
        rationale=_rationale(row),
        topic=row["topic"],
        flags=_flags(row),
    )


def _rationale(row: dict[str, Any]) -> str:
    if not row.get("rationale"):
        return ""
    reference = f"({row['reference']})" if row.get("reference") else ""
    return f"{row['rationale']} {reference}".strip()


def _flags(row: dict[str, Any]) -> tuple[Flag, ...]:
    flags = []
    if row.get("image"):
        flags.append(Flag("image_dependent"))
    if row.get("answer", "").endswith("…"):
        flags.append(Flag("truncated_answer"))
    return tuple(flags)
