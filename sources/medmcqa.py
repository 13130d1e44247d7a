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
from sources.reading import read_jsonl
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


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question."""
    for split, paths in files.items():
        for path in paths:
            for number, row in read_jsonl(path):
                if isinstance(row, BadRow):
                    yield row
                else:
                    yield read_item(str(path), number, row, split, first_cop=1)


def read_item(
    file: str, number: int, row: dict[str, Any], split: str, first_cop: int
) -> Item | BadRow:
    """Return the question of an upstream row; `first_cop` is the `cop` that names option A."""
    key, question = row.get("id"), row.get("question")
    if not isinstance(key, str) or not isinstance(question, str):
        return BadRow(file, number, "missing_field", str(row)[:200], "en")
    if not question.strip():
        return BadRow(file, number, "empty_question", str(row)[:200], "en")
    return Item(
        file=file,
        row=number,
        key=key,
        split=split,
        task="mcq",
        form="exam",
        language="en",
        question=question,
        options=tuple(row.get(name) or "" for name in ("opa", "opb", "opc", "opd")),
        answer_indices=_key_indices(row.get("cop"), first_cop),
        rationale=row.get("exp") or "",
        topic=row.get("subject_name") or "",
    )


def _key_indices(cop: object, first_cop: int) -> tuple[int, ...]:
    # The Hub writes -1 where the key is withheld.
    return (cop - first_cop,) if isinstance(cop, int) and cop >= first_cop else ()
