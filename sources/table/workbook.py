"""xlsx as rows by column name, numbered as Excel numbers them; cells read as Excel shows them.

A workbook does not say which decimal sign its author's computer shows: numbers stored as numbers
come out with a decimal point and without thousands separators ("1,234" could be read as 1.234),
text stays as typed ("0,5 mg"). openpyxl is used directly because pandas loses row numbers, merged
cells and number formats.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from sources.table.cells import Fault, Row, general, moment
from sources.table.files import Sheet
from sources.table.header import Line, best_header, blank_note, columns, num_found, wanted
from sources.table.settings import TableSettings

_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0"  # an .xls, or an .xlsx with a password

_EXACT_INTEGERS = 1e15

# A merged cell in these columns speaks for all its rows; one question over two rows is one row.
_SHARED_FIELDS = ("context", "topic", "year", "rationale")

# Excel makes dates of what was typed here, 2-3 say; nobody means one, however it is shown.
_NEVER_DATES = ("options", "key", "answer")

_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")

_UNSHOWN = re.compile(r"\[[^\]]*\]|_.|\*.|\\|\"")  # colours, spacing, quotes of a number format
_NUMBER_FORMAT = re.compile(
    r"(?P<before>[^0#?.,%]*)(?:[#?],[#?0]+?)?(?P<integer>[0#?]+)(?:\.(?P<decimals>[0#?]+))?"
    r"(?P<after>[^0#?.,]*)"
)


def read_workbook(path: Path, settings: TableSettings) -> Sheet:
    """Read the sheet that has the mapped columns, or the one that the recipe names."""
    book = _open(path, cached_values=False)
    lines = {sheet.title: _lines(sheet) for sheet in _candidates(book, path, settings)}
    title = _chosen(lines, path, settings)
    place = f"{path}, sheet {title!r}"
    if not lines[title]:
        raise ValueError(f"{place}: the sheet is empty. Name another sheet with `sheet`.")
    header = best_header(lines[title], settings)
    positions = columns(header, place, settings)
    assert header is not None
    used = set(positions.values())
    # Rows that only number themselves, or carry formulas ready for use, are not rows yet.
    below = [
        line for line in lines[title] if line.number > header.number and used & set(line.cells)
    ]
    if not below:
        raise ValueError(f"{place}: no rows beneath the header in row {header.number}.")
    reader = _CellReader(_cached(below, positions, path, title))
    letters = {column: get_column_letter(at + 1) for column, at in positions.items()}
    rows = [Row(line.number, _cells(line, positions, reader, settings), letters) for line in below]
    read = {row.number for row in rows}
    blank = [n for n in range(header.number + 1, lines[title][-1].number) if n not in read]
    return Sheet(rows, [*_notes(book, title, header, reader), *blank_note(blank)])


def _open(path: Path, *, cached_values: bool) -> Any:  # noqa: ANN401 - openpyxl is untyped
    with path.open("rb") as stream:
        if stream.read(4) == _OLD_OR_ENCRYPTED:
            raise ValueError(
                f"{path}: this is an .xls file or has a password. "
                "Open it and save it as .xlsx without one."
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and validations that we do not need
            return openpyxl.load_workbook(
                path, data_only=cached_values, rich_text=not cached_values, keep_links=False
            )
    except (
        OSError,
        KeyError,
        ValueError,
        zipfile.BadZipFile,
        InvalidFileException,
        ParseError,
    ) as e:
        reason = " ".join(str(e).split())
        raise ValueError(f"{path}: the file cannot be read as xlsx ({reason}).") from e


def _candidates(book: Any, path: Path, settings: TableSettings) -> list[Any]:  # noqa: ANN401
    titles = [sheet.title for sheet in book.worksheets]
    if not titles:
        raise ValueError(f"{path}: the workbook has no sheet of cells.")
    if settings.sheet is None:
        return list(book.worksheets)
    if settings.sheet not in titles:
        listed = ", ".join(map(repr, titles))
        raise ValueError(f"{path}: no sheet {settings.sheet!r}; the workbook has {listed}.")
    return [book[settings.sheet]]


def _chosen(lines: Mapping[str, list[Line]], path: Path, settings: TableSettings) -> str:
    """Return the one sheet that has all mapped columns, else the best one, for its message."""
    found = {}
    for title, sheet in lines.items():
        header = best_header(sheet, settings)
        found[title] = num_found(header, settings) if header else 0
    complete = [title for title, number in found.items() if number == len(wanted(settings))]
    if len(complete) > 1:
        listed = ", ".join(map(repr, complete))
        raise ValueError(
            f"{path}: the sheets {listed} all have the mapped columns. "
            "Name one with `sheet`; list the table once for each sheet that you want."
        )
    return max(found, key=lambda title: found[title])


def _lines(sheet: Any) -> list[Line]:  # noqa: ANN401
    """Return the rows that hold anything.

    `sheet.iter_rows` would make a cell for every empty place down to the last formatted row, which
    can be row 1,048,576; the sheet's own cells are those in the file.
    """
    rows: dict[int, dict[int, Any]] = defaultdict(dict)
    for (row, column), cell in sorted(sheet._cells.items()):
        if cell.value is not None and str(cell.value).strip():
            rows[row][column - 1] = cell
    spanned: dict[int, dict[int, Any]] = defaultdict(dict)
    last = max(rows, default=0)
    for merged in sheet.merged_cells.ranges:
        first = rows.get(merged.min_row, {}).get(merged.min_col - 1)
        if first is not None:
            for row in range(merged.min_row + 1, min(merged.max_row, last) + 1):
                spanned[row][merged.min_col - 1] = first
    return [_SheetLine(row, rows[row], spanned.get(row, {})) for row in sorted(rows)]


class _SheetLine(Line):
    """A line of openpyxl cells."""

    def names(self) -> dict[int, str]:
        reader = _CellReader({})
        read = {at: reader.read(cell) for at, cell in {**self.spanned, **self.cells}.items()}
        return Line(self.number, read).names()


def _cached(
    lines: Iterable[Line], positions: Mapping[str, int], path: Path, title: str
) -> dict[str, Any]:
    """Return the saved results of formulas, by cell; empty without formulas."""
    used = set(positions.values())
    cells = (cell for line in lines for at, cell in line.cells.items() if at in used)
    formulas = [cell.coordinate for cell in cells if cell.data_type == "f"]
    if not formulas:
        return {}
    sheet = _open(path, cached_values=True)[title]
    return {coordinate: sheet[coordinate] for coordinate in formulas}


def _cells(
    line: Line, positions: Mapping[str, int], reader: _CellReader, settings: TableSettings
) -> dict[str, Any]:
    fields = wanted(settings)
    read = {}
    for column, at in positions.items():
        cell = line.cells.get(at)
        if cell is None and fields[column] in _SHARED_FIELDS:
            cell = line.spanned.get(at)
        may_be_date = fields[column] not in _NEVER_DATES
        read[column] = "" if cell is None else reader.read(cell, may_be_date=may_be_date)
    return read


def _notes(book: Any, title: str, header: Line, reader: _CellReader) -> list[str]:  # noqa: ANN401
    others = [repr(sheet.title) for sheet in book.worksheets if sheet.title != title]
    notes = [f"read from sheet {title!r}, header in row {header.number}"]
    if others:
        notes.append(f"not read: sheets {', '.join(others)}")
    if reader.fractions:
        coordinate, text = reader.fractions[0]
        notes.append(
            f"{len(reader.fractions)} cells are numbers with a fraction ({coordinate}: {text}); "
            "they are written with a decimal point, whatever sign your computer shows. To keep "
            "a decimal comma, store them as text"
        )
    return notes


class _CellReader:
    """Reads cells as Excel shows them, and remembers the fractions it met."""

    def __init__(self, cached: Mapping[str, Any]) -> None:
        self._cached = cached
        self.fractions: list[tuple[str, str]] = []

    def read(self, cell: Any, *, may_be_date: bool = True) -> str | Fault:  # noqa: ANN401
        """Return the cell's text, or why it has none."""
        if cell.data_type == "f":
            cell = self._cached.get(cell.coordinate)
            if cell is None or (cell.value is None and cell.data_type == "n"):
                return Fault(
                    "is a formula whose result is not saved in the file; "
                    "open the file in Excel or LibreOffice and save it"
                )
            if cell.value is None:  # a saved result of type text that is empty
                return ""
        if cell.data_type == "e":
            return Fault(f"holds the error {cell.value}")
        if isinstance(cell.value, (date, time, timedelta)):
            if isinstance(cell.value, date) and may_be_date and _is_whole(cell.number_format):
                return moment(cell.value)
            return _date_fault(cell.value)
        if isinstance(cell.value, bool):
            return str(cell.value).upper()
        if isinstance(cell.value, (int, float)):
            return self._number(cell)
        # Excel's escape of a carriage return within a cell.
        return _plain(cell.value).replace("_x000D_", "\r").strip()

    def _number(self, cell: Any) -> str:  # noqa: ANN401
        text = shown_number(float(cell.value), cell.number_format)
        if "." in text:
            self.fractions.append((cell.coordinate, text))
        return text


