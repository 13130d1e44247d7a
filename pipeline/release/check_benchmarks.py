"""Checks that no row repeats a benchmark: by root and question digest always, by text with `--raw`.

`benchmarks.parquet` holds identifiers and digests, so the first check needs nothing but the
release. The other reads the benchmarks again from their upstream files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.contamination.find import Protected
from pipeline.contamination.texts import question_keys, row_digests, same_questions
from pipeline.frames import ITEM_COLUMNS, polars_schema
from pipeline.plan import FileDigests, make_plan
from pipeline.recipe import Recipe, SourceEntry
from pipeline.release.check_questions import Row
from pipeline.release.contents import BENCHMARK_TABLE, CARD
from pipeline.release.findings import Finding
from pipeline.release.key_probe import NAME, key_probe
from pipeline.stages.ingest import Records
from schemas.release import BENCHMARKS

_EXPECTED = "no benchmark item in any split"
# What the card says of the table, per status in it.
_TOLD = {
    "checked": re.compile(r"asks the same\s+question: (.+)\.$", re.MULTILINE),
    "missing": re.compile(r"^\*\*Not checked\*\*, because .+ not at hand: (.+)\.$", re.MULTILINE),
}
_NOTHING_TOLD = "the recipe has no stage `decontaminate`"


def read_benchmarks(folder: Path) -> pl.DataFrame:
    """Return the table of benchmarks; an empty one where it is unreadable (`columns` says so)."""
    schema = polars_schema(BENCHMARKS)
    try:
        table = cast(pl.DataFrame, pl.from_arrow(pq.read_table(folder / BENCHMARK_TABLE)))
    except (pa.ArrowException, OSError):
        return pl.DataFrame(schema=schema)
    return table if table.schema == schema else pl.DataFrame(schema=schema)


def keys_are_current(folder: Path) -> bool:
    """Tell whether the table's question keys were made by the code that compares them here."""
    try:
        metadata = pq.read_schema(folder / BENCHMARK_TABLE).metadata or {}
    except (pa.ArrowException, OSError):
        return False
    return bool(metadata.get(NAME) == key_probe().encode())


def as_told(card: str, table: pl.DataFrame) -> Iterator[Finding]:
    """Compare the benchmarks that the card names with those that the table has rows of."""
    if _NOTHING_TOLD in card:
        return
    based = table.with_columns(pl.col("benchmark").str.split(".").list.first())
    for status, sentence in _TOLD.items():
        told = {name for names in sentence.findall(card) for name in names.split(", ")}
        there = set(based.filter(pl.col("status") == status)["benchmark"].drop_nulls())
        for name in sorted(told - there):
            yield Finding(BENCHMARK_TABLE, f"no row of {name}, {status}", "one, as the card says")
        for name in sorted(there - told):
            yield Finding(CARD, f"{name} is not named as {status}", f"it, as in {BENCHMARK_TABLE}")


def by_identifier(
    rows: pl.DataFrame, table: pl.DataFrame, has_comparable_keys: bool
) -> Iterator[Finding]:
    """Find rows with a root or a question digest of the release's own table of benchmarks."""
    if not has_comparable_keys:
        found = "question keys that this version does not make"
        yield Finding(BENCHMARK_TABLE, found, "those of this version; or give --raw")
    checked = table.filter(pl.col("status") == "checked")
    roots = dict(checked.select("root_id", "benchmark").iter_rows())
    keys = dict(checked.select("question_key", "benchmark").iter_rows())
    places = rows.select("file", "row", "root_id").iter_rows(named=True)
    for row, digests in zip(places, row_digests(rows), strict=True):
        if row["root_id"] in roots:
            yield _hit(row, f"the root of an item of {roots[row['root_id']]}")
        elif known := [digest for digest in digests if digest in keys]:
            yield _hit(row, f"the question of an item of {keys[known[0]]}")


def _hit(row: Row, found: str) -> Finding:
    return Finding(row["file"], found, _EXPECTED, row["row"])


@dataclass(frozen=True, slots=True)
class Texts:
    """Benchmark items as their upstream files have them, and what was not there to be read."""

    items: pl.DataFrame  # ITEM_COLUMNS
    missing: tuple[str, ...]


def read_texts(raw: Path, table: pl.DataFrame) -> Texts:
    """Parse every registered benchmark that is below the raw folder."""
    # A recipe names a source; the starter corpus is always there. The plan adds the benchmarks.
    recipe = Recipe(sources=(SourceEntry(name="starter"),), benchmarks="all")
    plan = make_plan(recipe, raw, FileDigests(raw / ".no-notes"), is_dry=True)
    is_meant = "starter" in table["benchmark"].to_list()
    inputs = [one for one in plan.inputs if is_meant or one.source.name != "starter"]
    rows = (row for one in inputs for row in Records(one, "all").rows())
    items = [row for row in rows if row["role"] == "benchmark"]
    frame = pl.DataFrame(items, schema=ITEM_COLUMNS, orient="row")
    return Texts(frame, tuple(plan.benchmarks()[1]))


def by_text(rows: pl.DataFrame, texts: Texts) -> Iterator[Finding]:
    """Find rows, in the shape of records, that ask or hold a question as upstream words it."""
    sources = texts.items.select("source", item="id")
    held = Protected(texts.items).matches(rows).filter(pl.col("kind") == "similar")
    keyed = texts.items.select("source", item="id").hstack(question_keys(texts.items))
    asked = same_questions(rows.select("id").hstack(question_keys(rows)), keyed)
    found = pl.concat(
        [
            asked.select("id", "source", value=pl.lit(None, pl.Float64)),
            held.join(sources, on="item").select("id", "source", "value"),
        ]
    )
    first = found.sort("value", "source", nulls_last=False).unique("id", keep="first")
    places = rows.select("id", "file", "row").join(first, on="id").sort("file", "row")
    for row in places.iter_rows(named=True):
        is_asked = row["value"] is None
        what = "the question" if is_asked else f"{row['value']:.0%} of the question"
        yield _hit(row, f"{what} of an item of {row['source']}")
