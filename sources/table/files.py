"""csv, tsv, JSON lines and Parquet as rows by column name; a fault of the file is a `ValueError`.

Row numbers: the line where the record begins, header included (csv, tsv, JSON lines), or the
record counted from 1 (Parquet).
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from schemas.item import BadRow
from sources.reading import EXCERPT_CHARACTERS, open_binary
from sources.table.cells import Row, as_cell, tidy
from sources.table.header import (
    Line,
    best_header,
    blank_note,
    columns,
    num_found,
    require,
    wanted,
)
from sources.table.settings import TableSettings

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_RECORDS = 200
_NO_JSON = "the line is cut off or is not valid JSON"
_CUT = ("unexpected end of data", "incomplete multibyte sequence")  # the codecs' own words

# What files of a language are usually in when they are not UTF-8; the first that fits is proposed.
_USUAL_ENCODINGS = {
    "zh": ("gb18030", "big5"),
    "ja": ("shift_jis", "cp932", "euc_jp"),
    "ru": ("windows-1251",),
}
_WESTERN = ("windows-1252", "latin-1")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a table, and what a user should know about how they were read."""

    rows: Sequence[Row | BadRow]
    notes: Sequence[str]


def read_delimited(path: Path, settings: TableSettings) -> Sheet:
    """Read csv or tsv; a record with a cell too many or too few is a bad row."""
    text = _decoded(_bytes(path), path, settings)
    if not text.strip():
        raise ValueError(f"{path}: the file is empty. Expected a header and rows.")
    lines = list(io.StringIO(text, newline=""))
    delimiter = settings.delimiter or _delimiter(lines, path, settings)
    header = best_header(_sample(lines, delimiter), settings)
    positions = columns(header, str(path), settings)
    assert header is not None
    records = [one for one in _records(lines, delimiter, strict=True) if one[0] > header.number]
    num_columns, used = len(header.cells), positions.values()
    rows = [
        _record_row(path, number, cells, num_columns, positions, settings)
        for number, cells in records
        if not _is_blank(cells, num_columns, used)
    ]
    blank = [n for n, cells in records if cells and _is_blank(cells, num_columns, used)]
    if not rows:
        raise ValueError(f"{path}: no rows beneath the header in line {header.number}.")
    shown = "tab" if delimiter == "\t" else repr(delimiter)
    how = f"read as {settings.encoding}, delimiter {shown}, header in line {header.number}"
    return Sheet(rows, [how, *blank_note(blank)])


def _bytes(path: Path) -> bytes:
    try:
        with open_binary(path) as stream:
            return stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: the file cannot be read ({error}).") from error


def _decoded(data: bytes, path: Path, settings: TableSettings) -> str:
    encoding = codecs.lookup(settings.encoding).name
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(_encoding_message(data, line, path, settings)) from error


def _encoding_message(data: bytes, line: int, path: Path, settings: TableSettings) -> str:
    found = f"{path}, line {line}: the bytes are not {settings.encoding}."
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"{found} The file begins like UTF-16: write `encoding: utf-16` in the recipe."
    for encoding in (*_USUAL_ENCODINGS.get(settings.language, ()), *_WESTERN):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = text.split("\n")[line - 1].strip()[:60]
        return (
            f"{found} As {encoding} this line reads {sample!r}: if that is right, "
            f"write `encoding: {encoding}` in the recipe, else save the file as UTF-8."
        )
    return f"{found} Save the file as UTF-8."


def _sample(lines: Sequence[str], delimiter: str) -> list[Line]:
    records = islice(_records(lines, delimiter, strict=False), _SAMPLE_RECORDS)
    return [Line(n, dict(enumerate(cells))) for n, cells in records if not isinstance(cells, str)]


def _delimiter(lines: Sequence[str], path: Path, settings: TableSettings) -> str:
    """Return the delimiter under which most mapped columns are found in one row."""
    is_tsv = ".tsv" in path.suffixes

    def fit(delimiter: str) -> tuple[int, bool, int]:
        header = best_header(_sample(lines, delimiter), settings)
        found = num_found(header, settings) if header else 0
        return found, is_tsv and delimiter == "\t", len(header.cells) if header else 0

    return max(_DELIMITERS, key=fit)


