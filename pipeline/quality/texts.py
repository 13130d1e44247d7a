"""Faults of a text, wherever it stands in a record; `pipeline/text/defects.py` finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_

import polars as pl

from pipeline.quality.rule import Row, Rule
from pipeline.text.defects import MIN_REPETITION_CHARACTERS, SUSPECTS

Find = Callable[[str, str], float]  # text, language -> score
# Characters of a text that a rule reads: a count has shown by then what a text is like, and one of
# 5 MB without a space took `urls` 8 s. The longest real one is of 4,671.
_MAX_READ = 100_000


def text_rule(
    find: Find,
    threshold: float | None,
    applies: pl.Expr,
    columns: tuple[str, ...],
    merge: Callable[[Iterable[float]], float] = sum,
    max_read: int | None = _MAX_READ,
) -> Rule:
    """Return the rule of a text function: its scores of these columns of a record, merged.

    A rule that judges how a text ends needs all of it: `max_read` is None.
    """
    name = find.__name__

    def score(row: Row) -> float:
        texts = (text[:max_read] for text in _texts(row, columns))
        return float(merge([find(text, row["language"]) for text in texts] or [0]))

    def suspects(_language: str) -> pl.Expr:
        return reduce(or_, (_may_score(name, column) for column in columns))

    return Rule(name, threshold, score, suspects, applies, shows=columns[-1])


def _may_score(name: str, column: str) -> pl.Expr:
    text = pl.col(column).list.join("\n") if column == "options" else pl.col(column)
    if name in SUSPECTS:
        return text.str.contains(SUSPECTS[name])
    return text.str.len_chars() >= MIN_REPETITION_CHARACTERS


def _texts(row: Row, columns: Iterable[str]) -> list[str]:
    """Return the texts of a record; the answer of a choice is among its options already."""
    texts: list[str] = []
    for column in columns:
        if column == "options":
            texts += row["options"]
        elif column != "answer" or row["task"] == "qa":
            texts.append(row[column])
    return texts
