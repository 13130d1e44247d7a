"""MMedBench: six languages' exam questions, with explanations that GPT-4 wrote.

Written from documentation: the bytes have not been seen. One archive holds a JSON-lines file per
split and language. It repeats MedQA (en, zh), IgakuQA, FrenchMedMCQA, RuMedDaNet and HEAD-QA, so
its train part only lends explanations; its licence forbids commercial use of what takes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from schemas.item import BadRow, Item, Language, Role
from sources.reading import (
    ContentKeys,
    Kind,
    Place,
    each_row,
    key_indices,
    lacks,
    read_jsonl,
)
from sources.source import File, Hub, Source

_REVISION = "d817c67d0bca216e63ea784fcf8a642c57bc372b"
_REPO = "Henrychur/MMedBench"

_TEST_ROLE: Role = "benchmark"
_TRAIN_ROLE: Role = "reference"
_NAMES: dict[Language, str] = {
    "en": "English",
    "zh": "Chinese",
    "ja": "Japanese",
    "fr": "French",
    "ru": "Russian",
    "es": "Spanish",
}


def _file(language: Language, part: str) -> File:
    name = f"{part}/{_NAMES[language]}.jsonl"
    return File(
        path=f"mmedbench/{name}",
        hub=Hub(_REPO, "MMedBench.zip", _REVISION),
        member=f"MMedBench/{name}",
    )


SOURCE = Source(
    name="mmedbench",
    title="MMedBench",
    homepage="https://huggingface.co/datasets/Henrychur/MMedBench",
    revision=_REVISION,
    languages=tuple(_NAMES),
    files={
        f"{language}/{part.lower()}": (_file(language, part),)
        for language in _NAMES
        for part in ("Test", "Train")
    },
    splits={
        f"{language}/{part}": role
        for language in _NAMES
        for part, role in (("test", _TEST_ROLE), ("train", _TRAIN_ROLE))
    },
    license="CC-BY-NC-4.0",
    license_evidence=f"https://huggingface.co/datasets/{_REPO}/blob/{_REVISION}/README.md",
    redistributable="yes",
    forms=("exam", "yes_no"),
    citation=(
        "Qiu, Wu, Zhang, et al. (2024). Towards building multilingual language model for medicine. "
        "Nature Communications 15, 8384."
    ),
    # The paper's table; README.md at the revision gives its sums, 8,518 and 45,048.
    expected_rows={
        "en/test": {"en/mcq": 1_273},
        "zh/test": {"zh/mcq": 3_426},
        "ja/test": {"ja/mcq": 199},
        "fr/test": {"fr/mcq": 622},
        "ru/test": {"ru/mcq": 256},
        "es/test": {"es/mcq": 2_742},
        "en/train": {"en/mcq": 10_178},
        "zh/train": {"zh/mcq": 27_400},
        "ja/train": {"ja/mcq": 1_590},
        "fr/train": {"fr/mcq": 2_171},
        "ru/train": {"ru/mcq": 1_052},
        "es/train": {"es/mcq": 2_657},
    },
    verified="documentation",
)

# FrenchMedMCQA and IgakuQA have questions with several answers, the other four sets have none.
_SEVERAL: frozenset[Language] = frozenset({"fr", "ja"})


_FIELDS: Mapping[str, Kind] = {"question": str, "options": dict, "answer_idx": str | list}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question."""
    keys = {language: ContentKeys() for language in _NAMES}
    for place, row in each_row(files, read_jsonl):
        language = cast(Language, place.split.partition("/")[0])
        if isinstance(row, BadRow):
            yield replace(row, language=language)
        elif fault := lacks(row, _FIELDS):
            yield place.refuse(fault, row, language)
        elif not row["question"].strip():
            yield place.refuse("empty_question", row, language)
        else:
            yield _item(place, language, row, keys[language])


def _item(place: Place, language: Language, row: dict[str, Any], keys: ContentKeys) -> Item:
    question, options, keyed = row["question"], row["options"], row["answer_idx"]
    return Item(
        file=place.file,
        row=place.row,
        key=keys.key(question, str(options), str(keyed)),
        split=place.split,
        task="mcq",
        form="yes_no" if language == "ru" else "exam",
        language=language,
        question=question,
        options=tuple(str(option) for option in options.values()),
        answer_indices=key_indices(list(options), _letters(keyed)),
        several_allowed=language in _SEVERAL,
        rationale=row.get("rationale") or "",
    )


def _letters(keyed: str | list[Any]) -> list[str]:
    # The card says text split by ","; the authors' inference.py also meets lists of letters.
    letters = keyed if isinstance(keyed, list) else re.split(r"[,\s]+", keyed)
    return [str(letter) for letter in letters if letter]
