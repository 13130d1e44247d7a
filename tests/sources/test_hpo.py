"""Human Phenotype Ontology: its format on invented rows, and the real files' counts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from schemas.item import BadRow, Item
from sources.hpo import SOURCE, parse
from tests.sources.real import counts, parse_real

HEADER = "\t".join(
    [
        "translation_language",
        "subject_id",
        "predicate_id",
        "source_value",
        "translation_value",
        "translation_status",
    ]
)


def parse_files(tmp_path: Path, *files: tuple[str, ...]) -> list[Item | BadRow]:
    paths = []
    for number, lines in enumerate(files):
        path = tmp_path / f"{number}.tsv"
        path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
        paths.append(path)
    return list(parse({"labels": paths}))


def test_term_is_one_item_per_language_and_english_is_read_once(tmp_path: Path) -> None:
    rows = parse_files(
        tmp_path,
        ("es\tHP:1\trdfs:label\tBlue nails\tUñas azules\tOFFICIAL",),
        ('zh\tHP:1\trdfs:label\t"Nails, blue"\t蓝指甲\tOFFICIAL',),
    )
    assert [(row.language, row.question) for row in rows if isinstance(row, Item)] == [
        ("en", "Blue nails"),
        ("es", "Uñas azules"),
        ("zh", "蓝指甲"),
    ]
    assert {row.parallel_key for row in rows if isinstance(row, Item)} == {"HP:1"}


def test_quotation_marks_inside_a_name_stay(tmp_path: Path) -> None:
    rows = parse_files(
        tmp_path, ('es\tHP:1\trdfs:label\tCupped rib\tCostilla "en copa"\tOFFICIAL',)
    )
    assert isinstance(rows[1], Item)
    assert rows[1].question == 'Costilla "en copa"'


def test_untranslated_term_is_a_bad_row_but_keeps_its_english_name(tmp_path: Path) -> None:
    english, japanese = parse_files(tmp_path, ("ja\tHP:1\trdfs:label\tAll\tNA\tNOT_TRANSLATED",))
    assert isinstance(english, Item)
    assert isinstance(japanese, BadRow)
    assert (japanese.reason, japanese.language) == ("missing_field", "ja")


def test_definitions_are_left_out(tmp_path: Path) -> None:
    assert parse_files(tmp_path, ("fr\tHP:1\tIAO:0000115\tA nail.\tUn ongle.\tOFFICIAL",)) == []


def test_row_with_missing_cells_is_a_bad_row(tmp_path: Path) -> None:
    rows = parse_files(tmp_path, ("fr\tHP:1", "fr\tHP:2\trdfs:label\tNail\tOngle\tOFFICIAL"))
    assert [isinstance(row, BadRow) for row in rows] == [True, False, False]


def test_file_without_a_column_is_bad_rows_and_no_error(tmp_path: Path) -> None:
    path = tmp_path / "hp-es.babelon.tsv"
    path.write_text("subject_id\tpredicate_id\nHP:1\trdfs:label\n", encoding="utf-8")
    (bad,) = parse({"labels": [path]})
    assert isinstance(bad, BadRow)
    assert bad.reason == "missing_field"


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("hpo", raw_root)
    assert counts("hpo", rows) == SOURCE.expected_rows
    keys = Counter((row.language, row.key) for row in rows if isinstance(row, Item))
    repeats: Counter[str] = Counter()
    for (language, _), number in keys.items():
        repeats[language] += number - 1
    assert +repeats == {"fr": 235}
