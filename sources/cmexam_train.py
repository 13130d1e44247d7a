"""CMExam, the 54,497 training and 6,811 test questions, from the authors' repository.

Written from documentation: the bytes have not been seen. The authors' own `generate_prompt.py`
reads these columns, splits options at line breaks and meets rows without an answer. The validation
set is `cmexam`; its rows are read by the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.item import BadRow, Item
from sources import cmexam
from sources.cmexam import AUTHORS, AUTHORS_REVISION, read_question
from sources.reading import ContentKeys, each_row, read_csv
from sources.source import File, Source


def _file(name: str) -> File:
    return File(path=f"zh/cmexam/{name}", url=f"{AUTHORS}/data/{name}")


SOURCE = Source(
    name="cmexam_train",
    title="CMExam, training and test sets",
    homepage="https://github.com/williamliujl/CMExam",
    revision=AUTHORS_REVISION,
    languages=("zh",),
    files={
        "train": (_file("train.csv"),),
        "test": (_file("test_with_annotations.csv"),),  # five columns more, which are not read
    },
    splits={"train": "train", "test": "benchmark"},
    license="Apache-2.0",
    license_evidence=f"{AUTHORS}/LICENSE",
    redistributable="yes",
    forms=("exam", "explanation"),
    citation=cmexam.CITATION,
    # README.md at the revision. How many rows give an open item ("zh/qa") is not published.
    expected_rows={"train": {"zh/mcq": 54_497}, "test": {"zh/mcq": 6_811}},
    verified="documentation",
)


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question, and its open twin where there is one."""
    keys = ContentKeys()
    for place, row in each_row(files, read_csv):
        if isinstance(row, BadRow):
            yield row
        else:
            yield from read_question(place, row, keys)
