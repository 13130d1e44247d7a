"""LabForSims2: three files, joined by the identifiers of both speakers."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.item import BadRow, Item
from sources.labforsims2 import SOURCE, parse
from tests.sources.real import counts, parse_real


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    texts = {
        "d_p.txt": "HDM0009 +++ P0010\nMTF0001 +++ P0002\nUNK0011 +++ P0099\n",
        "doctor.txt": (
            "MTF0001 +++ bonjour. qu'est-ce qui vous amène ?\n"
            "HDM0009 +++ vous toussez depuis quand ?\n"
            "UNK0011 +++ avez-vous un chat +++ ou un chien ?\n"
        ),
        "patient.txt": "P0002 +++  j'ai une vilaine toux.\nP0010 +++  depuis trois jours.\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return [tmp_path / name for name in texts]


def test_a_pair_becomes_a_consultation_turn_answered_by_the_patient(paths: list[Path]) -> None:
    item = next(iter(parse({"single": paths})))
    assert item == Item(
        file=str(paths[0]),
        row=1,
        key="HDM0009+P0010",
        split="single",
        task="qa",
        form="consultation",
        language="fr",
        question="vous toussez depuis quand ?",
        answer="depuis trois jours.",
        topic="HDM",
    )


def test_files_are_found_by_name_in_any_order(paths: list[Path]) -> None:
    assert list(parse({"single": paths[::-1]})) == list(parse({"single": paths}))


def test_a_pair_without_its_answer_is_refused(paths: list[Path]) -> None:
    bad = list(parse({"single": paths}))[2]
    assert bad == BadRow(str(paths[0]), 3, "missing_field", "UNK0011 +++ P0099", "fr")


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("labforsims2", raw_root)
    assert counts("labforsims2", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == 2701
    assert len({item.question for item in items}) == 2496
    assert len({item.answer for item in items}) == 637
    assert {item.topic for item in items} == {"HDM", "ATD", "MDV", "PSN", "TRT", "UNK", "MTF"}
