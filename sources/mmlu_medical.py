"""The six medical subjects of MMLU (English, four options), test questions.

The csv files have no header: question, four options, letter. Rows carry no id, and two questions
occur twice in their subject with other options, so the subject and the whole row are the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.item import BadRow, Item
from sources.reading import ContentKeys, Place, Row, each_row, letter_index, read_csv
from sources.source import File, Source

_REVISION = "392943af99cd94cafd50a0de2e7fca24bbf65494"
_UPSTREAM = f"https://raw.githubusercontent.com/Teddy-XiongGZ/MIRAGE/{_REVISION}/rawdata/mmlu"
_COLUMNS = ["question", "A", "B", "C", "D", "answer"]
_SHA256 = {
    "anatomy": "966dfd5c4579885ebdb8c05d6754ae5834f672632586d8595be3c0f9360e6f4e",
    "clinical_knowledge": "06a1ea973000d5ef5d2664c4ac1c68d0423f1cab6b3b682be7942633740811f1",
    "college_biology": "e1204cb9d19887ea266145f038b5d4cc1fbc33d7efce186259c4ecca1cbe3119",
    "college_medicine": "9c533cfff89edaa317b2e79bbabcdd5e2e522e019679cb4a6475e5f2a1861b1e",
    "medical_genetics": "cc30c698e94f12c00e610a39c62d1a1d9587fa53c005359317346081f722c5e6",
    "professional_medicine": "a034bf0dda10cb0848bdd3097eb1547d61ca2dac9e9b871563691621c38d51e9",
}

SOURCE = Source(
    name="mmlu_medical",
    title="MMLU, six medical subjects, test",
    homepage="https://github.com/hendrycks/test",
    revision=_REVISION,
    languages=("en",),
    files={
        "test": tuple(
            File(
                path=f"en/mmlu_med/test/{subject}_test.csv",
                sha256=sha256,
                url=f"{_UPSTREAM}/data/test/{subject}_test.csv",
            )
            for subject, sha256 in _SHA256.items()
        )
    },
    splits={"test": "benchmark"},
    license="MIT",
    license_evidence="https://github.com/hendrycks/test/blob/4450500f923c49f1fb1dd3d99108a0bd9717b660/LICENSE",
    redistributable="yes",
    forms=("exam",),
    citation=(
        "Hendrycks, Burns, Basart, Zou, Mazeika, Song, Steinhardt (2021). Measuring Massive "
        "Multitask Language Understanding. ICLR 2021."
    ),
    expected_rows={"test": {"en/mcq": 1089}},
)


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question; its topic is the subject."""
    keys = ContentKeys()
    for place, row in each_row(files, _read):
        yield row if isinstance(row, BadRow) else _item(place, row, keys)


def _read(path: Path) -> Iterator[Row]:
    return read_csv(path, columns=_COLUMNS)


def _item(place: Place, row: dict[str, str], keys: ContentKeys) -> Item | BadRow:
    if not row["question"].strip():
        return place.refuse("empty_question", row, "en")
    subject = place.path.name.removesuffix(".gz").removesuffix("_test.csv")
    return Item(
        file=place.file,
        row=place.row,
        key=keys.key(subject, *row.values()),
        split=place.split,
        task="mcq",
        form="exam",
        language="en",
        question=row["question"],
        options=tuple(row[letter] for letter in "ABCD"),
        answer_indices=(letter_index(row["answer"]),) if row["answer"].strip() else (),
        topic=subject,
    )
