"""CMExam, the 6,811 validation questions of Chinese medical licensing exams, with explanations.

Traps: options are packed with a literal backslash and n, and three rows skip a letter, so that the
key must be looked up among the letters given. 1,039 explanations and one answer are the text "nan",
which stands for none. Twelve stems point to a picture that the set does not have.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from openpyxl import load_workbook

from schemas.item import LETTERS, BadRow, Flag, Item
from sources.explanation import explanation_item
from sources.reading import (
    ContentKeys,
    Kind,
    Place,
    each_row,
    key_indices,
    lacks,
    open_binary,
)
from sources.source import File, Source

_REVISION = "303a45e554c059c773be4cb951acb7247b405f74"
AUTHORS_REVISION = "fadb22c89beb1b7115dc36460ba792eb96b7b972"
AUTHORS = f"https://raw.githubusercontent.com/williamliujl/CMExam/{AUTHORS_REVISION}"

CITATION = (
    "Liu, Zhou, Hua, et al. (2023). Benchmarking Large Language Models on CMExam: A Comprehensive "
    "Chinese Medical Exam Dataset. NeurIPS 2023 Datasets and Benchmarks. arXiv:2306.03030."
)

SOURCE = Source(
    name="cmexam",
    title="CMExam, validation set",
    homepage="https://github.com/williamliujl/CMExam",
    revision=_REVISION,
    languages=("zh",),
    files={
        "val": (
            File(
                path="zh/cmexam_val/val.xlsx",
                sha256="635448289ada26e163a352b150861e501ab8198bc338dafc1c4b6034210b02cf",
                url=f"https://raw.githubusercontent.com/kyre-99/CMExam-Dataset/{_REVISION}/val.xlsx",
            ),
        )
    },
    splits={"val": "validation"},
    license="Apache-2.0",  # the authors'; the copy read here has no licence file of its own
    license_evidence=f"{AUTHORS}/LICENSE",
    redistributable="yes",
    forms=("exam", "explanation"),
    citation=CITATION,
    expected_rows={"val": {"zh/mcq": 6811, "zh/qa": 2161}},
)

# "心电图示" (the electrocardiogram shows) is no picture, "如图" (see the figure) is one.
_PICTURE = re.compile(r"如[上下]?图|见[上下]?图|下图|附图|暂无图|[（(]图")

# Questions of Chinese law and administration, whose answers hold nowhere else.
_LAW = re.compile(
    r"《[^》]{0,30}(?:法|条例|规定|办法|规范|规程|准则|目录|通知|纲要)》|国务院|人民政府|执业药师|执业医师"
    r"|(?:卫生|药品监督|行政|主管)[^，。、]{0,6}(?:部门|机构)"
)


_FIELDS: Mapping[str, Kind] = {"Question": str, "Options": str, "Answer": str, "Explanation": str}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question, and its open twin where there is one."""
    keys = ContentKeys()
    for place, cells in each_row(files, _read_sheet):
        yield from read_question(place, cells, keys)


def _read_sheet(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with open_binary(path) as stream:
        sheet = load_workbook(io.BytesIO(stream.read()), read_only=True).active
    rows = sheet.iter_rows(values_only=True)
    header = [str(name) for name in next(rows, ())]
    for number, cells in enumerate(rows, start=1):
        texts = ("" if cell is None else str(cell) for cell in cells)
        yield number, dict(zip(header, texts, strict=False))


def read_question(
    place: Place, cells: Mapping[str, str], keys: ContentKeys
) -> Iterator[Item | BadRow]:
    """Yield the items of an upstream row: the question, and its open twin where there is one."""
    if fault := lacks(cells, _FIELDS):
        yield place.refuse(fault, cells, "zh")
        return
    question, packed, answer, explanation = (cells[column] for column in _FIELDS)
    if not question.strip():
        yield place.refuse("empty_question", packed, "zh")
        return
    labels, options = _unpack(packed)
    item = Item(
        file=place.file,
        row=place.row,
        key=keys.key(question, packed, answer),
        split=place.split,
        task="mcq",
        form="exam",
        language="zh",
        question=question,
        options=tuple(options),
        answer_indices=key_indices(labels, _letters(answer)),
        # Pharmacists' papers mix one-answer questions with X-type ones (several answers: 210 rows
        # here); no column and no wording tells them apart, so that "one or more" is all that holds.
        several_allowed=True,
        rationale=_unpack_lines(explanation),
        jurisdiction=jurisdiction(question, packed, explanation),
        flags=picture_flags(question),
    )
    yield item
    # Where a letter is skipped, the explanation's letters may be those of the full paper.
    twin = explanation_item(item) if labels == list(LETTERS[: len(labels)]) else None
    if twin is not None:
        yield twin


def picture_flags(question: str) -> tuple[Flag, ...]:
    """Return the flag of a Chinese stem that points to a picture."""
    found = _PICTURE.search(question)
    return (Flag("image_dependent", evidence=found[0]),) if found else ()


def jurisdiction(*texts: str) -> str:
    """Return "CN" where a text is about Chinese law or administration."""
    return "CN" if any(_LAW.search(text) for text in texts) else ""


def _unpack(packed: str) -> tuple[list[str], list[str]]:
    # The authors' files have a line break where the copy has a backslash and n.
    labels: list[str] = []
    options: list[str] = []
    for line in filter(str.strip, re.split(r"\\n|\n", packed)):
        label, _, option = line.strip().partition(" ")
        labels.append(label)
        options.append(option.strip())
    return labels, options


def _letters(answer: str) -> str:
    answer = answer.strip()
    return "" if answer == "nan" else answer


def _unpack_lines(explanation: str) -> str:
    text = explanation.replace("\\n", "\n").strip()
    return "" if text == "nan" else text
