"""Checks that no row repeats a benchmark: by root and question key always, by text with `--raw`.

`benchmarks.parquet` holds identifiers and digests, so the first check needs nothing but the
release. The others read the benchmarks again from their upstream files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.frames import polars_schema
from pipeline.guard import difference
from pipeline.keys import protected_key
from pipeline.overlap import contained, question_shingles
from pipeline.plan import FileDigests, make_plan
from pipeline.recipe import Recipe, SourceEntry
from pipeline.release.check_questions import Row
from pipeline.release.contents import BENCHMARK_TABLE
from pipeline.release.findings import Finding
from pipeline.release.key_probe import NAME, key_probe
from pipeline.stages.deduplicate import DeduplicateSettings
from pipeline.stages.ingest import Records
from pipeline.text.minhash import band_hashes
from pipeline.text.shingles import jaccard
from schemas.release import BENCHMARKS

_EXPECTED = "no benchmark item in any split"


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


def by_identifier(
    rows: Iterable[Row], table: pl.DataFrame, has_comparable_keys: bool
) -> Iterator[Finding]:
    """Find rows with a root or a question key of the release's own table of benchmarks."""
    if not has_comparable_keys:
        found = "question keys that this version does not make"
        yield Finding(BENCHMARK_TABLE, found, "those of this version; or give --raw")
    checked = table.filter(pl.col("status") == "checked")
    roots = dict(checked.select("root_id", "benchmark").iter_rows())
    keys = dict(checked.select("question_key", "benchmark").iter_rows())
    for row in rows:
        if row["root_id"] in roots:
            yield _hit(row, f"the root of an item of {roots[row['root_id']]}")
        elif row["key"] in keys:
            yield _hit(row, f"the question of an item of {keys[row['key']]}")


def _hit(row: Row, found: str) -> Finding:
    return Finding(row["file"], found, _EXPECTED, row["row"])


@dataclass(frozen=True, slots=True)
class Texts:
    """Benchmark items as their upstream files have them, and what was not there to be read."""

    items: tuple[Row, ...]
    missing: tuple[str, ...]


def read_texts(raw: Path, table: pl.DataFrame) -> Texts:
    """Parse every registered benchmark that is below the raw folder."""
    # A recipe names a source; the starter corpus is always there. The plan adds the benchmarks.
    recipe = Recipe(sources=(SourceEntry(name="starter"),), benchmarks="all")
    plan = make_plan(recipe, raw, FileDigests(raw / ".no-notes"), is_dry=True)
    is_meant = "starter" in table["benchmark"].to_list()
    inputs = [one for one in plan.inputs if is_meant or one.source.name != "starter"]
    rows = (row for one in inputs for row in Records(one, "all").rows())
    items = (row | {"key": protected_key(row)} for row in rows if row["role"] == "benchmark")
    return Texts(tuple(items), tuple(plan.benchmarks()[1]))


def by_text(rows: Sequence[Row], texts: Texts) -> Iterator[Finding]:
    """Find rows that ask, contain or nearly repeat a benchmark question as upstream words it."""
    names = {item["key"]: item["source"] for item in texts.items}
    asked = {place for place, row in enumerate(rows) if row["key"] in names}
    for place in sorted(asked):
        yield _hit(rows[place], f"the question of an item of {names[rows[place]['key']]}")
    holding = dict(contained(rows, texts.items))
    for place in sorted(holding.keys() - asked):
        yield _hit(rows[place], f"it contains the question of an item of {holding[place]}")
    for place, (source, similarity) in sorted(_similar(rows, texts.items).items()):
        if place not in asked and place not in holding:
            yield _hit(rows[place], f"{similarity:.2f} like an item of {source}")


def _similar(rows: Sequence[Row], items: Sequence[Row]) -> dict[int, tuple[str, float]]:
    """Return the places of rows that resemble an item and that no guard tells apart from it."""
    threshold = DeduplicateSettings().jaccard
    buckets: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for place, bands in enumerate(band_hashes(question_shingles(row) for row in rows)):
        for band, value in enumerate(bands):
            buckets[rows[place]["language"], band, value].append(place)
    found: dict[int, tuple[str, float]] = {}
    for item, bands in zip(items, band_hashes(map(question_shingles, items)), strict=True):
        near = (buckets.get((item["language"], b, value), ()) for b, value in enumerate(bands))
        for place in sorted({place for places in near for place in places}):
            similarity = _similarity(rows[place], item)
            if similarity >= threshold:
                found.setdefault(place, (item["source"], similarity))
    return found


def _similarity(row: Row, item: Row) -> float:
    if difference({**row, "answer": ""}, {**item, "answer": ""}):
        return 0.0
    return jaccard(question_shingles(row), question_shingles(item))
