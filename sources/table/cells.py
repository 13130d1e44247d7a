"""Cells as the author sees them, and where they stand.

A cell is text, a list or mapping (JSON lines and Parquet may hold options so), or a `Fault`.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

# Excel's General format has room for 11 characters, the decimal point among them; it hides the
# noise of binary fractions (37.500000000001, 0.30000000000000004).
_GENERAL_CHARACTERS = 11
_EXACT_INTEGERS = 1e15  # beyond, a spreadsheet has already rounded the number
_SMALL = 1e-4  # below, fixed decimals would cut digits off


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a cell cannot be used: the end of a sentence that begins with the cell."""

    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row by column name; `number` is what Excel shows, or the line or record in the file."""

    number: int
    cells: Mapping[str, Any]
    letters: Mapping[str, str] = field(default_factory=dict)  # Excel's letter of each column

    def where(self, column: str) -> str:
        """Return the cell as a user finds it: `E7 ('Clave')`, or the column's name."""
        letter = self.letters.get(column)
        return f"{letter}{self.number} ({column!r})" if letter else f"column {column!r}"


@lru_cache(maxsize=1024)
def tidy(name: str) -> str:
    """Return a column's name without what nobody sees: line breaks, doubled or odd spaces, BOM."""
    return " ".join(unicodedata.normalize("NFC", name).replace("\ufeff", "").split())


def as_cell(value: Any) -> Any:  # noqa: ANN401 - JSON and Parquet hold anything
    """Return a value of JSON lines or Parquet as a cell."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, Decimal)):
        return str(value)  # exact, also for identifiers of twenty digits
    if isinstance(value, float):
        return general(value)
    if isinstance(value, (date, time)):
        return moment(value)
    if isinstance(value, Mapping):
        return {str(key): as_cell(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_cell(inner) for inner in value]
    return Fault(f"holds {type(value).__name__}, not text")


def general(number: float) -> str:
    """Return a number as Excel's General format shows it, the decimal point always a point."""
    if number.is_integer() and abs(number) < _EXACT_INTEGERS:
        return str(int(number))
    if not _SMALL <= abs(number) < _EXACT_INTEGERS:
        return f"{number:.6g}"
    decimals = max(_GENERAL_CHARACTERS - 1 - len(str(int(abs(number)))), 0)
    return f"{number:.{decimals}f}".rstrip("0").rstrip(".")


def moment(value: date | datetime | time) -> str:
    """Return a date or time of day in ISO form, midnight left out."""
    if isinstance(value, datetime):
        is_date = value.time() == time()
        return value.date().isoformat() if is_date else value.isoformat(" ", "minutes")
    return value.isoformat() if isinstance(value, date) else value.isoformat("minutes")
