"""Checks of the card: its counts and tables against the rows, its licences against their choice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import cast, get_args

import polars as pl

from pipeline.release.contents import CARD, Contents
from pipeline.release.findings import Finding
from schemas.licenses import LicenseChoice, is_allowed, is_unknown

_ROWS_HEADING = "\n## Rows\n"
_ROWS_LINE = re.compile(
    r"^\| *(\w+) *\| *(\w+) *\| *([\d,]+) *\| *([\d,]+) *\| *([\d,]+) *\|$", re.MULTILINE
)
# Tables of rows per value, by the cells of their first line: the columns that they count.
_GROUPED = {
    ("language", "subset", "form", "rows"): ("language", "subset", "form"),
    ("language", "origin", "rows"): ("language", "origin"),
    ("licence", "may be passed on", "rows"): ("license", "redistributable"),
}


def counts(contents: Contents) -> Iterator[Finding]:
    """Compare the card's table of rows, its total and its languages with the Parquet files."""
    sizes = contents.sizes()
    stated = dict(_stated(contents.card))
    for cell in sorted(sizes.keys() | stated.keys()):
        subset, language, split = cell
        if stated.get(cell, 0) != sizes.get(cell, 0):
            found = f"{stated.get(cell, 0):,} rows of {subset} {language} {split} in the table"
            yield Finding(CARD, found, f"{sizes.get(cell, 0):,}, as in the Parquet files")
    total = f"{sum(sizes.values()):,} "
    if not re.search(rf"^{re.escape(total)}", contents.card, re.MULTILINE):
        yield Finding(CARD, "no line that begins with the number of rows", f"one with {total}")
    languages = sorted({file.language for file in contents.files})
    given = contents.head.get("language")
    if sorted(map(str, given) if isinstance(given, list) else []) != languages:
        yield Finding(CARD, f"languages {given} in the head", ", ".join(languages))


def _stated(card: str) -> Iterator[tuple[tuple[str, str, str], int]]:
    _, _, after = card.partition(_ROWS_HEADING)
    table, _, _ = after.partition("\n## ")
    for language, subset, *numbers in _ROWS_LINE.findall(table):
        for split, number in zip(("train", "validation", "test"), numbers, strict=True):
            if rows := int(number.replace(",", "")):
                yield (subset, language, split), rows


def tables(contents: Contents) -> Iterator[Finding]:
    """Compare the card's rows per form, origin and licence with the rows that carry them."""
    stated = dict(_tables(contents.card))
    for header, columns in _GROUPED.items():
        if header not in stated:
            yield Finding(CARD, "a table is missing", f"one with | {' | '.join(header)} |")
            continue
        counts = contents.rows.group_by(columns).len().iter_rows()
        found = {tuple(map(str, values)): rows for *values, rows in counts}
        for values in sorted(found.keys() | stated[header].keys()):
            said, there = stated[header].get(values, 0), found.get(values, 0)
            if said != there:
                yield Finding(CARD, f"{said:,} rows of {', '.join(values)}", f"{there:,}")


def _tables(card: str) -> Iterator[tuple[tuple[str, ...], Counter[tuple[str, ...]]]]:
    """Yield the tables whose last column counts rows: first line, and rows per line's values."""
    for block in re.findall(r"(?:^\|.*\|\n){2,}", card, re.MULTILINE):
        header, _, *lines = [_cells(line) for line in block.splitlines()]
        if header[-1] == "rows" and all(_is_number(line[-1]) for line in lines):
            counts = {line[:-1]: int(line[-1].replace(",", "")) for line in lines}
            yield header, Counter(counts)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").isdecimal()


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