def _plain(value: Any) -> str:  # noqa: ANN401
    """Return rich text with raised and lowered digits as such: 10⁶ must not become 106."""
    if not isinstance(value, CellRichText):
        return str(value)
    return "".join(_block_text(b) if isinstance(b, TextBlock) else str(b) for b in value)


def _block_text(block: Any) -> str:  # noqa: ANN401
    tables = {"superscript": _RAISED, "subscript": _LOWERED}
    table = tables.get(str(block.font.vertAlign))
    is_complete = table and all(ord(character) in table for character in block.text.strip())
    return block.text.translate(table) if is_complete else str(block.text)


def _is_whole(number_format: str) -> bool:
    """Tell whether a format shows day, month and year."""
    codes = _UNSHOWN.sub("", number_format).lower()
    return all(code in codes for code in "dmy")


def _date_fault(value: date | datetime | time | timedelta) -> Fault:
    # Excel turns the text 3-5 into "03-may" and the ratio 1:2 into 01:02; what was typed is lost.
    shown = value if isinstance(value, timedelta) else moment(value)
    return Fault(
        f"holds the date or time {shown}, which Excel makes of text such as 3-5 or 1:2; "
        "format the cell as text, then retype it as text"
    )


def shown_number(value: float, number_format: str) -> str:
    """Return a number as its format shows it: decimals, leading zeros, percent, units."""
    match = _NUMBER_FORMAT.fullmatch(_UNSHOWN.sub("", number_format.split(";")[0]))
    if match is None or abs(value) >= _EXACT_INTEGERS:
        return general(value)
    decimals = match["decimals"] or ""
    scaled = Decimal(repr(abs(value))) * (100 if "%" in match["after"] else 1)
    text = format(scaled.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP), "f")
    whole, _, fraction = text.partition(".")
    fixed = decimals.count("0")  # a "#" or "?" shows a digit only where there is one
    fraction = fraction[:fixed] + fraction[fixed:].rstrip("0")
    number = whole.zfill(match["integer"].count("0")) + ("." + fraction if fraction else "")
    return f"{match['before']}{'-' if value < 0 else ''}{number}{match['after']}".strip()
