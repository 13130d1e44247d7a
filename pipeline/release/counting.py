"""Counts what was written, for the card: rows per value, flags, and what models wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from schemas.release import SPLITS

Cell = tuple[str, str, str]  # subset, language, split

# Columns of which the card counts the rows per value.
COUNTED = ("language", "form", "source", "license", "redistributable", "origin")
_TOTALS = dict.fromkeys((*COUNTED, "subset", "split"), pl.String()) | {"rows": pl.UInt32()}
_FLAGGED = {"language": pl.String(), "flag": pl.String(), "rows": pl.UInt32()}
_BY = ("language", "stage", "model", "prompt")
_WRITTEN = dict.fromkeys(_BY, pl.String()) | {"rows": pl.UInt32()}


@dataclass(frozen=True, slots=True)
class Size:
    """How large a split is: its rows, and the bytes of its values in memory."""

    rows: int
    num_bytes: int

    def __add__(self, other: Size) -> Size:
        return Size(self.rows + other.rows, self.num_bytes + other.num_bytes)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a release holds, counted from the tables that were written."""

    sizes: dict[Cell, Size]
    totals: pl.DataFrame  # a row per combination of COUNTED, subset and split
    flagged: pl.DataFrame  # language, flag, rows
    written: pl.DataFrame  # language, stage, model, prompt, rows that a model worked on

    def configs(self) -> dict[str, dict[str, Size]]:
        """Return per configuration, in the order of names, its splits with their sizes."""
        found: dict[str, dict[str, Size]] = {}
        for split in SPLITS:
            for (subset, language, own), size in self.sizes.items():
                for config in (subset, f"{subset}.{language}") if own == split else ():
                    splits = found.setdefault(config, {})
                    splits[split] = splits[split] + size if split in splits else size
        return dict(sorted(found.items()))

    def rows(self) -> dict[str, dict[str, int]]:
        """Return the rows per configuration and split."""
        return {
            config: {split: size.rows for split, size in splits.items()}
            for config, splits in self.configs().items()
        }


def count(cell: Cell, table: pa.Table) -> Counted:
    """Count one table."""
    subset, language, split = cell
    rows = pl.DataFrame(pl.from_arrow(table.select([*COUNTED, "flags", "steps"])))
    own = rows.group_by(COUNTED).len("rows").sort(COUNTED)
    totals = own.with_columns(subset=pl.lit(subset), split=pl.lit(split)).select(list(_TOTALS))
    flags = rows.select("language", flag=pl.col("flags")).explode("flag").drop_nulls()
    flagged = flags.group_by("language", "flag").len("rows").sort("language", "flag")
    size = Size(table.num_rows, table.nbytes)
    return Counted({(subset, language, split): size}, totals, flagged, _written(rows))


def _written(rows: pl.DataFrame) -> pl.DataFrame:
    steps = rows.select("language", "steps").explode("steps").unnest("steps")
    done = steps.filter(pl.col("model").is_not_null())
    return done.group_by(_BY).len("rows").sort(_BY).select(list(_WRITTEN))


def together(parts: Sequence[Counted]) -> Counted:
    """Return the counts of several tables."""
    return Counted(
        {cell: size for part in parts for cell, size in part.sizes.items()},
        pl.concat([pl.DataFrame(schema=_TOTALS), *(part.totals for part in parts)]),
        pl.concat([pl.DataFrame(schema=_FLAGGED), *(part.flagged for part in parts)]),
        pl.concat([pl.DataFrame(schema=_WRITTEN), *(part.written for part in parts)]),
    )
