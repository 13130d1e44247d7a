"""Writes the Parquet files of a release: shards of bounded size, cut where their content says so.

Content-defined chunking puts page borders where the values decide, so that a rebuild with a few
rows more leaves most pages as they were; storage that keeps equal chunks once then moves little.
It pays only with a stable order of rows, here by source and id. The page index lets a viewer read
single rows.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# Of values in memory; a file is several times smaller. The limits that `datasets` writes with.
SHARD_BYTES = 500_000_000
ROW_GROUP_BYTES = 100_000_000


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write one file; the same table gives the same bytes."""
    pq.write_table(
        table,
        path,
        compression="zstd",
        row_group_size=max(1, _rows_within(table, ROW_GROUP_BYTES)),
        use_content_defined_chunking=True,
        write_page_index=True,
    )


def write_shards(
    folder: Path, split: str, table: pa.Table, shard_bytes: int = SHARD_BYTES
) -> list[Path]:
    """Write a split as `<split>-00000-of-0000N.parquet`, rows in order, and return the paths."""
    rows = max(1, _rows_within(table, shard_bytes))
    starts = range(0, table.num_rows, rows)
    paths = [folder / shard_name(split, number, len(starts)) for number in range(len(starts))]
    folder.mkdir(parents=True, exist_ok=True)
    for path, start in zip(paths, starts, strict=True):
        write_parquet(path, table.slice(start, rows))
    return paths


def shard_name(split: str, number: int, total: int) -> str:
    """Return the name of a shard, as the Hub's repositories name them."""
    return f"{split}-{number:05}-of-{total:05}.parquet"


def _rows_within(table: pa.Table, num_bytes: int) -> int:
    """Return how many rows of average size a number of bytes holds."""
    return int(table.num_rows * num_bytes // max(1, table.nbytes))
