"""What a benchmark prints: measured values, the worst that passes, and what is aimed at."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value; a floor is the worst that passes, a goal what is aimed at.

    Which way is better follows from the two: up where the goal is not below the floor.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    goal: float | None = None

    @property
    def is_worse_than_floor(self) -> bool:
        """Tell whether the value fails; one without a floor never does."""
        return self.floor is not None and self._is_worse_than(self.floor)

    @property
    def is_short_of_goal(self) -> bool:
        """Tell whether the value is worse than what is aimed at."""
        return self.goal is not None and self._is_worse_than(self.goal)

    def _is_worse_than(self, limit: float) -> bool:
        if self.floor is not None and self.goal is not None and self.goal >= self.floor:
            return self.value < limit
        return self.value > limit


def machine() -> str:
    """Return the machine in words, and how busy it is."""
    gibibytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{os.cpu_count()} cores, {gibibytes:.0f} GiB, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} before the start"
    )


def publish(figures: Sequence[Figure], as_json: bool) -> int:
    """Print the figures; return the exit code, 1 where a value is worse than its floor."""
    if as_json:
        print(json.dumps({"figures": [asdict(figure) for figure in figures]}, indent=1))
    else:
        print("\n".join(map(_line, figures)))
    failed = [figure for figure in figures if figure.is_worse_than_floor]
    for figure in failed:
        print(f"{figure.name}: {figure.value} is worse than {figure.floor}", file=sys.stderr)
    return 1 if failed else 0


def _line(figure: Figure) -> str:
    limits = [
        f"{name} {value:g}"
        for name, value in (("floor", figure.floor), ("goal", figure.goal))
        if value is not None
    ]
    if figure.is_worse_than_floor:
        limits.append("worse than the floor")
    elif figure.is_short_of_goal:
        limits.append("short of the goal")
    return f"{figure.name:40} {figure.value:>12,} {figure.unit:9} {', '.join(limits)}".rstrip()