def _records(
    lines: Sequence[str], delimiter: str, *, strict: bool
) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the line number and cells of each record, or what is wrong with it.

    A quote that is never closed would swallow all later rows: such a record costs its first line
    only, and reading begins anew on the next.
    """
    start = 0
    while start < len(lines):
        begun = start
        remaining = (lines[at] for at in range(begun, len(lines)))
        reader = csv.reader(remaining, delimiter=delimiter, strict=strict)
        try:
            for cells in reader:
                yield start + 1, cells
                start = begun + reader.line_num
        except csv.Error as error:
            yield start + 1, f"{error}: {lines[start].strip()}"
            start += 1


def _is_blank(cells: list[str] | str, num_columns: int, used: Collection[int]) -> bool:
    # Rows that only number themselves are not rows yet; spreadsheets export them all the same.
    return not isinstance(cells, str) and not any(
        cell.strip() for at, cell in enumerate(cells) if at in used or at >= num_columns
    )


def _record_row(
    path: Path,
    number: int,
    cells: list[str] | str,
    num_columns: int,
    positions: dict[str, int],
    settings: TableSettings,
) -> Row | BadRow:
    if isinstance(cells, str):
        return _invalid(path, number, cells, settings)
    while len(cells) > num_columns and not cells[-1].strip():
        cells = cells[:-1]  # a delimiter at the end of every row adds no cell
    if len(cells) != num_columns:
        found = f"{len(cells)} cells where the header has {num_columns}: {' | '.join(cells)}"
        return _invalid(path, number, found, settings)
    return Row(number, {column: cells[at].strip() for column, at in positions.items()})


def _invalid(path: Path, number: int, excerpt: str, settings: TableSettings) -> BadRow:
    excerpt = excerpt[:EXCERPT_CHARACTERS]
    return BadRow(str(path), number, "invalid_record", excerpt, settings.language)


def read_json_lines(path: Path, settings: TableSettings) -> Sheet:
    """Read one object per line; a line that is none, a cut one say, is a bad row."""
    rows: list[Row | BadRow] = []
    found: dict[str, None] = {}
    data = _bytes(path)
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        value = _json_object(data, number, line, path, settings)
        if isinstance(value, dict):
            found.update(dict.fromkeys(map(tidy, value)))
            rows.append(_mapped_row(number, value, settings))
        else:
            rows.append(_invalid(path, number, value, settings))
    if not rows:
        raise ValueError(f"{path}: the file is empty. Expected one JSON object per line.")
    if not found:
        raise ValueError(f"{path}: no line is a JSON object. Expected one object per line.")
    require(list(found), str(path), settings)
    return Sheet(rows, [f"read as {settings.encoding}, one JSON object per line"])


def _json_object(
    data: bytes, number: int, line: bytes, path: Path, settings: TableSettings
) -> dict[str, Any] | str:
    try:
        text = line.decode(settings.encoding).lstrip("\ufeff").strip()
    except UnicodeDecodeError as error:
        if error.reason not in _CUT:
            raise ValueError(_encoding_message(data, number, path, settings)) from error
        return f"{_NO_JSON}: {line.decode(settings.encoding, errors='replace')}"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return f"{_NO_JSON}: {text}"
    return value if isinstance(value, dict) else f"not an object: {text}"


def _mapped_row(number: int, value: dict[str, Any], settings: TableSettings) -> Row:
    named = {tidy(str(key)): inner for key, inner in value.items()}
    return Row(number, {column: as_cell(named.get(column)) for column in wanted(settings)})


def read_parquet(path: Path, settings: TableSettings) -> Sheet:
    """Read the mapped columns of a Parquet file."""
    try:
        names = pl.scan_parquet(path).collect_schema().names()
        by_tidy = {tidy(name): name for name in names}
        require(list(by_tidy), str(path), settings)
        frame = pl.read_parquet(path, columns=[by_tidy[column] for column in wanted(settings)])
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: the file cannot be read as Parquet ({reason}).") from error
    # The shortest text of a 32-bit number is what its author wrote: 37.1, not 37.099998.
    frame = frame.with_columns(pl.col(pl.Float32).cast(pl.String).cast(pl.Float64))
    if frame.is_empty():
        raise ValueError(f"{path}: the file has columns but no rows.")
    rows = [_mapped_row(at, row, settings) for at, row in enumerate(frame.iter_rows(named=True), 1)]
    return Sheet(rows, ["read as Parquet"])
