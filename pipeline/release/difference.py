"""What changed between two releases, by id: added, removed, changed columns, moved splits.

Columns are compared by digests of their values, so that releases of different schemas compare too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from pipeline.errors import InputError
from pipeline.release.contents import cell_of, check_is_release, parquet_paths

_PLACE = ("id", "config", "split")


@dataclass(frozen=True, slots=True)
class Ids:
    """How many records, and the first of them in the order of ids."""

    rows: int
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What changed in one configuration, a subset in a language; a record is told where it is now.

    `columns` counts the changed records per column, `moves` the moved ones per `from -> to`, which
    are splits; `from` names the configuration too where it was another.
    """

    rows_before: int
    rows_after: int
    added: Ids
    removed: Ids
    changed: Ids
    columns: Mapping[str, int]
    moved: Ids
    moves: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two releases, compared."""

    before: str
    after: str
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    configs: Mapping[str, ConfigChange]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return it for a person, a paragraph per configuration that changed."""
        lines = []
        for word, names in (("added", self.columns_added), ("removed", self.columns_removed)):
            lines += [f"columns {word}: {', '.join(names)}"] * bool(names)
        same = [name for name, change in self.configs.items() if not _is_changed(change)]
        for name, change in self.configs.items():
            if name not in same:
                lines += _told(name, change)
        lines += [f"the same: {', '.join(same)}"] * bool(same)
        return "\n".join([*lines, f"{self.before} -> {self.after}"])


def _is_changed(change: ConfigChange) -> bool:
    parts = (change.added, change.removed, change.changed, change.moved)
    return change.rows_before != change.rows_after or any(part.rows for part in parts)


def _told(name: str, change: ConfigChange) -> Iterator[str]:
    yield f"{name}: {change.rows_before:,} -> {change.rows_after:,} rows"
    for word in ("added", "removed", "changed", "moved"):
        ids: Ids = getattr(change, word)
        if ids.rows:
            counts = {"changed": change.columns, "moved": change.moves}.get(word, {})
            how = "; ".join(f"{key} {rows:,}" for key, rows in counts.items())
            more = " …" if ids.rows > len(ids.first) else ""
            yield f"  {ids.rows:,} {word}{f' ({how})' if how else ''}: {' '.join(ids.first)}{more}"


def compare(before: Path, after: Path, num_ids: int) -> Difference:
    """Compare two releases; `num_ids` records of each kind of change are named.

    An `InputError` says that a folder is no release, or has a file that cannot be read.
    """
    old, new = _read(before), _read(after)
    columns = [name for name in new.columns if name in old.columns and name not in _PLACE]
    joined = new.join(old, on="id", how="full", suffix="_before").sort(
        pl.coalesce("id", "id_before")
    )
    configs = sorted({*old["config"].to_list(), *new["config"].to_list()})
    return Difference(
        str(before),
        str(after),
        tuple(name for name in new.columns if name not in old.columns),
        tuple(name for name in old.columns if name not in new.columns),
        {name: _change(name, old, new, joined, columns, num_ids) for name in configs},
    )


def _change(
    config: str,
    old: pl.DataFrame,
    new: pl.DataFrame,
    joined: pl.DataFrame,
    columns: list[str],
    num_ids: int,
) -> ConfigChange:
    here = joined.filter(pl.col("config") == config)
    both = here.filter(pl.col("id_before").is_not_null())
    is_other = {name: pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in columns}
    changed = both.filter(pl.any_horizontal(*is_other.values())) if columns else both.clear()
    moved = both.with_columns(_from(config), to=pl.col("split")).filter(
        pl.col("from") != pl.col("to")
    )
    removed = joined.filter(pl.col("id").is_null() & (pl.col("config_before") == config))
    moves = Counter(f"{a} -> {b}" for a, b in moved.select("from", "to").iter_rows())
    counts = {name: changed.filter(other).height for name, other in is_other.items()}
    return ConfigChange(
        old.filter(pl.col("config") == config).height,
        new.filter(pl.col("config") == config).height,
        _ids(here.filter(pl.col("id_before").is_null())["id"], num_ids),
        _ids(removed["id_before"], num_ids),
        _ids(changed["id"], num_ids),
        {name: rows for name, rows in counts.items() if rows},
        _ids(moved["id"], num_ids),
        dict(sorted(moves.items())),
    )


def _from(config: str) -> pl.Expr:
    """Return where a record was: a split, with its configuration where that was another."""
    was, split = pl.col("config_before"), pl.col("split_before")
    return (
        pl.when(was == config).then(split).otherwise(pl.format("{} {}", was, split)).alias("from")
    )


def _ids(ids: pl.Series, number: int) -> Ids:
    return Ids(len(ids), tuple(ids.head(number).to_list()))


def _read(folder: Path) -> pl.DataFrame:
    """Return id, configuration, split, and a digest of each other column."""
    check_is_release(folder)
    cells = ((path, cell_of(path)) for path in parquet_paths(folder))
    tables = [_digests(folder / path, *cell) for path, cell in cells if cell]
    nothing = pl.DataFrame(schema=dict.fromkeys(_PLACE, pl.String))
    rows = pl.concat([nothing, *tables], how="diagonal")
    if repeated := rows.filter(pl.col("id").is_duplicated())["id"].unique().sort().to_list():
        raise InputError(
            f"{folder}: id {repeated[0]} stands twice, so nothing can be compared by id. "
            f"`mmed verify {folder}` names the rows."
        )
    return rows


def _digests(path: Path, subset: str, language: str, split: str) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path, hive_partitioning=False)
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}). Build the release again.") from error
    if table.schema.get("id") != pl.String:
        raise InputError(f"{path}: no column `id` of text. Give the folder of a release.")
    others = [name for name in table.columns if name not in _PLACE]
    place = {"config": pl.lit(f"{subset}.{language}"), "split": pl.lit(split)}
    # A value's JSON is compared, since not every type can be hashed.
    values = (pl.struct(name).struct.json_encode().hash().alias(name) for name in others)
    return table.select("id", *values).with_columns(**place).select(*_PLACE, *others)
