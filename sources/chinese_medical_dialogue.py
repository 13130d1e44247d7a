"""Chinese medical dialogue data (Toyhom), internal medicine sample: patients' posts and replies.

Traps: GB18030, not UTF-8; a post of "无" ("none") leaves only the title; 378 rows repeat earlier
ones. Wording was machine-spun with synonyms, and four rows in ten are of one department, so the set
is a reference. Upstream's text file of the same topic is not read: its 4,048 pairs are all here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.item import BadRow, Item
from sources.reading import ContentKeys, Place, each_row, open_binary
from sources.source import File, Source

_REVISION = "26724a4357fcd142f0cab81188cacf1a2dd8a827"
_UPSTREAM = f"https://raw.githubusercontent.com/Toyhom/Chinese-medical-dialogue-data/{_REVISION}"
_COLUMNS = ["department", "title", "ask", "answer"]

SOURCE = Source(
    name="chinese_medical_dialogue",
    title="Chinese medical dialogue data, internal medicine sample",
    homepage="https://github.com/Toyhom/Chinese-medical-dialogue-data",
    revision=_REVISION,
    languages=("zh",),
    files={
        "sample": (
            File(
                path="zh/chinese_medical_dialogue/sample_internal_medicine_5000-6000.gb18030.csv",
                sha256="133e5f7e9a3255468375c258381d131b1dc0a4fff6d431cbe743884139b1eb25",
                url=f"{_UPSTREAM}/%E6%A0%B7%E4%BE%8B_%E5%86%85%E7%A7%915000-6000.csv",
            ),
        )
    },
    splits={"sample": "reference"},
    license="MIT",  # the collector's; the site that the posts were collected from is not named
    license_evidence=f"{_UPSTREAM}/LICENSE",
    redistributable="yes",
    forms=("consultation",),
    citation=(
        "Toyhom (2019). Chinese medical dialogue data. "
        "https://github.com/Toyhom/Chinese-medical-dialogue-data."
    ),
    expected_rows={"sample": {"zh/qa": 7644}},
)


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per post and reply."""
    keys = ContentKeys()
    for place, cells in each_row(files, _read_cells):
        yield _read_row(place, cells, keys)


def _read_cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    # Undecodable bytes become lone surrogates, so that they cost their own row only.
    with io.TextIOWrapper(
        open_binary(path), encoding="gb18030", errors="surrogateescape", newline=""
    ) as stream:
        reader = csv.reader(stream)
        next(reader, None)
        yield from enumerate(reader, start=1)


def _read_row(place: Place, cells: list[str], keys: ContentKeys) -> Item | BadRow:
    raw = ",".join(cells).encode("utf-8", errors="replace").decode()
    if len(cells) != len(_COLUMNS) or not all(_is_decoded(cell) for cell in cells):
        return place.refuse("invalid_record", raw, "zh")
    department, title, ask, answer = cells
    question = title if ask.strip() in ("", "无") else f"{title}\n{ask}"
    if not question.strip():
        return place.refuse("empty_question", raw, "zh")
    if not answer.strip():
        return place.refuse("empty_answer", raw, "zh")
    return Item(
        file=place.file,
        row=place.row,
        key=keys.key(*cells),
        split=place.split,
        task="qa",
        form="consultation",
        language="zh",
        question=question,
        answer=answer,
        topic=department,
    )


def _is_decoded(cell: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in cell)
