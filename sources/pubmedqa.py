"""PubMedQA, the 1,000 expert-labelled questions: yes, no or maybe, from an abstract (English).

Upstream is one JSON object by PubMed id. The abstract without its conclusion is the context; the
conclusion, `LONG_ANSWER`, is the rationale. "maybe" is an answer of its own, not a missing key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Item
from sources.reading import read_json
from sources.source import File, Source

_REVISION = "1cbae8e92f72f20c8d3747cbb3bf5bc53554d997"
_UPSTREAM = f"https://raw.githubusercontent.com/pubmedqa/pubmedqa/{_REVISION}"
_OPTIONS = ("yes", "no", "maybe")

SOURCE = Source(
    name="pubmedqa",
    title="PubMedQA, labelled",
    homepage="https://pubmedqa.github.io",
    revision=_REVISION,
    languages=("en",),
    files={
        "labelled": (
            File(
                path="en/pubmedqa/ori_pqal.json",
                sha256="8b3276be8942ebbd77f3ddcda12c1749bf0e490045a736fd8438ee40cf37a41d",
                url=f"{_UPSTREAM}/data/ori_pqal.json",
            ),
        )
    },
    splits={"labelled": "benchmark"},
    license="MIT",
    license_evidence=f"{_UPSTREAM}/LICENSE",
    redistributable="yes",
    forms=("yes_no",),
    citation=(
        "Jin, Dhingra, Liu, Cohen, Lu (2019). PubMedQA: A Dataset for Biomedical Research "
        "Question Answering. EMNLP-IJCNLP 2019, 2567-2577."
    ),
    expected_rows={"labelled": {"en/mcq": 1000}},
)


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question, keyed by its PubMed id."""
    for split, paths in files.items():
        for path in paths:
            for number, (pubmed_id, row) in enumerate(read_json(path).items(), start=1):
                yield _item(str(path), number, pubmed_id, row, split)


def _item(file: str, number: int, pubmed_id: str, row: dict[str, Any], split: str) -> Item | BadRow:
    question, contexts = row.get("QUESTION"), row.get("CONTEXTS")
    if not isinstance(question, str) or not contexts:
        return BadRow(file, number, "missing_field", f"{pubmed_id}: {row}"[:200], "en")
    if not question.strip():
        return BadRow(file, number, "empty_question", pubmed_id, "en")
    decision, year = row.get("final_decision"), row.get("YEAR") or ""
    return Item(
        file=file,
        row=number,
        key=pubmed_id,
        split=split,
        task="mcq",
        form="yes_no",
        language="en",
        question=question,
        context="\n\n".join(contexts),
        options=_OPTIONS,
        answer_indices=(_OPTIONS.index(decision),) if decision in _OPTIONS else (),
        rationale=row.get("LONG_ANSWER") or "",
        year=int(year) if year.isdigit() else None,  # upstream writes null for 58 rows
    )
