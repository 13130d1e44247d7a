"""Finding the header: the first row that has every mapped column, titles above it passed over.

And telling which rows beneath it have nothing in those columns.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sources.table.cells import tidy
from sources.table.settings import TableSettings

_SEARCHED_ROWS = 50  # titles, logos and instructions above a header take fewer
_SHOWN_COLUMNS = 30
_SHOWN_BLANK_ROWS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One row before its columns have names: cells by position, counted from 0."""

    number: int
    cells: Mapping[int, Any]
    spanned: Mapping[int, Any] = field(default_factory=dict)  # from a merged cell that began above

    def names(self) -> dict[int, str]:
        """Return the row's cells read as column names."""
        cells = {**self.spanned, **self.cells}
        named = {at: tidy(cell) for at, cell in cells.items() if isinstance(cell, str)}
        return {at: name for at, name in sorted(named.items()) if name}


def wanted(settings: TableSettings) -> dict[str, str]:
    """Return every mapped column, tidied, with the field that it serves."""
    return {tidy(column): field for column, field in settings.fields.columns().items()}


def num_found(line: Line, settings: TableSettings) -> int:
    """Count the mapped columns that a row names."""
    return len(wanted(settings).keys() & set(line.names().values()))


def best_header(lines: Sequence[Line], settings: TableSettings) -> Line | None:
    """Return the declared header row, else the first with the most mapped columns."""
    if settings.header_row is not None:
        return next((line for line in lines if line.number == settings.header_row), None)
    searched = islice((line for line in lines if line.names()), _SEARCHED_ROWS)
    return max(searched, key=lambda line: num_found(line, settings), default=None)


def columns(header: Line | None, place: str, settings: TableSettings) -> dict[str, int]:
    """Return the position of each mapped column; a `ValueError` names the one that is missing."""
    names = header.names() if header else {}
    found = f"row {header.number}" if header else f"row {settings.header_row or 1} (empty)"
    require(list(names.values()), f"{place}, {found}", settings)
    positions = {}
    for column in wanted(settings):
        at = [position for position, name in names.items() if name == column]
        if len(at) > 1:
            raise ValueError(
                f"{place}: the header in {found} has {len(at)} columns {column!r}. "
                "Give each a name of its own in the file."
            )
        positions[column] = at[0]
    return positions


def require(names: Sequence[str], place: str, settings: TableSettings) -> None:
    """Raise a `ValueError` unless all mapped columns are among these."""
    missing = [(column, field) for column, field in wanted(settings).items() if column not in names]
    if not missing:
        return
    shown = [name for name in names if not name.startswith("__index_level_")]
    listed = ", ".join(repr(name) for name in shown[:_SHOWN_COLUMNS]) or "none"
    listed += f" and {len(shown) - _SHOWN_COLUMNS} more" if len(shown) > _SHOWN_COLUMNS else ""
    asked = ", ".join(f"{column!r} (mapped as `{field}`)" for column, field in missing)
    raise ValueError(
        f"{place}: no column {asked}; the columns found are {listed}."
        f"{_closest(missing[0][0], shown)} Write the name as it stands in the file"
        f"{'' if settings.header_row else ', or say which row is the header with `header_row`'}."
    )


def _closest(column: str, names: Sequence[str]) -> str:
    by_folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(column.casefold(), list(by_folded), 1, 0.5)
    return f" The closest to {column!r} is {by_folded[close[0]]!r}." if close else ""


def blank_note(numbers: Sequence[int]) -> list[str]:
    """Return a note on rows that are passed over because no mapped column holds anything."""
    if not numbers:
        return []
    rows = "1 row has" if len(numbers) == 1 else f"{len(numbers)} rows have"
    listed = ", ".join(map(str, numbers[:_SHOWN_BLANK_ROWS]))
    more = len(numbers) - _SHOWN_BLANK_ROWS
    listed += f" and {more} more" if more > 0 else ""
    return [f"{rows} nothing in the mapped columns: {listed}"]
