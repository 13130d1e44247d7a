"""MedMCQA, the 182,822 training questions, from the Parquet copy on the Hub.

Written from documentation: the bytes have not been seen. The trap is `cop`, which counts from 0
here and from 1 in the authors' own files; the card still says 1 to 4 (medmcqa/medmcqa issue 9, and
the loader's `int(data["cop"]) - 1` in huggingface/datasets pull request 4064). A question with an
explanation that stands alone gives an open item as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.item import BadRow, Item
from sources.explanation import explanation_item
from sources.medmcqa import CITATION, read_item
from sources.reading import each_row, read_parquet
from sources.source import File, Hub, Source

_REVISION = "91c6572c454088bf71b679ad90aa8dffcd0d5868"
_REPO = "openlifescienceai/medmcqa"

SOURCE = Source(
    name="medmcqa_train",
    title="MedMCQA, training set",
    homepage="https://huggingface.co/datasets/openlifescienceai/medmcqa",
    revision=_REVISION,
    languages=("en",),
    files={
        "train": (
            File(
                path="en/medmcqa/train-00000-of-00001.parquet",
                hub=Hub(_REPO, "data/train-00000-of-00001.parquet", _REVISION),
            ),
        )
    },
    splits={"train": "train"},
    license="Apache-2.0",
    license_evidence=f"https://huggingface.co/datasets/{_REPO}/blob/{_REVISION}/README.md",
    redistributable="yes",
    forms=("exam", "explanation"),
    citation=CITATION,
    # README.md at the revision: num_examples 182822. How many rows have an explanation is not
    # published, so the open items ("en/qa") are not predicted.
    expected_rows={"train": {"en/mcq": 182_822}},
    verified="documentation",
)


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question, and its open twin where there is one."""
    for place, row in each_row(files, read_parquet):
        item = read_item(place, row, first_cop=0)
        yield item
        twin = explanation_item(item) if isinstance(item, Item) else None
        if twin is not None:
            yield twin
