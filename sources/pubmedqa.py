"""PubMedQA, the 1,000 expert-labelled questions: yes, no or maybe, from an abstract (English).

Upstream is one JSON object by PubMed id. The abstract without its conclusion is the context; the
conclusion, `LONG_ANSWER`, is the rationale. "maybe" is an answer of its own, not a missing key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Item
from sources.reading import Kind, Place, each_row, lacks, read_json
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


_FIELDS: Mapping[str, Kind] = {
    "QUESTION": str,
    "CONTEXTS": list[str],
    "LONG_ANSWER": str | None,
    "YEAR": str | None,  # upstream writes null for 58 rows
    "final_decision": str | None,
}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question, keyed by its PubMed id."""
    for place, (pubmed_id, row) in each_row(files, _entries):
        fault = _fault(row)
        if fault:
            yield place.refuse(fault, f"{pubmed_id}: {row}", "en")
        else:
            yield _item(place, pubmed_id, row)


def _entries(path: Path) -> Iterator[tuple[int, tuple[str, Any]]]:
    yield from enumerate(read_json(path).items(), start=1)


def _fault(row: Any) -> str:  # noqa: ANN401 - JSON has no narrower type
    """Return why a row gives no item, or nothing."""
    fault = lacks(row, _FIELDS)
    if fault or not row["CONTEXTS"]:
        return fault or "missing_field"
    return "" if row["QUESTION"].strip() else "empty_question"


def _item(place: Place, pubmed_id: str, row: dict[str, Any]) -> Item:
    decision, year = row["final_decision"], row["YEAR"] or ""
    return Item(
        file=place.file,
        row=place.row,
        key=pubmed_id,
        split=place.split,
        task="mcq",
        form="yes_no",
        language="en",
        question=row["QUESTION"],
        context="\n\n".join(row["CONTEXTS"]),
        options=_OPTIONS,
        answer_indices=(_OPTIONS.index(decision),) if decision in _OPTIONS else (),
        rationale=row["LONG_ANSWER"] or "",
        year=int(year) if year.isdigit() else None,
    )
