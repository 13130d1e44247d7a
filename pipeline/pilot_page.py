"""The page of a pilot: what was tried, side by side with its source, in one file for a browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.llm.budget import usd_text
from pipeline.report.pairs import Pair, make_pair
from pipeline.report.values import LANGUAGE_NAMES
from pipeline.report.write import render_template
from pipeline.store import write_atomically

if TYPE_CHECKING:
    from pipeline.pilot import Direction, Tried


@dataclass(frozen=True, slots=True)
class DirectionView:
    """A direction with all that was tried of it."""

    anchor: str
    title: str
    stage: str
    operation: str
    tried: int
    passed: int
    num_jobs: int
    usd: str
    pairs: tuple[Pair, ...]


def write_page(path: Path, tried: Sequence[Tried], directions: Sequence[Direction]) -> Path:
    """Write the page of a pilot and return its path."""
    prices = [one.usd for one in directions if one.usd is not None]
    html = render_template(
        "pilot.html.j2",
        parts_tried=tuple(_directions(tried, directions)),
        tried=len(tried),
        passed=sum(one.reason is None for one in tried),
        num_jobs=sum(one.num_jobs for one in directions),
        total=_usd(sum(prices)) if prices else "",
    )
    write_atomically(path, html.encode())
    return path


def _directions(tried: Sequence[Tried], directions: Sequence[Direction]) -> Iterator[DirectionView]:
    for one in directions:
        source, _, target = one.direction.partition("-")
        names = [LANGUAGE_NAMES[code][0] for code in (source, target) if code]
        key = (one.stage, (one.operation, source, target))
        yield DirectionView(
            anchor=f"{one.stage}-{one.operation}-{one.direction}",
            title=" → ".join(names),
            stage=one.stage,
            operation=one.operation,
            tried=one.tried,
            passed=one.passed,
            num_jobs=one.num_jobs,
            usd=_usd(one.usd),
            pairs=tuple(_pair(job) for job in tried if (job.stage, job.direction) == key),
        )


def _usd(value: float | None) -> str:
    return "no price" if value is None else usd_text(value)


def _pair(tried: Tried) -> Pair:
    job = tried.job
    return make_pair(job.operation, job.row, tried.made, tried.reason, tried.evidence)
