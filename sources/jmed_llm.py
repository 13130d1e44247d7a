"""JMED-LLM: four Japanese evaluation sets in one layout, one csv file each.

JMMLU-Med is MMLU translated (another licence than the rest); RRTNM, CRADE and SMDIS are
classifications dressed as multiple choice, with fixed options and 81 to 88 % of one answer in the
last two. RRTNM pads its shorter option lists with empty cells. The fifth set, jcsts, grades the
similarity of two sentences and is not medical question answering: it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Form, Item, Origin
from sources.reading import ContentKeys, Place, each_row, letter_index, read_csv
from sources.source import File, Source

_COMMIT = "3774a34e4a26a7b8a7851f421ecad91a04c2f59b"
_URL = f"https://raw.githubusercontent.com/sociocom/JMED-LLM/{_COMMIT}"


def _file(name: str, sha256: str) -> tuple[File, ...]:
    url = f"{_URL}/datasets/all/{name}.csv"
    return (File(path=f"ja/jmed_llm/{name}.csv", sha256=sha256, url=url),)


SOURCE = Source(
    name="jmed_llm",
    title="JMED-LLM (JMMLU-Med, RRTNM, CRADE, SMDIS)",
    homepage="https://github.com/sociocom/JMED-LLM",
    revision=_COMMIT,
    languages=("ja",),
    files={
        "jmmlu_med": _file(
            "JMMLU-Med", "6d2be1468275bf10aecb4bb2e6bebfbf4c47f0d3faaaf3984640b8f0032d8eb3"
        ),
        "rrtnm": _file("RRTNM", "a0f476e98c510b5c0cc81a9cdcf352836208ab2a1aea6c77bcaf7fede5935436"),
        "crade": _file("CRADE", "238a954aaa5b84b08adfc4839f21d8ca2d0ab1ddbc54631846e326102f9aa4d2"),
        "smdis": _file("SMDIS", "ed6c182076356fda221266b486967d5d3066cacca55a9083c8289aa02e64f034"),
    },
    splits={
        "jmmlu_med": "benchmark",
        "rrtnm": "benchmark",
        "crade": "reference",
        "smdis": "reference",
    },
    license="CC-BY-4.0",
    license_evidence=f"{_URL}/README.md",
    redistributable="yes",
    forms=("exam", "classification"),
    citation=(
        "Social Computing Laboratory, NAIST (2024). JMED-LLM: Japanese Medical Evaluation Dataset "
        "for Large Language Models. https://github.com/sociocom/JMED-LLM."
    ),
    expected_rows={
        "jmmlu_med": {"ja/mcq": 681},
        "rrtnm": {"ja/mcq": 324},
        "crade": {"ja/mcq": 1630},
        "smdis": {"ja/mcq": 15360},
    },
)


@dataclass(frozen=True, slots=True)
class _Part:
    """What sets JMMLU-Med apart from the classifications."""

    form: Form = "classification"
    origin: Origin = "native"
    license: str = ""


_CLASSIFICATION = _Part()
_PARTS = {"jmmlu_med": _Part("exam", "translated", "CC-BY-SA-4.0")}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item or bad row per record; the subset is the split."""
    keys = {split: ContentKeys() for split in files}  # upstream gives no identifier
    for place, row in each_row(files, read_csv):
        if isinstance(row, BadRow):
            yield replace(row, subset=place.split)
        elif not row.get("question", "").strip():
            yield place.refuse("empty_question", row, "ja", place.split)
        else:
            yield _item(place, row, keys[place.split])


def _item(place: Place, row: Mapping[str, Any], keys: ContentKeys) -> Item:
    part = _PARTS.get(place.split, _CLASSIFICATION)
    return Item(
        file=place.file,
        row=place.row,
        key=keys.key(*row.values()),
        split=place.split,
        subset=place.split,
        task="mcq",
        form=part.form,
        language="ja",
        question=row["question"],
        options=_options(row),
        answer_indices=(letter_index(row["answer"]),) if row.get("answer", "").strip() else (),
        origin=part.origin,
        license=part.license,
        topic=row.get("tag", ""),
    )


def _options(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return the options without the empty cells that pad the end."""
    options = [cell for name, cell in row.items() if name.startswith("option")]
    while options and not options[-1].strip():
        options.pop()
    return tuple(options)
