"""Reading and writing any Parquet table in batches: checked columns, bounded memory, no half file.

Text columns come out as polars strings without nulls (a null is empty text), lists of text without
nulls inside, whatever the string type of the file.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.store import stopping_when_disk_is_full

if TYPE_CHECKING:
    from rich.console import Console

# A batch has so many rows, or fewer where they are long.
BATCH_ROWS = 8_192
BATCH_BYTES = 64 * 2**20


class Kind(StrEnum):
    """What a column must hold; the value is what messages call it."""

    TEXT = "text"
    TEXTS = "list of text"
    TEXT_OR_TEXTS = "text or list of text"
    ANY = "anything"


@dataclass(frozen=True, slots=True)
class Table:
    """A Parquet file whose columns have been checked."""

    path: Path
    columns: Mapping[str, Kind]
    num_rows: int

    def batches(self, console: Console | None = None) -> Iterator[pl.DataFrame]:
        """Yield the checked columns in file order, with progress on standard error."""
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=console or Console(stderr=True), transient=True) as progress:
            task = progress.add_task(self.path.name, total=self.num_rows)
            for batch in self._batches():
                yield batch
                progress.advance(task, batch.height)

    def no_rows(self) -> pl.DataFrame:
        """Return a batch without rows."""
        schema = pq.read_schema(self.path)
        fields = [schema.field(name) for name in self.columns]
        return self._checked(pl.DataFrame(pa.schema(fields).empty_table()))

    def _checked(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(
            _without_nulls(name, kind, frame.schema[name]) for name, kind in self.columns.items()
        )

    def _batches(self) -> Iterator[pl.DataFrame]:
        try:
            file = pq.ParquetFile(self.path)
            for batch in file.iter_batches(_batch_rows(file.metadata), columns=list(self.columns)):
                batch.validate(full=True)  # polars would take bytes that are no UTF-8 on trust
                yield self._checked(pl.DataFrame(pa.Table.from_batches([batch])))
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path}: {_one_line(error)}. The file is damaged.") from error


def _batch_rows(metadata: pq.FileMetaData) -> int:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    longest = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=0)
    return max(1, min(BATCH_ROWS, int(BATCH_BYTES / max(1, longest))))


def open_table(
    path: Path, columns: Mapping[str, Kind], optional: Mapping[str, Kind] | None = None
) -> Table:
    """Return a Parquet table that has all of `columns`, and of `optional` those that are there."""
    schema, num_rows = _read_schema(path)
    there = {name: kind for name, kind in (optional or {}).items() if name in schema.names}
    wanted = {**columns, **there}
    for name, kind in wanted.items():
        _check(path, schema, name, kind)
    return Table(path, wanted, num_rows)


def _read_schema(path: Path) -> tuple[pa.Schema, int]:
    if path.is_dir():
        raise InputError(f"{path}: is a folder. Name one Parquet file.")
    try:
        metadata = pq.read_metadata(path)
        return metadata.schema.to_arrow_schema(), metadata.num_rows
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file. Name a Parquet file.") from error
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not a readable Parquet file ({_one_line(error)}).") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _check(path: Path, schema: pa.Schema, name: str, kind: Kind) -> None:
    places = schema.get_all_field_indices(name)
    if not places:
        near = difflib.get_close_matches(name, schema.names, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        there = ", ".join(schema.names) or "no column at all"
        raise InputError(f"{path}: there is no column {name!r}; the file has {there}.{hint}")
    if len(places) > 1:
        raise InputError(f"{path}: {len(places)} columns are called {name!r}. Rename all but one.")
    found = schema.field(places[0]).type
    if not _is_kind(found, kind):
        raise InputError(f"{path}: column {name!r} is {found}; expected is {kind.value}.")


def _is_kind(found: pa.DataType, kind: Kind) -> bool:
    if kind is Kind.ANY:
        return True
    is_list = pa.types.is_list(found) or pa.types.is_large_list(found)
    if is_list:
        return kind is not Kind.TEXT and _is_text(found.value_type)
    return kind is not Kind.TEXTS and _is_text(found)


def _is_text(found: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        return _is_text(found.value_type)
    # A column of nulls alone has no type of its own.
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_null,
    )
    return any(test(found) for test in tests)


def _without_nulls(name: str, kind: Kind, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind is Kind.ANY:
        return column
    if isinstance(dtype, pl.List):
        texts = column.cast(pl.List(pl.String)).fill_null([])
        return texts.list.eval(pl.element().fill_null(""))
    return column.cast(pl.String).fill_null("")


def write_table(path: Path, batches: Iterable[pl.DataFrame], schema: pa.Schema) -> int:
    """Write batches to one Parquet file and return its rows; a failure leaves no file behind."""
    tables = (batch.to_arrow().select(schema.names).cast(schema) for batch in batches)
    return write_arrow(path, tables, schema)


def write_arrow(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write tables of one schema to one Parquet file, as `write_table` does."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    num_rows = 0
    with stopping_when_disk_is_full(path.parent):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for table in tables:
                    writer.write_table(table)
                    num_rows += table.num_rows
            temporary.replace(path)
        except (PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError) as error:
            reason = os.strerror(error.errno or 0).lower()
            raise InputError(f"{path}: cannot be written ({reason}).") from error
        finally:
            _remove(temporary)
    return num_rows


def _remove(temporary: Path) -> None:
    if temporary.parent.is_dir():
        temporary.unlink(missing_ok=True)


def refuse_same_file(source: Path, output: Path) -> None:
    """Raise where the output would replace its own input."""
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"{output}: is the input itself. Name another file for the output.")
