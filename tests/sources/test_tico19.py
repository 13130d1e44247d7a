"""TICO-19: its memories and term lists on invented rows, and the real files' counts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from schemas.item import BadRow, Item
from sources.tico19 import SOURCE, parse
from tests.sources.real import counts, parse_real

MEMORY = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4"><header srclang="en"></header><body>
<tu tuid="Made_1:1"><prop type="note">x</prop>
<tuv xml:lang="en">
<seg>wash your hands &amp; face</seg></tuv>
<tuv xml:lang="{locale}"><seg>{text}</seg></tuv>
</tu>
</body></tmx>
"""


def memory(tmp_path: Path, locale: str, text: str) -> Path:
    path = tmp_path / f"all.en-{locale}.tmx"
    path.write_text(MEMORY.format(locale=locale, text=text), encoding="utf-8")
    return path


def terms(tmp_path: Path, name: str, *lines: str) -> Path:
    path = tmp_path / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def as_items(rows: list[Item | BadRow]) -> list[Item]:
    return [row for row in rows if isinstance(row, Item)]


def test_sentence_is_one_item_per_language_and_english_is_read_once(tmp_path: Path) -> None:
    paths = [
        memory(tmp_path, "fr", "lavez-vous les mains"),
        memory(tmp_path, "es-LA", "lávese las manos"),
    ]
    items = as_items(list(parse({"sentences": paths})))
    assert [(item.language, item.question, item.origin) for item in items] == [
        ("en", "wash your hands & face", "native"),
        ("fr", "lavez-vous les mains", "translated"),
        ("es", "lávese las manos", "translated"),
    ]
    assert {item.parallel_key for item in items} == {"Made_1:1"}


def test_terms_of_the_two_lists_do_not_share_keys(tmp_path: Path) -> None:
    short = "id,sourceLang,targetLang,sourceString,targetString"
    long = "stringID,sourceLang,targetLang,pos,description,sourceString,targetString"
    paths = [
        terms(tmp_path, "f_en-ja_XX", short, "1,en,ja_XX,fever,発熱"),
        terms(tmp_path, "g_en_es-419", long, '1,en,es-419,noun,"heat, high",fever,fiebre'),
    ]
    items = as_items(list(parse({"terms": paths})))
    assert [(item.language, item.question, item.key) for item in items] == [
        ("en", "fever", "f-1"),
        ("ja", "発熱", "f-1"),
        ("en", "fever", "g-1"),
        ("es", "fiebre", "g-1"),
    ]
    assert {item.form for item in items} == {"term"}


def test_blank_rows_of_a_list_are_bad_rows(tmp_path: Path) -> None:
    header = "id,sourceLang,targetLang,sourceString,targetString"
    path = terms(tmp_path, "f_en-es_XX", header, ",,es_XX,,", "2,en,es_XX,cough,tos")
    rows = list(parse({"terms": [path]}))
    assert [row.reason for row in rows if isinstance(row, BadRow)] == ["missing_field"]
    assert len(as_items(rows)) == 2


def test_unknown_language_is_a_bad_row(tmp_path: Path) -> None:
    rows = list(parse({"sentences": [memory(tmp_path, "sw", "nawa mikono")]}))
    assert [row.reason for row in rows if isinstance(row, BadRow)] == ["invalid_record"]


def english_of(items: list[Item]) -> dict[str, str]:
    return {item.key: item.question for item in items if item.language == "en"}


@pytest.mark.parametrize(("key", "is_left_out"), [("X_1:461", False), ("X_1:462", True)])
def test_a_french_sentence_that_belongs_to_another_row_is_a_bad_row(
    tmp_path: Path, key: str, is_left_out: bool
) -> None:
    paths = [memory(tmp_path, locale, "…") for locale in ("fr", "ru")]
    for path in paths:
        path.write_text(path.read_text().replace("Made_1:1", key))
    rows = list(parse({"sentences": paths}))
    assert [row.reason for row in rows if isinstance(row, BadRow)] == ["misaligned"] * is_left_out
    found = [item.language for item in as_items(rows)]
    assert found == (["en", "ru"] if is_left_out else ["en", "fr", "ru"])


@pytest.mark.real
def test_real_files(raw_root: Path) -> None:
    rows = parse_real("tico19", raw_root)
    assert counts("tico19", rows) == SOURCE.expected_rows
    items = as_items(rows)
    assert len({(item.language, item.key) for item in items}) == len(items)
    sentences = [item for item in items if item.form == "sentence"]
    assert Counter(Counter(item.parallel_key for item in sentences).values()) == {5: 2772, 4: 299}
    french = {item.key for item in sentences if item.language == "fr"}
    left_out = {int(key.rpartition(":")[2]) for key in {*english_of(sentences)} - french}
    assert left_out == {*range(462, 736), *range(1086, 1096), *range(1107, 1122)}
    assert {
        row.excerpt for row in rows if isinstance(row, BadRow) and row.reason == "misaligned"
    } == ({*english_of(sentences)} - french)
    assert english_of(sentences)["CMU_1:48"].startswith(
        "'"
    )  # the Spanish memory lost the apostrophe
