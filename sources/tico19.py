"""TICO-19: 3,071 sentences on COVID-19 in English with professional translations, and term lists.

One item per sentence or term and language, no answer; the parallel key joins the languages. English
stands in every file and is read once, from the French memory and list first: the Spanish memory
lost a leading quotation mark in seven sentences. Half of the rows of one Spanish list are blank.
Memories between two languages other than English hold the same sentences and are left out. So are
299 French sentences, in whose place the translation of another sentence stands.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path

from schemas.item import LANGUAGES, BadRow, Form, Item, Language
from sources.reading import EXCERPT_CHARACTERS, open_binary, read_csv
from sources.source import File, Source

_COMMIT = "d97615f9cffa28ec7de571e00fbd513e5a1c7fc7"
_URL = f"https://raw.githubusercontent.com/tico-19/tico-19.github.io/{_COMMIT}"


def _memory(pair: str, sha256: str, is_zipped: bool = False) -> File:
    name = f"all.{pair}.tmx"
    url = f"{_URL}/data/TM/{name}"
    if is_zipped:
        return File(path=f"parallel/tico19/{name}", sha256=sha256, url=f"{url}.zip", member=name)
    return File(path=f"parallel/tico19/{name}", sha256=sha256, url=url)


def _terms(name: str, sha256: str) -> File:
    path = f"terminologies/{name}.csv"
    return File(path=f"parallel/tico19/{path}", sha256=sha256, url=f"{_URL}/data/{path}")


SOURCE = Source(
    name="tico19",
    title="TICO-19 (translation memories and terminologies)",
    homepage="https://tico-19.github.io",
    revision=_COMMIT,
    languages=("en", "es", "fr", "ru", "zh", "ja"),
    files={
        "sentences": (
            _memory("en-fr", "8bf9344e724ca68fdda2a725c3ba127df5e3f77f2dc7de1f9bcfc0abd7feed70"),
            _memory("en-ru", "5c4bcea22ae42febeb1d500e176bde06957bfd85243717476f4f78aa3304f1ee"),
            _memory("en-zh", "9a93a72c987d882c7fd298aac47692743cc0df7496e41a521bf191d47889c303"),
            _memory(
                "en-es-LA",
                "6d4e2b178b388512248f4d8e315cc55fe1c9331ccb94366fc16f31463a45219c",
                is_zipped=True,
            ),
        ),
        "terms": (
            _terms(
                "f_en-fr_XX", "b0e1d6a6c1e69acdc01eb1f58482606b04cce727059e075ef9fd7b233c32215d"
            ),
            _terms(
                "f_en-es_XX", "7903e91c7af055da6387902658fc1b3b522efdd875109d88dcbbd9a2208b91ec"
            ),
            _terms(
                "f_en-ja_XX", "bbe295d741e84a23222291332806024d3f8f0559a4add3a18dcac646aeed0058"
            ),
            _terms(
                "f_en-ru_RU", "8a0312736b3fb6216bc54fb3158accb6de82855bba036b2a93794877c1501a5a"
            ),
            _terms(
                "f_en-zh_CN", "8ae57318109c98c6df2ad1125546951419747d8fe57bb1ac1442468d6da72148"
            ),
            _terms(
                "g_en_fr-FR", "3ade82a0cb98036bb0d24ec1b3ae356320c52c4e3aef73413beae78a44de6aba"
            ),
            _terms(
                "g_en_es-419", "940efbc65cf5386ffa385ace2a6fc1448932f3d3a573c8cb5b6624108bd6bf49"
            ),
            _terms("g_en_ja", "825e31a8cbc249aa88f90747e433988d0d65d32c98989c2577fa3dc9f4c6aaab"),
            _terms("g_en_ru", "861434f4c237b567583c4d1f90bfeaff8ff3739ec45a6b6a9d4ad86feb779088"),
            _terms(
                "g_en_zh-CN", "15751479d04cd12931ab138e649460bc2dd24f70ec7a969c26ac21683f9e355a"
            ),
        ),
    },
    splits={"sentences": "reference", "terms": "reference"},
    license="CC0-1.0",
    license_evidence=f"{_URL}/LICENSE.md",
    redistributable="yes",
    forms=("sentence", "term"),
    citation=(
        "Anastasopoulos et al. (2020). TICO-19: the Translation Initiative for COvid-19. NLP for "
        "COVID-19 (Part 2) at EMNLP 2020."
    ),
    expected_rows={
        "sentences": {"en/qa": 3071, "es/qa": 3071, "fr/qa": 2772, "ru/qa": 3071, "zh/qa": 3071},
        "terms": {
            "en/qa": 643,
            "es/qa": 643,
            "fr/qa": 642,
            "ja/qa": 643,
            "ru/qa": 634,
            "zh/qa": 643,
        },
        "refused": {"missing_field": 306, "misaligned": 299},
    },
    parallel_family="tico19",
)

_FORMS: Mapping[str, Form] = {"sentences": "sentence", "terms": "term"}
_LANGUAGE: Mapping[str, Language] = {language: language for language in LANGUAGES}
# First and last number of the keys whose French is that of another row, seen by reading them: the
# memory of this commit has 166 French sentences twice.
MISALIGNED_FRENCH = ((462, 735), (1086, 1095), (1107, 1121))
_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per sentence or term and language."""
    for split, given in files.items():
        seen: set[str] = set()  # English keys
        for path in given:
            rows = _read_memory(path, split) if ".tmx" in path.name else _read_terms(path, split)
            for row in rows:
                if isinstance(row, Item) and row.language == "en":
                    if row.key in seen:
                        continue
                    seen.add(row.key)
                yield row


