"""What became of each row in the build before the present one, so that a report can compare.

The manifest in place tells where the last build's rows lie in the store. When a build with another
release takes its place, their states are kept in `store/previous.parquet`; repeating a build leaves
that file alone, so the comparison stays one with the last build that was different.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.store import write_atomically

FILE = "previous.parquet"
_DIGEST, _VERSION = "mmed_release_digest", "mmed_release_version"  # in the metadata of the file
_TOLD = {"recipe", "release_digest", "stages", "tables"}  # by a manifest of any present version

# One row per row that was read or made; `reason` is null where it was published.
STATES = pl.Schema(
    {"id": pl.String, "source": pl.String, "language": pl.String, "reason": pl.String}
)


def row_states(store: Path, manifest: Mapping[str, Any]) -> pl.DataFrame | None:
    """Return the state of every row of a build, or None where its tables are gone."""
    last = manifest["stages"][-1]["name"]
    tables = [(name, "reason") for one in manifest["tables"].values() for name in one["dropped"]]
    tables += [(name, "") for name in manifest["tables"].get(last, {"kept": ()})["kept"]]
    if not all((store / name).exists() for name, _ in tables):
        return None
    parts = [pl.DataFrame(schema=STATES)]
    for name, reason in tables:
        state = pl.col(reason) if reason else pl.lit(None, pl.String).alias("reason")
        rows = pl.scan_parquet(store / name).select("id", "source", "language", state)
        parts.append(rows.collect())
    return pl.concat(parts).sort("id")


def keep_previous(path: Path, manifest: Mapping[str, Any]) -> None:
    """Keep the states of the build whose manifest at a path this one is about to replace.

    Nothing is done where the release is the same one, nor where none was finished here. Called
    before the manifest is written, so that a build that is cut off does it again.
    """
    try:
        last = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return
    if last.get("release_digest") == manifest["release_digest"]:
        return
    store = path.parent / "store"
    kept = store / FILE
    states = row_states(store, last) if last.keys() >= _TOLD else None
    if states is None:  # what is there would be taken for the last build's
        kept.unlink(missing_ok=True)
        return
    buffer = io.BytesIO()
    noted = {
        _DIGEST: last["release_digest"],
        _VERSION: str(last["recipe"]["release"]["version"]),
    }
    states.write_parquet(buffer, compression="zstd", statistics=False, metadata=noted)
    write_atomically(kept, buffer.getvalue())


def read_previous(out: Path) -> tuple[str, str, pl.DataFrame] | None:
    """Return digest, version and row states of the build before, or None where none is known."""
    path = out / "store" / FILE
    if not path.exists():
        return None
    noted = pl.read_parquet_metadata(path)
    return noted[_DIGEST], noted[_VERSION], pl.read_parquet(path)
