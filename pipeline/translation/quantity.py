"""A number of a text, and the letters that names and units are written in."""

from __future__ import annotations

from typing import NamedTuple

LETTER = "A-Za-zÀ-ɏ\u0370-\u052f"


class Quantity(NamedTuple):
    """A number, with more readings than one where it can be read in two ways (1.500)."""

    readings: tuple[str, ...]
    unit: str
    start: int
    end: int
    sign: str = ""  # "<" or ">"
    factor: str = "1"  # of the "million" that follows

    @property
    def value(self) -> str:
        """Return the first reading."""
        return self.readings[0]
