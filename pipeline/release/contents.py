"""Reads a release folder as it lies there, whoever wrote it: head, tables of the card, Parquet.

Nothing here trusts the folder: what cannot be read becomes a finding, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipeline.errors import InputError
from pipeline.frames import polars_schema
from pipeline.release.findings import Finding
from pipeline.release.write import CHECKSUMS
from schemas.item import LANGUAGES
from schemas.release import RELEASE, SPLITS, SUBSETS

CARD, LICENSES, CROISSANT, BENCHMARK_TABLE = (
    "README.md",
    "LICENSES.md",
    "croissant.json",
    "benchmarks.parquet",
)
# What the Hub and version control add to a copy; it is not read, and never sent.
NOT_OURS = frozenset({".git", ".gitattributes", ".cache"})
SPLITS_OF = {SUBSETS["qa"]: SPLITS[:2], SUBSETS["mcq"]: SPLITS}
PARQUET_PATHS = "<subset>/<language>/<split>-00000-of-00001.parquet"

_PART = re.compile(r"([a-z]+)-\d{5}-of-\d{5}\.parquet")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file at a place that the layout knows."""

    path: str  # below the release
    subset: str
    language: str
    split: str
    schema: pa.Schema
    num_rows: int


@dataclass(frozen=True, slots=True)
class Contents:
    """A release folder, read."""

    folder: Path
    card: str
    head: Mapping[str, Any]
    licenses: str
    files: tuple[DataFile, ...]
    rows: pl.DataFrame  # RELEASE columns and `file`, `row`, `subset`, `folder_language`, `split`
    faults: tuple[Finding, ...]  # what could not be read

    def sizes(self) -> dict[tuple[str, str, str], int]:
        """Return the rows per (subset, language, split), as the Parquet files have them."""
        sizes: dict[tuple[str, str, str], int] = {}
        for file in self.files:
            cell = (file.subset, file.language, file.split)
            sizes[cell] = sizes.get(cell, 0) + file.num_rows
        return sizes


def read_contents(folder: Path) -> Contents:
    """Read a release; an `InputError` says when the folder is none."""
    check_is_release(folder)
    faults: list[Finding] = []
    card = _text(folder / CARD, faults)
    files = [file for path in parquet_paths(folder) if (file := _file(folder, path, faults))]
    tables = [table for file in files if (table := _rows(folder, file, faults)) is not None]
    rows = pl.concat([_no_rows(), *tables])
    licenses = _text(folder / LICENSES, faults)
    head = _head(card, faults)
    return Contents(folder, card, head, licenses, tuple(files), rows, tuple(faults))


def check_is_release(folder: Path) -> None:
    """Raise an `InputError` where a folder is no release."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Give the folder of a release.")
    if (folder / CHECKSUMS).is_file() or any((folder / name).is_dir() for name in SPLITS_OF):
        return
    inner = folder / "release"
    hint = f"Did you mean {inner}?" if inner.is_dir() else "`mmed build` writes one."
    parts = ", ".join((CHECKSUMS, *SPLITS_OF))
    raise InputError(f"{folder}: not a release, it holds none of {parts}. {hint}")


def parquet_paths(folder: Path) -> list[str]:
    """Return the Parquet files of the subsets, and stray ones, below the folder."""
    found = (path.relative_to(folder) for path in folder.rglob("*.parquet"))
    ours = (path.as_posix() for path in found if path.parts[0] not in NOT_OURS)
    return sorted(path for path in ours if path != BENCHMARK_TABLE)


def _text(path: Path, faults: list[Finding]) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        faults.append(Finding(path.name, "the file is missing", "it in every release"))
    except UnicodeDecodeError as error:
        faults.append(Finding(path.name, f"not UTF-8 ({error.reason})", "text in UTF-8"))
    return ""


def _head(card: str, faults: list[Finding]) -> Mapping[str, Any]:
    parts = card.split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        faults.append(Finding(CARD, "no YAML head", "one between two lines `---`"))
        return {}
    try:
        head = yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        faults.append(Finding(CARD, f"the head is no YAML ({error})", "a mapping of keys"))
        return {}
    if not isinstance(head, dict):
        faults.append(Finding(CARD, f"the head is a {type(head).__name__}", "a mapping of keys"))
        return {}
    return cast(dict[str, Any], head)


def _file(folder: Path, path: str, faults: list[Finding]) -> DataFile | None:
    cell = cell_of(path)
    if cell is None:
        faults.append(Finding(path, "a Parquet file at an unknown place", PARQUET_PATHS))
        return None
    try:
        metadata = pq.ParquetFile(folder / path)
        return DataFile(path, *cell, metadata.schema_arrow, metadata.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        faults.append(_unreadable(path, error))
        return None


def _unreadable(path: str, error: Exception) -> Finding:
    return Finding(path, f"it cannot be read ({error})", "a whole Parquet file")


def cell_of(path: str) -> tuple[str, str, str] | None:
    """Return subset, language and split of a data file by its path; None for any other place."""
    parts = path.split("/")
    match = _PART.fullmatch(parts[-1])
    if len(parts) != 3 or match is None:
        return None
    subset, language, split = parts[0], parts[1], match[1]
    is_known = split in SPLITS_OF.get(subset, ()) and language in LANGUAGES
    return (subset, language, split) if is_known else None


def _rows(folder: Path, file: DataFile, faults: list[Finding]) -> pl.DataFrame | None:
    """Return a file's rows, or None where its columns are not those that the checks read."""
    try:
        table = cast(pl.DataFrame, pl.from_arrow(pq.ParquetFile(folder / file.path).read()))
    except (pa.ArrowException, OSError) as error:
        faults.append(_unreadable(file.path, error))
        return None
    declared = polars_schema(RELEASE)
    if any(table.schema.get(name) != dtype for name, dtype in declared.items()):
        faults.append(
            Finding(
                file.path,
                f"columns of other types; its {table.height:,} rows were not checked",
                "the columns on the card",
            )
        )
        return None
    place = {
        "file": pl.lit(file.path),
        "subset": pl.lit(file.subset),
        "folder_language": pl.lit(file.language),
        "split": pl.lit(file.split),
    }
    return table.select(declared.names()).with_row_index("row").with_columns(**place)


def _no_rows() -> pl.DataFrame:
    place = dict.fromkeys(("file", "subset", "folder_language", "split"), pl.String())
    schema = {"row": pl.UInt32(), **dict(polars_schema(RELEASE)), **place}
    return pl.DataFrame(schema=schema)
