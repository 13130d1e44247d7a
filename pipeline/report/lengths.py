"""How long the published rows of a language are, in its own units and in tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from pipeline.report.charts import Chart, draw
from pipeline.text.units import CHARACTER_LANGUAGES

_MEASURES = (("question_units", "Questions"), ("answer_units", "Answers"), ("tokens", "Whole rows"))


@dataclass(frozen=True, slots=True)
class Lengths:
    """How a length is spread over rows; the classes of the chart double in width."""

    title: str
    unit: str
    shortest: int
    median: int
    longest_tenth: int  # nine rows of ten are at most so long
    longest: int
    chart: Chart


def make_lengths(rows: pl.DataFrame, language: str) -> tuple[Lengths, ...]:
    """Return the lengths of one language's published rows; none where it has no rows."""
    own = rows.filter(pl.col("language") == language)
    return tuple(_lengths(own, language)) if own.height else ()


def _lengths(own: pl.DataFrame, language: str) -> Iterator[Lengths]:
    units = "characters" if language in CHARACTER_LANGUAGES else "words"
    for column, title in _MEASURES:
        values = own[column].sort()
        yield Lengths(
            title=title,
            unit="tokens, estimated" if column == "tokens" else units,
            shortest=values[0],
            median=values[(len(values) - 1) // 2],
            longest_tenth=values[(9 * len(values) - 1) // 10],
            longest=values[-1],
            chart=_histogram(values),
        )


def _histogram(values: pl.Series) -> Chart:
    """Return how many values are 0, 1, 2 to 3, 4 to 7, 8 to 15 and so on."""
    classes = [value.bit_length() for value in values]
    numbers = range(classes[0], classes[-1] + 1)
    labels = [_label(number) for number in numbers]
    return draw(labels, [classes.count(number) for number in numbers])


def _label(number: int) -> str:
    first, last = (1 << number) >> 1, (1 << number) - 1
    return f"{first}" if first >= last else f"{first}–{last}"
