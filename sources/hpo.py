"""Human Phenotype Ontology: the names of phenotypes in Spanish, French, Japanese and Chinese.

One item per term and language, no answer; the parallel key is the HP identifier. The files were
translated from different releases, so that 1,538 terms have several English names: the first file
that has the term decides. 219 Japanese rows are marked untranslated ("NA"); the French file
repeats 235 rows. French definitions and synonyms have no counterpart elsewhere and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.item import LANGUAGES, BadRow, Item, Language
from sources.reading import Kind, Place, Row, each_row, lacks, read_csv
from sources.source import File, Source

_COMMIT = "62f1d254f93e47d87e874783019ccd7480400e76"
_URL = f"https://raw.githubusercontent.com/obophenotype/hpo-translations/{_COMMIT}"


def _file(language: str, sha256: str) -> File:
    name = f"hp-{language}.babelon.tsv"
    return File(path=f"parallel/hpo_terms/{name}", sha256=sha256, url=f"{_URL}/babelon/{name}")


SOURCE = Source(
    name="hpo",
    title="Human Phenotype Ontology, translated labels",
    homepage="https://github.com/obophenotype/hpo-translations",
    revision=_COMMIT,
    languages=("en", "es", "fr", "ja", "zh"),
    files={
        "labels": (
            _file("es", "00972e33775a0340ad7b45620f0ff1d2794766c45beb937a165ee86e6f16ed9a"),
            _file("fr", "6a2c28bb381769583ebcdfd6901d1e99d3a3fda29b1ff052e69f965ad72398ad"),
            _file("ja", "cefe15af19d988598eee0077cc75e2d488837adb746522f4cb5d1312fc343eea"),
            _file("zh", "64a30d5f065e1180fa6a30c192dd84aa403cd1b44f2b24ee883fcde948b1ca53"),
        )
    },
    splits={"labels": "reference"},
    license="LicenseRef-none-stated",
    license_evidence=(
        f"https://github.com/obophenotype/hpo-translations/tree/{_COMMIT} has no licence file"
    ),
    redistributable="unknown",
    forms=("term",),
    citation=(
        "Gargano et al. (2024). The Human Phenotype Ontology in 2024: phenotypes around the "
        "world. Nucleic Acids Research 52(D1)."
    ),
    expected_rows={
        "labels": {
            "en/qa": 19934,
            "es/qa": 19932,
            "fr/qa": 14220,
            "ja/qa": 17649,
            "zh/qa": 18988,
        },
        "refused": {"missing_field": 219},
    },
    parallel_family="hpo",
)

_FIELDS: Mapping[str, Kind] = dict.fromkeys(
    (
        "translation_language",
        "subject_id",
        "predicate_id",
        "source_value",
        "translation_value",
        "translation_status",
    ),
    str,
)
_LABEL = "rdfs:label"
_LANGUAGE: Mapping[str, Language] = {language: language for language in LANGUAGES}


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield one item per term and language; English once."""
    seen: set[str] = set()  # terms whose English name is out
    for place, row in each_row(files, _read):
        if isinstance(row, BadRow):
            yield row
        elif fault := lacks(row, _FIELDS):
            yield place.refuse(fault, row)
        elif row["predicate_id"] == _LABEL:
            if row["subject_id"] not in seen:
                seen.add(row["subject_id"])
                yield _item(place, row, "en")
            yield _item(place, row, row["translation_language"])


def _read(path: Path) -> Iterator[Row]:
    return read_csv(path, delimiter="\t")


def _item(place: Place, row: Mapping[str, Any], code: str) -> Item | BadRow:
    language = _LANGUAGE.get(code)
    if language is None:
        return place.refuse("invalid_record", row)
    label = row["source_value" if language == "en" else "translation_value"]
    is_untranslated = language != "en" and row["translation_status"] == "NOT_TRANSLATED"
    if is_untranslated or not label.strip():
        return place.refuse("missing_field", row["source_value"], language)
    return Item(
        file=place.file,
        row=place.row,
        key=row["subject_id"],
        split=place.split,
        task="qa",
        form="term",
        language=language,
        question=label,
        parallel_key=row["subject_id"],
        origin="native" if language == "en" else "translated",
    )
