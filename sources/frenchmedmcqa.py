"""FrenchMedMCQA: questions of the French pharmacy specialisation exam, five options each.

Traps: 2,025 of 3,105 questions have several keyed options; `type` repeats the number of keyed
options and is absent in the test file; 147 questions are not NFC; one id occurs twice in train.
All topics are `pharmacie`: nothing upstream marks the items that are no medicine.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Flag, Item
from sources.reading import Kind, Place, each_row, lacks, letter_index, read_json_array
from sources.source import File, Source

_REVISION = "4e36a4055245feec3218573c9f6bb1a9ecb1756b"
_CORPUS = f"https://raw.githubusercontent.com/qanastek/FrenchMedMCQA/{_REVISION}/corpus"
_LETTERS = "abcde"

# The exam mixes questions with one answer and with one or more, and its stem says which. What asks
# for one ("une seule est fausse", "laquelle", "sauf une") stands in 837 stems; 835 of them have
# one keyed option. What allows for several ("laquelle (lesquelles)", "quelle(s)") overrules it.
# `type` cannot be used: it is `simple` exactly where one option is keyed, so it gives the key away.
_ASKS_ONE = re.compile(
    r"\b(?:une?|la|le) seule?\b|\bsauf une?\b|\bcel(?:le|ui) qui\b|\b(?:laquelle|lequel)\b"
    r"|\bquel(?:le)? est\b",
    re.IGNORECASE,
)
_ALLOWS_SEVERAL = re.compile(
    r"\((?:[a-zé'’]*s|nt|[a-zé]*nt|sont|lles?|x|ou|les)\b"
    r"|\b(?:lesquel(?:le)?s|celles|ceux|quel(?:le)?s|plusieurs)\b"
    r"|\bles (?:réponses|propositions)? ?(?:exactes|justes|fausses|inexactes)"
    r"|\b(?:la|le|une?|celle|celui) ou (?:les|des|plusieurs|celles|ceux)",
    re.IGNORECASE,
)


def _file(name: str, sha256: str) -> tuple[File, ...]:
    return (File(path=f"fr/frenchmedmcqa/{name}", sha256=sha256, url=f"{_CORPUS}/{name}"),)


SOURCE = Source(
    name="frenchmedmcqa",
    title="FrenchMedMCQA",
    homepage="https://github.com/qanastek/FrenchMedMCQA",
    revision=_REVISION,
    languages=("fr",),
    files={
        "train": _file(
            "train.json", "7932ffb982f174980c3545ff220091efcf856be0c946fdf077dea788c35e93a3"
        ),
        "dev": _file(
            "dev.json", "ddd64d9218561fed1c2dcd59ca13c39380ba92953aff253f39ebeb187a420a32"
        ),
        "test": _file(
            "test.json", "f53d1682af74558ed58b74c8b422a78199b1a0d4e7f0d47e532c5b4b3411e35e"
        ),
    },
    splits={"train": "train", "dev": "validation", "test": "benchmark"},
    license="Apache-2.0",
    license_evidence=(
        "badge in README.md of github.com/qanastek/FrenchMedMCQA, which has no licence file; "
        "`license: apache-2.0` on https://huggingface.co/datasets/qanastek/frenchmedmcqa"
    ),
    redistributable="yes",
    forms=("exam",),
    citation=(
        "Yanis Labrak, Adrien Bazoge, Richard Dufour, Béatrice Daille, Pierre-Antoine Gourraud, "
        "Emmanuel Morin and Mickael Rouvier. FrenchMedMCQA: A French Multiple-Choice Question "
        "Answering Dataset for Medical domain. LOUHI 2022. https://aclanthology.org/2022.louhi-1.5"
    ),
    expected_rows={
        "train": {"fr/mcq": 2171},
        "dev": {"fr/mcq": 312},
        "test": {"fr/mcq": 622},
    },
)


_FIELDS: Mapping[str, Kind] = {
    "id": str,
    "question": str,
    "answers": dict,
    "correct_answers": list[str],
    "subject_name": str,
}
_OPTIONS: Mapping[str, Kind] = dict.fromkeys(_LETTERS, str)


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one multiple-choice item per record."""
    for place, record in each_row(files, read_json_array):
        if isinstance(record, BadRow):
            yield record
        elif fault := lacks(record, _FIELDS) or lacks(record["answers"], _OPTIONS):
            yield place.refuse(fault, record, "fr")
        else:
            yield _item(place, record)


def _item(place: Place, record: dict[str, Any]) -> Item:
    question = record["question"].strip()
    keyed = tuple(sorted(letter_index(letter) for letter in record["correct_answers"]))
    several_allowed = allows_several(question)
    # Two train stems ask for one option and have several keyed: no key to teach.
    is_ambiguous = len(keyed) > 1 and not several_allowed
    evidence = f"the stem asks for one option, keyed are {', '.join(record['correct_answers'])}"
    return Item(
        file=place.file,
        row=place.row,
        key=record["id"],
        split=place.split,
        task="mcq",
        form="exam",
        language="fr",
        question=question,
        # By letter, not in file order: one train record lists its options as a, c, d, e, b.
        options=tuple(record["answers"][letter].strip() for letter in _LETTERS),
        answer_indices=() if is_ambiguous else keyed,
        several_allowed=several_allowed,
        topic=record["subject_name"],
        flags=(Flag("ambiguous_key", evidence),) if is_ambiguous else (),
    )


def allows_several(question: str) -> bool:
    """Tell by the stem alone whether the exam lets more than one option be chosen."""
    stem = unicodedata.normalize("NFC", question)  # "réponse" also where upstream decomposed é
    return _ASKS_ONE.search(stem) is None or _ALLOWS_SEVERAL.search(stem) is not None
