"""The tables that the stages of a build left in its store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables by stage instance and kind, `kept` or `dropped`; the store may have been deleted."""

    store: Path
    names: Mapping[str, Mapping[str, Sequence[str]]]

    def are_there(self, stages: set[str]) -> bool:
        """Tell whether all tables of these stages are at hand."""
        listed = (name for stage in stages for part in self.names[stage].values() for name in part)
        return all((self.store / name).exists() for name in listed)

    def scan(self, stage: str, kind: str) -> Iterator[pl.LazyFrame]:
        """Yield the tables of a stage, kept or dropped."""
        for name in self.names[stage][kind]:
            yield pl.scan_parquet(self.store / name)

    def collect(self, stage: str, kind: str, *columns: str) -> pl.DataFrame:
        """Return some columns of a stage's rows, kept or dropped."""
        empty = pl.LazyFrame(schema=dict.fromkeys(columns, pl.String))
        return pl.concat([empty, *(t.select(columns) for t in self.scan(stage, kind))]).collect()
