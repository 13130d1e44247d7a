"""Multiple choice as published: how many options, which letter is right how often, which topics.

A model learns a favourite letter sooner than medicine, so letters are held against an even share
by a chi-square test, apart for each number of options.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from pipeline.report.charts import Chart, draw
from pipeline.report.statistics import chi_square, chi_square_p
from schemas.item import LETTERS

TOPICS = 12  # named of a language
FEWEST_EXPECTED = 5  # rows of a letter, below which the test says nothing (Cochran)


@dataclass(frozen=True, slots=True)
class KeyBalance:
    """How the keys of rows with so many options are spread over the letters."""

    num_options: int
    rows: int  # with one correct option
    several: int  # rows with more than one, which are not tested
    letters: tuple[tuple[str, int], ...]
    expected: float  # rows per letter
    statistic: float
    p: float
    chart: Chart

    @property
    def is_tested(self) -> bool:
        """Whether there are rows enough for the test."""
        return self.expected >= FEWEST_EXPECTED

    @property
    def farthest(self) -> float:
        """How far the share of a letter is from even, at most."""
        if not self.rows:
            return 0.0
        return max(abs(rows / self.rows - 1 / self.num_options) for _, rows in self.letters)


@dataclass(frozen=True, slots=True)
class Answers:
    """What multiple-choice rows of a language hold, and the topics of all its rows."""

    options: tuple[tuple[int, int], ...]  # number of options, rows
    options_chart: Chart
    keys: tuple[KeyBalance, ...]
    topics: tuple[tuple[str, int], ...]  # most rows first
    num_topics: int
    without_topic: int


def make_answers(rows: pl.DataFrame, language: str) -> Answers | None:
    """Return this of one language's published rows, or None where it has no rows."""
    own = rows.filter(pl.col("language") == language)
    if own.is_empty():
        return None
    mcq = own.filter(pl.col("task") == "mcq")
    options = tuple(mcq.group_by("num_options").len().sort("num_options").iter_rows())
    topics = list(_topics(own))
    return Answers(
        options=options,
        options_chart=draw([str(number) for number, _ in options], [rows for _, rows in options]),
        keys=tuple(_keys(mcq)),
        topics=tuple(topics[:TOPICS]),
        num_topics=len(topics),
        without_topic=own.filter(pl.col("topic") == "").height,
    )


def _topics(own: pl.DataFrame) -> Iterator[tuple[str, int]]:
    named = own.filter(pl.col("topic") != "").group_by("topic").len("rows")
    yield from named.sort("rows", "topic", descending=[True, False]).iter_rows()


def _keys(mcq: pl.DataFrame) -> Iterator[KeyBalance]:
    for (number,), part in mcq.sort("num_options").group_by("num_options", maintain_order=True):
        assert isinstance(number, int)
        single = part.filter(pl.col("answer_indices").list.len() == 1)
        found = dict(single.group_by(pl.col("answer_indices").list.first()).len().iter_rows())
        mean = single.height / number
        statistic = chi_square(found, dict.fromkeys(range(number), mean))
        counts = [found.get(place, 0) for place in range(number)]
        yield KeyBalance(
            num_options=number,
            rows=single.height,
            several=part.height - single.height,
            letters=tuple(zip(LETTERS, counts, strict=False)),
            expected=mean,
            statistic=statistic,
            p=chi_square_p(statistic, number - 1),
            chart=draw(list(LETTERS[:number]), counts, [mean] * number),
        )
