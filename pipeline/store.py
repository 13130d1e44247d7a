"""Content-addressed results on disk: one folder per fingerprint, written whole or not at all.

`<out>/store/<fingerprint>/` holds the Parquet files of one unit of work and `entry.json`, which
names each file with rows, size and digest. The folder is written under a temporary name and then
renamed, so an entry that exists is complete; sizes are checked on reading, which also catches a
file that a power cut left short.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import StoppedError
from pipeline.lock import FULL

if TYPE_CHECKING:
    import polars as pl

ENTRY = "entry.json"


def digest(value: object) -> str:
    """Return the SHA-256 of a JSON-like value in canonical form."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


@cache
def code_digest(*paths: Path) -> str:
    """Return one digest over source files and the Python and data files below folders."""
    hasher = sha256()
    for path in paths:
        files = sorted(f for f in path.rglob("*") if f.suffix in {".py", ".yaml", ".md", ".tsv"})
        for file in files if path.is_dir() else [path]:
            hasher.update(file.name.encode() + file.read_bytes())
    return hasher.hexdigest()


@dataclass(frozen=True, slots=True)
class Table:
    """A Parquet file of an entry: where it is, how many rows, and the digest of its bytes."""

    path: Path
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished unit of work: its tables by name, and the facts that its author noted."""

    tables: Mapping[str, Table]
    facts: Mapping[str, Any]


class Store:
    """The entries below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, fingerprint: str) -> Entry | None:
        """Return a finished entry, or None where there is none or a file of it is damaged."""
        folder = self.folder / fingerprint
        try:
            noted = json.loads((folder / ENTRY).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        tables = {}
        for name, table in noted["tables"].items():
            path = folder / f"{name}.parquet"
            if not path.exists() or path.stat().st_size != table["bytes"]:
                return None
            tables[name] = Table(path, table["rows"], table["digest"])
        return Entry(tables, noted["facts"])

    def put(
        self, fingerprint: str, tables: Mapping[str, pl.DataFrame], facts: Mapping[str, Any]
    ) -> Entry:
        """Write an entry whole; an equal one that another process finished first is as good."""
        temporary = self.folder / f".{fingerprint}.{os.getpid()}"
        final = self.folder / fingerprint
        with stopping_when_disk_is_full(self.folder):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            noted = {name: _write_table(temporary, name, table) for name, table in tables.items()}
            text = json.dumps({"tables": noted, "facts": facts}, sort_keys=True, ensure_ascii=False)
            (temporary / ENTRY).write_text(text, encoding="utf-8")
            if final.exists() and self.get(fingerprint) is None:
                shutil.rmtree(final)
            _rename_unless_there(temporary, final)
            shutil.rmtree(temporary, ignore_errors=True)
        entry = self.get(fingerprint)
        assert entry is not None
        return entry


def remove_leftovers(*folders: Path) -> None:
    """Delete what killed processes left half-written; only under the build's lock."""
    # `.<name>.<process>`; the lock itself has no second dot.
    for leftover in (found for folder in folders for found in folder.glob(".*.*")):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _rename_unless_there(temporary: Path, final: Path) -> None:
    try:
        temporary.rename(final)
    except OSError as error:
        # Two shards that nothing is left of are one unit of work, for two processes at once.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def parquet_bytes(table: pl.DataFrame) -> bytes:
    """Return a table as Parquet; the same bytes for the same rows, for any number of threads."""
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd", compression_level=3, statistics=False)
    return buffer.getvalue()


def _write_table(folder: Path, name: str, table: pl.DataFrame) -> dict[str, Any]:
    # Written by Python, not by polars, so that a full disk is an OSError with its number.
    payload = parquet_bytes(table)
    (folder / f"{name}.parquet").write_bytes(payload)
    return {
        "rows": table.height,
        "bytes": len(payload),
        "digest": sha256(payload).hexdigest(),
    }


class stopping_when_disk_is_full:  # noqa: N801 - reads as a statement
    """Turn "no space left" inside the block into a `StoppedError` that names the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError) and error.errno in FULL:
            raise StoppedError(
                f"{self.folder}: {os.strerror(error.errno or 0).lower()}. "
                "Free some space and run the same command again; finished work is kept."
            ) from error


def read_note(path: Path) -> dict[str, Any]:
    """Return a note, which only saves work; empty where there is none or a power cut damaged it."""
    try:
        noted: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return noted


def write_atomically(path: Path, payload: bytes) -> None:
    """Replace a file in one step, so that a reader sees the old bytes or the new ones."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with stopping_when_disk_is_full(path.parent):
        try:
            temporary.write_bytes(payload)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
