"""What changed since the last build that was different: rows in and out, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from schemas.ledger import REASONS

NEW = "Was not read or made before."
GONE = "Is not read or made any more."


@dataclass(frozen=True, slots=True)
class Moved:
    """Rows that came in or went out for one reason, which is empty where they are new or gone."""

    is_in: bool
    language: str
    reason: str
    rows: int

    @property
    def sentence(self) -> str:
        """Why, in words: what kept a row out before, or keeps it out now."""
        if self.reason:
            return REASONS.get(self.reason, self.reason)
        return NEW if self.is_in else GONE


@dataclass(frozen=True, slots=True)
class Difference:
    """All moves since a build; none: the same rows, though perhaps with other texts."""

    digest: str
    version: str
    before: int  # rows that it published
    moves: tuple[Moved, ...]

    def rows(self, is_in: bool, language: str | None = None) -> int:
        """Return how many rows came in or went out, of one language or of all."""
        return sum(
            move.rows
            for move in self.moves
            if move.is_in == is_in and language in (None, move.language)
        )


def make_difference(
    previous: tuple[str, str, pl.DataFrame] | None, states: pl.DataFrame | None
) -> Difference | None:
    """Return what changed, or None where there was no build before, or the tables are gone."""
    if previous is None or states is None:
        return None
    digest, version, before = previous
    moves = [*_moves(states, before, is_in=True), *_moves(before, states, is_in=False)]
    published = before["reason"].null_count()
    return Difference(digest, version, published, tuple(moves))


def _moves(here: pl.DataFrame, there: pl.DataFrame, is_in: bool) -> Iterator[Moved]:
    """Yield what is published here and not there, with the reasons from there."""
    own = here.filter(pl.col("reason").is_null()).select("id", "language")
    other = there.select("id", "reason", is_known=pl.lit(value=True))
    joined = own.join(other, on="id", how="left")
    moved = joined.filter(pl.col("is_known").is_null() | pl.col("reason").is_not_null())
    counts = moved.group_by("language", pl.col("reason").fill_null("")).len("rows")
    for language, reason, rows in counts.sort("language", "reason").iter_rows():
        yield Moved(is_in, language, reason, rows)
