"""Checks of the card: its counts against the rows, the rows' licences against its choice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import cast, get_args

import polars as pl

from pipeline.release.card_head import size_category
from pipeline.release.contents import CARD, Contents
from pipeline.release.findings import Finding
from schemas.licenses import LicenseChoice, is_allowed, is_unknown

_ROWS_HEADING = "\n## Rows\n"
_ROWS_LINE = re.compile(
    r"^\| *(\w+) *\| *(\w+) *\| *([\d,]+) *\| *([\d,]+) *\| *([\d,]+) *\|$", re.MULTILINE
)
# Below the title: the rows in all, then those of each subset.
_LEAD = re.compile(r"^([\d,]+) medical question-answering records? of ", re.MULTILINE)
_LEAD_SUBSET = re.compile(r"^([\d,]+) in `(\w+)` \(", re.MULTILINE)


def counts(contents: Contents) -> Iterator[Finding]:
    """Compare the card's table of rows, its total and its languages with the Parquet files."""
    sizes = contents.sizes()
    stated = dict(_stated(contents.card))
    for cell in sorted(sizes.keys() | stated.keys()):
        subset, language, split = cell
        if stated.get(cell, 0) != sizes.get(cell, 0):
            found = f"{stated.get(cell, 0):,} rows of {subset} {language} {split} in the table"
            yield Finding(CARD, found, f"{sizes.get(cell, 0):,}, as in the Parquet files")
    yield from _lead(contents)
    languages = sorted({file.language for file in contents.files})
    given = contents.head.get("language")
    if sorted(map(str, given) if isinstance(given, list) else []) != languages:
        yield Finding(CARD, f"languages {given} in the head", ", ".join(languages))


def _lead(contents: Contents) -> Iterator[Finding]:
    """Compare the numbers below the title, and the size in the head, with the Parquet files."""
    rows: Counter[str] = Counter()
    for (subset, _, _), num_rows in contents.sizes().items():
        rows[subset] += num_rows
    total = rows.total()
    stated = _LEAD.findall(contents.card)
    if stated != [f"{total:,}"]:
        yield Finding(CARD, f"rows {stated} below the title", f"{total:,}")
    parts = sorted(_LEAD_SUBSET.findall(contents.card))
    expected = sorted((f"{num_rows:,}", subset) for subset, num_rows in rows.items())
    if parts != expected:
        found, wanted = (", ".join(map(" rows of ".join, told)) for told in (parts, expected))
        yield Finding(CARD, f"{found or 'no rows of a subset'} below the title", wanted or "none")
    size = contents.head.get("size_categories")
    if size != [size_category(total)]:
        yield Finding(CARD, f"size_categories {size} in the head", size_category(total))


def _stated(card: str) -> Iterator[tuple[tuple[str, str, str], int]]:
    _, _, after = card.partition(_ROWS_HEADING)
    table, _, _ = after.partition("\n## ")
    for language, subset, *numbers in _ROWS_LINE.findall(table):
        for split, number in zip(("train", "validation", "test"), numbers, strict=True):
            if rows := int(number.replace(",", "")):
                yield (subset, language, split), rows


def licenses(contents: Contents) -> Iterator[Finding]:
    """Find rows whose licence the recipe's choice, as the card's head tells it, does not allow."""
    told = contents.head.get("mmed_ift")
    choice = told.get("licenses") if isinstance(told, Mapping) else None
    named = told.get("without_license") if isinstance(told, Mapping) else None
    if choice not in get_args(LicenseChoice) or not isinstance(named, list):
        expected = "`mmed_ift` with `licenses` and `without_license`, as a build writes it"
        yield Finding(CARD, "no choice of licences in the head", expected)
        return
    used = contents.rows.with_columns(base=pl.col("source").str.split(".").list.first())
    columns = ("file", "row", "license", "base")
    for file, row, license_id, source in used.drop_nulls(columns).select(columns).iter_rows():
        if is_unknown(license_id) and source not in named:
            found = f"no stated licence ({license_id or 'empty'}) of {source}"
            yield Finding(
                file, found, f"one, or the source among {', '.join(map(str, named)) or 'none'}", row
            )
        elif not is_unknown(license_id) and not is_allowed(license_id, cast(LicenseChoice, choice)):
            yield Finding(file, f"licence {license_id}", f"one that {choice!r} allows", row)
