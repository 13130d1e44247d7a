"""MMLU, six medical subjects: the traps of its format, and the real files' counts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from schemas.item import BadRow, Item
from sources.mmlu_medical import SOURCE, parse
from tests.sources.real import counts, parse_real

FIRST = 'Which bone is the "collar bone"?,Femur,Clavicle,"Ulna, proximal",Tibia,B\n'


def parse_text(tmp_path: Path, text: str, subject: str = "anatomy") -> list[Item | BadRow]:
    path = tmp_path / f"{subject}_test.csv"
    path.write_text(text, encoding="utf-8")
    return list(parse({"test": [path]}))


def test_first_line_is_a_question_and_not_a_header(tmp_path: Path) -> None:
    (item,) = parse_text(tmp_path, FIRST)
    assert isinstance(item, Item)
    assert item.row == 1
    assert item.options == ("Femur", "Clavicle", "Ulna, proximal", "Tibia")
    assert item.answer_indices == (1,)


def test_topic_is_the_subject_of_the_file(tmp_path: Path) -> None:
    (item,) = parse_text(tmp_path, FIRST, "medical_genetics")
    assert isinstance(item, Item)
    assert item.topic == "medical_genetics"


def test_same_question_with_other_options_keeps_its_own_key(tmp_path: Path) -> None:
    rows = parse_text(tmp_path, "Name a gas.,O2,Fe,Au,Ag,A\nName a gas.,N2,Fe,Au,Ag,A\n")
    assert len({row.key for row in rows if isinstance(row, Item)}) == 2


def test_same_row_in_two_subjects_keeps_its_own_key(tmp_path: Path) -> None:
    paths = [tmp_path / "anatomy_test.csv", tmp_path / "college_biology_test.csv"]
    for path in paths:
        path.write_text(FIRST, encoding="utf-8")
    rows = list(parse({"test": paths}))
    assert len({row.key for row in rows if isinstance(row, Item)}) == 2


def test_record_with_a_missing_cell_is_refused(tmp_path: Path) -> None:
    bad, good = parse_text(tmp_path, "Question?,1,2,3,A\n" + FIRST)
    assert isinstance(bad, BadRow)
    assert bad.reason == "invalid_record"
    assert isinstance(good, Item)


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("mmlu_medical", raw_root)
    assert counts("mmlu_medical", rows) == SOURCE.expected_rows
    items = [row for row in rows if isinstance(row, Item)]
    assert len({item.key for item in items}) == len(items)
    assert Counter(item.topic for item in items) == {
        "anatomy": 135,
        "clinical_knowledge": 265,
        "college_biology": 144,
        "college_medicine": 173,
        "medical_genetics": 100,
        "professional_medicine": 272,
    }
