"""What a rule of quality is, and how a shard is scored by one.

A rule is a function of one record. Polars finds the records that may be at fault, Python looks at
those alone: a build reads a quarter of a million records, and a rule concerns a few hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

Row = dict[str, Any]
TEXT_COLUMNS = ("language", "question", "context", "options", "answer_indices", "answer")
COLUMNS = ("task", *TEXT_COLUMNS, "rationale")
POSITION = "position"

IS_CHOICE = pl.col("task") == "mcq"
# A classification's answer is a code, and its question a note that answers to no exam's rules.
IS_OPEN = (pl.col("task") == "qa") & (pl.col("form") != "classification")
HAS_RATIONALE = pl.col("rationale") != ""
# Parallel sentences and terms are no questions; rows that are not for training are never dropped
# and never published.
_IS_JUDGED = (pl.col("role") == "train") & ~pl.col("form").is_in(["sentence", "term"])


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the closed list; its name is that of its score, its threshold and its reason."""

    name: str
    threshold: float | None  # default: a score at or above it drops the record; None drops none
    score: Callable[[Row], float]  # of a suspect; higher is worse, 0 is clean
    suspects: Callable[[str], pl.Expr]  # language -> the records that may score above 0
    applies: pl.Expr  # where the rule says nothing the score is null
    shows: str = "question"  # the column that the ledger quotes


def by_language(shard: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Return the records that rules judge, by language, with their position in the shard."""
    judged = shard.with_row_index(POSITION).filter(_IS_JUDGED)
    parts = judged.partition_by("language", as_dict=True, maintain_order=True)
    return [(str(language), part) for (language,), part in parts.items()]


def rule_scores(
    rule: Rule, parts: Iterable[tuple[str, pl.DataFrame]], num_rows: int
) -> list[float | None]:
    """Return a rule's score of every record of a shard of this many rows."""
    scores: list[float | None] = [None] * num_rows
    for language, part in parts:
        judged = part.filter(rule.applies)
        for position in judged[POSITION]:
            scores[position] = 0.0
        suspects = judged.filter(rule.suspects(language)).select(POSITION, *COLUMNS)
        for row in suspects.iter_rows(named=True):
            scores[row[POSITION]] = rule.score(row)
    return scores
