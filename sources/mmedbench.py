"""MMedBench: six languages' exam questions, with explanations that GPT-4 wrote.

Written from documentation: the bytes have not been seen. One archive holds a JSON-lines file per
split and language. It repeats MedQA (en, zh), IgakuQA, FrenchMedMCQA, RuMedDaNet and HEAD-QA, so
its train part only lends explanations; its licence forbids commercial use of what takes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import LETTERS, BadRow, Item, Language, Role
from sources.reading import ContentKeys, read_jsonl
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


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per question."""
    keys: dict[Language, ContentKeys] = {language: ContentKeys() for language in _NAMES}
    for split, paths in files.items():
        language = next(name for name in _NAMES if split.startswith(f"{name}/"))
        for path in paths:
            for number, row in read_jsonl(path):
                if isinstance(row, BadRow):
                    yield row
                else:
                    yield _read_row(str(path), number, row, split, language, keys[language])


def _read_row(
    file: str, number: int, row: dict[str, Any], split: str, language: Language, keys: ContentKeys
) -> Item | BadRow:
    question, options, key = row.get("question"), row.get("options"), row.get("answer_idx")
    if not isinstance(question, str) or not isinstance(options, dict) or key is None:
        return BadRow(file, number, "missing_field", str(row)[:200], language)
    if not question.strip():
        return BadRow(file, number, "empty_question", str(row)[:200], language)
    labels = list(options)
    return Item(
        file=file,
        row=number,
        key=keys.key(question, str(options), str(key)),
        split=split,
        task="mcq",
        form="yes_no" if language == "ru" else "exam",
        language=language,
        question=question,
        options=tuple(str(option) for option in options.values()),
        answer_indices=_key_indices(key, labels),
        several_allowed=language in _SEVERAL,
        rationale=row.get("rationale") or "",
    )


def _key_indices(key: object, labels: list[str]) -> tuple[int, ...]:
    # The card says text split by ","; the authors' inference.py also meets lists of letters.
    letters = key if isinstance(key, list) else re.split(r"[,\s]+", str(key).strip())
    return tuple(
        labels.index(letter) if letter in labels else len(labels) + LETTERS.find(letter)
        for letter in map(str, letters)
        if letter
    )
