"""FrenchMedMCQA: how many options may be chosen is in the stem, never in the key."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.item import BadRow, Item
from sources.frenchmedmcqa import SOURCE, allows_several, parse
from tests.sources.real import counts, parse_real

ANSWERS = {"a": "Le foie", "b": "Le rein", "c": "La rate", "d": "Le cœur", "e": "Le côlon"}


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def record(question: str, *keyed: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"id of {question}",
        "question": question,
        "answers": ANSWERS,
        "correct_answers": list(keyed),
        "subject_name": "pharmacie",
        "nbr_correct_answers": len(keyed),
    } | changes


def only_item(path: Path) -> Item:
    (row,) = parse({"train": [path]})
    assert isinstance(row, Item)
    return row


def test_a_record_becomes_an_item(tmp_path: Path) -> None:
    path = write(tmp_path / "test.json", record("Quel(s) organe(s) filtre(nt) le sang ?", "c", "b"))
    assert list(parse({"test": [path]})) == [
        Item(
            file=str(path),
            row=1,
            key="id of Quel(s) organe(s) filtre(nt) le sang ?",
            split="test",
            task="mcq",
            form="exam",
            language="fr",
            question="Quel(s) organe(s) filtre(nt) le sang ?",
            options=tuple(ANSWERS.values()),
            answer_indices=(1, 2),
            several_allowed=True,
            topic="pharmacie",
        )
    ]


def test_options_are_ordered_by_letter(tmp_path: Path) -> None:
    shuffled = {letter: ANSWERS[letter] for letter in "acdeb"}
    item = only_item(write(tmp_path / "train.json", record("Quel organe ?", "b", answers=shuffled)))
    assert item.options == tuple(ANSWERS.values())
    assert item.answer_indices == (1,)


@pytest.mark.parametrize(
    "stem",
    [
        "Parmi les propositions suivantes, une seule est fausse. Laquelle ?",
        "Quel est l'organe qui filtre l'urine ?",
        "Indiquer celle qui est exacte :",
        "Tous ces organes filtrent, sauf un. Lequel ?",
        "Les phrases suivantes concernant le rein : laquelle est inexacte ?",
    ],
)
def test_a_stem_that_asks_for_one_allows_one(stem: str) -> None:
    assert not allows_several(stem)


@pytest.mark.parametrize(
    "stem",
    [
        "Parmi les propositions suivantes, laquelle (lesquelles) est (sont) exacte(s) ?",
        "Indiquer celle(s) qui est (sont) fausse(s) :",
        "Quelles sont celles qui filtrent le sang ?",
        "Indiquez la ou les réponses exactes, le rein :",
        "Indiquez la ou les re\u0301ponses exactes, le rein :",
        "Le rein :",
    ],
)
def test_every_other_stem_allows_several(stem: str) -> None:
    assert allows_several(stem)


@pytest.mark.parametrize("keyed", [("a",), ("a", "b"), ("a", "b", "c", "d", "e")])
def test_the_key_does_not_decide_whether_several_are_allowed(
    tmp_path: Path, keyed: tuple[str, ...]
) -> None:
    open_stem = only_item(write(tmp_path / "a.json", record("Le rein :", *keyed)))
    strict_stem = only_item(write(tmp_path / "b.json", record("Lequel filtre ?", *keyed)))
    assert open_stem.several_allowed
    assert not strict_stem.several_allowed


def test_several_keys_to_a_stem_that_asks_for_one_are_an_ambiguous_key(tmp_path: Path) -> None:
    item = only_item(write(tmp_path / "train.json", record("Lequel filtre l'urine ?", "a", "b")))
    assert item.answer_indices == ()
    assert [flag.name for flag in item.flags] == ["ambiguous_key"]
    assert "a, b" in item.flags[0].evidence


def test_decomposed_letters_stay_as_upstream_wrote_them(tmp_path: Path) -> None:
    stem = unicodedata.normalize("NFD", "Un œdème généralisé évoque :")
    assert only_item(write(tmp_path / "train.json", record(stem, "b"))).question == stem


def test_a_broken_record_costs_only_itself(tmp_path: Path) -> None:
    without_options = record("Le rein :", "a", answers={"a": "Un organe"})
    path = write(tmp_path / "dev.json", without_options, record("Le foie :", "b"))
    bad, good = parse({"dev": [path]})
    assert isinstance(bad, BadRow)
    assert (bad.row, bad.reason) == (1, "missing_field")
    assert isinstance(good, Item)


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("frenchmedmcqa", raw_root)
    assert counts("frenchmedmcqa", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    # 2,025 of 3,105 have several keys: 670, 930, 382, 43; two of them to a stem that asks for one.
    sizes = Counter(len(item.answer_indices) for item in items)
    assert sizes == {0: 2, 1: 1080, 2: 669, 3: 929, 4: 382, 5: 43}
    assert [item.row for item in items if item.flags] == [1189, 1586]
    assert sum(not item.several_allowed for item in items) == 837
    decomposed = [item for item in items if not unicodedata.is_normalized("NFC", item.question)]
    assert len(decomposed) == 147
    # One upstream id stands on two equal train records, 1188 and 1221; ingest refuses the second.
    repeated = Counter(item.key for item in items)
    assert [num for num in repeated.values() if num > 1] == [2]
