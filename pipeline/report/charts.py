"""Column charts as numbers of a drawing; a template makes SVG of them, and a table of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320.0, 96.0  # of the part that holds columns
_GAP = 0.15  # of a column's share of the width
_LEAST = 1.5  # height at which a single row among thousands is still seen


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it stands for, its rows, where it is drawn, and a mark to compare it with."""

    label: str
    rows: int
    x: float
    width: float
    height: float
    mark: float | None  # height of the expected rows

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns side by side, the highest over the full height."""

    columns: tuple[Column, ...]

    @property
    def labelled(self) -> tuple[Column, ...]:
        """Columns whose label has room beside the others'."""
        step = 1 + len(self.columns) // 9
        return self.columns[::step]


def draw(
    labels: Sequence[str], rows: Sequence[int], expected: Sequence[float] | None = None
) -> Chart:
    """Return a chart with a column per label; `expected` draws a mark across each."""
    highest = max([*rows, *(expected or ()), 1])
    share = WIDTH / max(len(rows), 1)
    columns = []
    for place, (label, number) in enumerate(zip(labels, rows, strict=True)):
        height = max(_LEAST, HEIGHT * number / highest) if number else 0.0
        mark = round(HEIGHT * expected[place] / highest, 2) if expected else None
        x, width = share * (place + _GAP / 2), share * (1 - _GAP)
        columns.append(Column(label, number, round(x, 2), round(width, 2), round(height, 2), mark))
    return Chart(tuple(columns))
