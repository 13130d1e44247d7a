"""MedMCQA, the published development questions of Indian entrance exams (English, four options).

The key `cop` counts from 1 in this file, but from 0 in the Hub's copy (`medmcqa_train`).
`choice_type` "multi" does not mean several answers: every question has exactly one `cop`.
Explanations stay rationales here: the set is a benchmark, so no open item is made from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Item
from sources.reading import Kind, Place, each_row, lacks, read_jsonl
from sources.source import File, Source

_REVISION = "392943af99cd94cafd50a0de2e7fca24bbf65494"
_UPSTREAM = f"https://raw.githubusercontent.com/Teddy-XiongGZ/MIRAGE/{_REVISION}/rawdata/medmcqa"

CITATION = (
    "Pal, Umapathi, Sankarasubbu (2022). MedMCQA: A Large-scale Multi-Subject Multi-Choice Dataset "
    "for Medical domain Question Answering. Proceedings of Machine Learning Research 174:248-260."
)

SOURCE = Source(
    name="medmcqa",
    title="MedMCQA, development set",
    homepage="https://medmcqa.github.io",
    revision=_REVISION,
    languages=("en",),
    files={
        "dev": (
            File(
                path="en/medmcqa/dev.json",  # JSON lines, whatever its name says
                sha256="a2b5f53890f4e742b728378fb847bc5338088d48ea01218676379f587270af31",
                url=f"{_UPSTREAM}/data/dev.json",
            ),
        )
    },
    # The test set's keys were never published, so the literature reports on these rows.
    splits={"dev": "benchmark"},
    license="MIT",
    license_evidence=f"{_UPSTREAM}/LICENSE.md",
    redistributable="yes",
    forms=("exam",),
    citation=CITATION,
    expected_rows={"dev": {"en/mcq": 4183}},
)


_FIELDS: Mapping[str, Kind] = {"id": str, "question": str}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question."""
    for place, row in each_row(files, read_jsonl):
        yield row if isinstance(row, BadRow) else read_item(place, row, first_cop=1)


def read_item(place: Place, row: dict[str, Any], first_cop: int) -> Item | BadRow:
    """Return the question of an upstream row; `first_cop` is the `cop` that names option A."""
    if fault := lacks(row, _FIELDS):
        return place.refuse(fault, row, "en")
    if not row["question"].strip():
        return place.refuse("empty_question", row, "en")
    return Item(
        file=place.file,
        row=place.row,
        key=row["id"],
        split=place.split,
        task="mcq",
        form="exam",
        language="en",
        question=row["question"],
        options=tuple(row.get(name) or "" for name in ("opa", "opb", "opc", "opd")),
        answer_indices=_key_indices(row.get("cop"), first_cop),
        rationale=row.get("exp") or "",
        topic=row.get("subject_name") or "",
    )


def _key_indices(cop: object, first_cop: int) -> tuple[int, ...]:
    # The Hub writes -1 where the key is withheld.
    return (cop - first_cop,) if isinstance(cop, int) and cop >= first_cop else ()