def _read_memory(path: Path, split: str) -> Iterator[Item | BadRow]:
    with open_binary(path) as stream:
        # The standard parser loads no external entities, and `fetch` verifies the checksum, so
        # nobody can have put an entity bomb in.
        units = ET.parse(stream).getroot().iter("tu")  # noqa: S314
        for number, unit in enumerate(units, start=1):
            for text in unit.iter("tuv"):
                language = text.get(_XML_LANGUAGE, "")
                sentence, key = text.findtext("seg", ""), unit.get("tuid", "")
                if language == "fr" and _is_misaligned(key):
                    yield BadRow(str(path), number, "misaligned", key, "fr")
                else:
                    yield _item(path, number, split, key, language, sentence)


def _is_misaligned(key: str) -> bool:
    number = key.rpartition(":")[2]
    return number.isdecimal() and any(a <= int(number) <= b for a, b in MISALIGNED_FRENCH)


def _read_terms(path: Path, split: str) -> Iterator[Item | BadRow]:
    for number, row in read_csv(path):
        if isinstance(row, BadRow):
            yield row
            continue
        # Both lists count from 1: "f-12" is the first list's twelfth term, "g-12" the other's.
        identifier = row.get("id") or row.get("stringID") or ""
        key = f"{path.name[0]}-{identifier}" if identifier else ""
        if row.get("sourceString") and row.get("targetString"):
            yield _item(path, number, split, key, "en", row["sourceString"])
            yield _item(path, number, split, key, row.get("targetLang", ""), row["targetString"])
        else:
            yield BadRow(str(path), number, "missing_field", str(row)[:EXCERPT_CHARACTERS])


def _item(path: Path, number: int, split: str, key: str, locale: str, text: str) -> Item | BadRow:
    language = _LANGUAGE.get(locale[:2])  # "es-LA", "es_XX" and "es-419" are all Spanish
    if not language or not key:
        return BadRow(str(path), number, "invalid_record", text[:EXCERPT_CHARACTERS])
    if not text.strip():
        return BadRow(str(path), number, "empty_question", key, language)
    return Item(
        file=str(path),
        row=number,
        key=key,
        split=split,
        task="qa",
        form=_FORMS[split],
        language=language,
        question=text,
        parallel_key=key,
        origin="native" if language == "en" else "translated",
    )
