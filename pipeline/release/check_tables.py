"""Checks of the tables on the card and in `LICENSES.md` whose numbers follow from the rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from pipeline.release.contents import CARD, LICENSES, Contents
from pipeline.release.findings import Finding
from schemas.licenses import PERMISSIVE

Cells = tuple[str, ...]
Tally = Counter[Cells]

# First lines of tables, as the templates write them.
_FORMS = ("language", "subset", "form", "rows")
_ORIGINS = ("language", "origin", "rows")
_LICENSES = ("licence", "may be passed on", "rows")
_PERMISSIVE = ("language", "rows", "permissive")
_KEPT_BACK = ("source", "licence", "may be passed on", "rows")
_FLAGS = ("flag", "rows", "meaning")
_MADE = ("stage", "model", "prompt", "digest", "rows")
_SOURCES = ("source", "languages", "revision", "rows read", "rows published", "licence")
_TERMS = ("source", "in the rows", "rows here", "licence", "may be passed on", "read in")

_BLOCK = re.compile(r"(?:^\|.*\|\n){2,}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Counting:
    """A column of numbers in a table: by which cells of a line it counts, and what it must say."""

    header: Cells
    by: Cells
    column: str
    expected: Tally


def tables(contents: Contents) -> Iterator[Finding]:
    """Compare the card's tables with the rows that they count."""
    for counting in _countings(contents.rows):
        yield from _compare(CARD, contents.card, counting)
    published = _tally(_based(contents.rows), "base")
    named: Tally = Counter()
    for name, base in sorted({line[:2] for line in _lines(contents.licenses, _TERMS) or []}):
        named[name,] += published[base,]
    sources = _Counting(_SOURCES, ("source",), "rows published", named)
    yield from _compare(CARD, contents.card, sources)


def sources(contents: Contents) -> Iterator[Finding]:
    """Compare the rows per source and licence in `LICENSES.md` with the rows that there are."""
    by = ("in the rows", "licence", "may be passed on")
    terms = _tally(_based(contents.rows), "base", "license", "redistributable")
    yield from _compare(LICENSES, contents.licenses, _Counting(_TERMS, by, "rows here", terms))


def _countings(rows: pl.DataFrame) -> Iterator[_Counting]:
    forms = _tally(rows, "language", "subset", "form")
    yield _Counting(_FORMS, _FORMS[:-1], "rows", forms)
    yield _Counting(_ORIGINS, _ORIGINS[:-1], "rows", _tally(rows, "language", "origin"))
    used = _tally(rows, "license", "redistributable")
    yield _Counting(_LICENSES, _LICENSES[:-1], "rows", used)
    permissive = rows.filter(pl.col("license").is_in(sorted(PERMISSIVE)))
    for column, counted in (("rows", rows), ("permissive", permissive)):
        each = _tally(counted, "language") + Counter({("all",): counted.height})
        yield _Counting(_PERMISSIVE, ("language",), column, each)
    kept = rows.filter(pl.col("redistributable") != "yes")
    kept_back = _tally(kept, "source", "license", "redistributable")
    yield _Counting(_KEPT_BACK, _KEPT_BACK[:-1], "rows", kept_back)
    flags = _tally(rows.explode("flags").drop_nulls("flags"), "flags")
    yield _Counting(_FLAGS, ("flag",), "rows", flags)
    yield _Counting(_MADE, _MADE[:3], "rows", _made(rows))


def _made(rows: pl.DataFrame) -> Tally:
    steps = rows.select("steps").explode("steps").unnest("steps")
    done = steps.filter(pl.col("model").is_not_null())
    counts = _tally(done.with_columns(pl.col("prompt").fill_null("")), "stage", "model", "prompt")
    return Counter(
        {
            (stage, f"`{model}`", f"`{prompt}`" if prompt else "-"): number
            for (stage, model, prompt), number in counts.items()
        }
    )


def _based(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(base=pl.col("source").str.split(".").list.first())


def _tally(rows: pl.DataFrame, *columns: str) -> Tally:
    counts = rows.group_by(columns).len().iter_rows()
    return Counter({tuple(map(str, values)): number for *values, number in counts})


def _compare(file: str, text: str, counting: _Counting) -> Iterator[Finding]:
    header, expected = counting.header, counting.expected
    lines = _lines(text, header)
    if lines is None:
        if expected:
            yield Finding(file, "a table is missing", f"one with | {' | '.join(header)} |")
        return
    places = [header.index(name) for name in counting.by]
    stated: Tally = Counter()
    for cells in lines:
        stated[tuple(cells[place] for place in places)] += _number(
            cells[header.index(counting.column)]
        )
    for values in sorted(expected.keys() | stated.keys()):
        said, there = stated[values], expected[values]
        if said != there:
            found = f"{said:,} {counting.column} of {', '.join(values)}"
            yield Finding(file, found, f"{there:,}")


def _lines(text: str, header: Cells) -> list[Cells] | None:
    """Return the lines of all tables with a header; None where there is no such table."""
    blocks = [[_cells(line) for line in block.splitlines()] for block in _BLOCK.findall(text)]
    found = [lines for first, _, *lines in blocks if first == header]
    whole = [cells for lines in found for cells in lines if len(cells) == len(header)]
    return whole if found else None


def _cells(line: str) -> Cells:
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def _number(cell: str) -> int:
    """Return the number in a cell; 0 where it is none, which no counted row agrees with."""
    digits = cell.replace(",", "")
    return int(digits) if re.fullmatch(r"\d{1,15}", digits) else 0
