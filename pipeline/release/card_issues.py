"""Known issues per language: what the counts show, and what is known of sources."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import polars as pl
import yaml

from schemas.flags import FLAGS
from schemas.item import LANGUAGES
from schemas.release import SUBSETS

ONE_SIDED = 0.65  # the largest share of a language that the full recipe allows one source
FEW_HELD_OUT = 200  # rows; below, a 95 % interval around 65 % is wider than 13 points


@cache
def known() -> dict[str, list[str]]:
    """Return what is known of sources, by their names."""
    text = files("pipeline.release").joinpath("known_issues.yaml").read_text(encoding="utf-8")
    table: dict[str, list[str]] = yaml.safe_load(text)
    return table


def issues(totals: pl.DataFrame, flagged: pl.DataFrame) -> dict[str, list[str]]:
    """Return sentences per language that has rows."""
    found: dict[str, list[str]] = {}
    for language in LANGUAGES:
        rows = totals.filter(pl.col("language") == language)
        if rows.height:
            flags = flagged.filter(pl.col("language") == language)
            found[language] = [*_counted(rows), *_flags(flags), *_told(rows)]
    return found


def _counted(rows: pl.DataFrame) -> Iterator[str]:
    total = int(rows["rows"].sum())
    for subset in sorted(SUBSETS.values()):
        if not rows.filter(pl.col("subset") == subset).height:
            yield f"No row in `{subset}`."
    made = int(rows.filter(pl.col("origin") != "native")["rows"].sum())
    if made:
        yield f"{made:,} of {total:,} rows ({made / total:.0%}) are translated or generated."
    sources = rows.group_by("source").agg(pl.col("rows").sum()).sort("rows", "source")
    name, most = sources.row(-1)
    if most > ONE_SIDED * total:
        yield f"{most:,} of {total:,} rows ({most / total:.0%}) are of one source, `{name}`."
    for split in ("validation", "test"):
        held = int(rows.filter(pl.col("split") == split)["rows"].sum())
        if 0 < held < FEW_HELD_OUT:
            count = f"Only {held:,} {'row is' if held == 1 else 'rows are'} in {split}"
            yield f"{count}: a difference of a few points there may be chance."


def _flags(flagged: pl.DataFrame) -> Iterator[str]:
    counts = flagged.group_by("flag").agg(pl.col("rows").sum()).sort("flag")
    for flag, rows in counts.iter_rows():
        yield f"{rows:,} {'row' if rows == 1 else 'rows'} flagged `{flag}`: {FLAGS[flag]}"


def _told(rows: pl.DataFrame) -> Iterator[str]:
    for name in rows["source"].str.split(".").list.first().unique().sort():
        yield from (f"`{name}`: {text}" for text in known().get(name, ()))
