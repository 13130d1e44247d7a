"""Reading and writing any Parquet table in batches: checked columns, bounded memory, no half file.

Text columns come out as polars strings without nulls (a null is empty text), lists of text without
nulls inside, whatever the string type of the file. Bytes that are no UTF-8, such as unpaired
surrogates, come out as U+FFFD, so that one bad text does not cost the other rows.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.store import stopping_when_disk_is_full
from pipeline.tables.utf8 import is_text, readable

if TYPE_CHECKING:
    from rich.progress import Progress

# A batch has so many rows, or fewer where they are long.
BATCH_ROWS = 8_192
BATCH_BYTES = 64 * 2**20
TEXT_FIELD = "text"  # of a list of structs: the options of our own releases


class Kind(StrEnum):
    """What a column must hold; the value is what messages call it.

    A list of structs with a `text` is a list of text.
    """

    TEXT = "text"
    TEXTS = "list of text"
    TEXT_OR_TEXTS = "text or list of text"
    ID = "text or whole numbers"
    ANY = "anything"


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Show progress on standard error inside the block, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


@dataclass(slots=True)
class Table:
    """A Parquet file whose columns have been checked."""

    path: Path
    columns: Mapping[str, Kind]
    num_rows: int
    num_not_utf8: int = 0  # texts with bytes that are no UTF-8, of the last time they were read

    def batches(self, progress: Progress | None = None, step: str = "") -> Iterator[pl.DataFrame]:
        """Yield the checked columns in file order, with progress on standard error."""
        if progress is None:
            with progress_shown() as progress:
                yield from self.batches(progress)
            return
        self.num_not_utf8 = 0
        for batch in self._batches(progress, step, list(self.columns)):
            yield from _slices(self._checked(self._readable(batch)))

    def whole_batches(self, progress: Progress, step: str) -> Iterator[pa.Table]:
        """Yield all columns as they are in the file, checked or not."""
        for batch in self._batches(progress, step, None):
            yield pa.Table.from_batches([batch])

    def no_rows(self) -> pl.DataFrame:
        """Return a batch without rows."""
        schema = pq.read_schema(self.path)
        fields = [schema.field(name) for name in self.columns]
        return self._checked(pl.DataFrame(pa.schema(fields).empty_table()))

    def _checked(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(
            _without_nulls(name, kind, frame.schema[name]) for name, kind in self.columns.items()
        )

    def _readable(self, batch: pa.RecordBatch) -> pl.DataFrame:
        with _damage_named(self.path):
            columns = [readable(column) for column in batch.columns]
        self.num_not_utf8 += sum(num_not_utf8 for _, num_not_utf8 in columns)
        arrays = [column for column, _ in columns]
        return pl.DataFrame(pa.table(arrays, names=batch.schema.names))

    def _batches(
        self, progress: Progress, step: str, columns: list[str] | None
    ) -> Iterator[pa.RecordBatch]:
        task = progress.add_task(step or self.path.name, total=self.num_rows)
        with _damage_named(self.path):
            file = pq.ParquetFile(self.path)
            for batch in file.iter_batches(_batch_rows(file.metadata), columns=columns):
                yield batch
                progress.advance(task, batch.num_rows)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: {_one_line(error)}. The file is damaged.") from error


def _batch_rows(metadata: pq.FileMetaData) -> int:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    longest = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=0)
    return max(1, min(BATCH_ROWS, int(BATCH_BYTES / max(1, longest))))


def _slices(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut a batch that is larger than the file said: it holds repeated texts only once."""
    parts = 1 + int(frame.estimated_size()) // BATCH_BYTES
    return frame.iter_slices(max(1, frame.height // parts))


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
    if kind is Kind.ID and pa.types.is_integer(found):
        return True
    if pa.types.is_list(found) or pa.types.is_large_list(found):
        return kind in (Kind.TEXTS, Kind.TEXT_OR_TEXTS) and _is_text(_text_type(found.value_type))
    return kind is not Kind.TEXTS and _is_text(found)


def _text_type(of: pa.DataType) -> pa.DataType:
    """Return the type of what is read of the values of a list."""
    place = of.get_field_index(TEXT_FIELD) if pa.types.is_struct(of) else -1
    return of if place < 0 else of.field(place).type


def _is_text(found: pa.DataType) -> bool:
    # A column of nulls alone has no type of its own.
    return is_text(found) or pa.types.is_null(found)


def _without_nulls(name: str, kind: Kind, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind is Kind.ANY:
        return column
    if kind is Kind.ID:
        return column if dtype.is_integer() else column.cast(pl.String)
    if isinstance(dtype, pl.List):
        if isinstance(dtype.inner, pl.Struct):
            column = column.list.eval(pl.element().struct.field(TEXT_FIELD))
        texts = column.cast(pl.List(pl.String)).fill_null([])
        return texts.list.eval(pl.element().fill_null(""))
    return column.cast(pl.String).fill_null("")


def write_table(path: Path, batches: Iterable[pl.DataFrame], schema: pa.Schema) -> int:
    """Write batches to one Parquet file and return its rows; a failure leaves no file behind."""
    tables = (batch.to_arrow().select(schema.names).cast(schema) for batch in batches)
    return write_arrow(path, tables, schema)


def filtered(rows: pa.Table, is_kept: NDArray[np.bool_]) -> pa.Table:
    """Return the rows of a table that are kept."""
    try:
        return rows.filter(pa.array(is_kept))
    except pa.ArrowNotImplementedError:  # such as columns of string views
        edges = np.flatnonzero(np.diff(is_kept, prepend=False, append=False)).tolist()
        runs = zip(edges[::2], edges[1::2], strict=True)
        return pa.concat_tables([rows.slice(start, end - start) for start, end in runs])


def write_arrow(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write tables of one schema to one Parquet file, as `write_table` does."""
    num_rows = 0
    with writing(path, schema) as write:
        for table in tables:
            write(table)
            num_rows += table.num_rows
    return num_rows


@contextmanager
def writing(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Give a function that adds tables to a file, which is there when the block has ended well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with stopping_when_disk_is_full(path.parent):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                yield writer.write_table
            temporary.replace(path)
        except (PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError) as error:
            reason = os.strerror(error.errno or 0).lower()
            raise InputError(f"{path}: cannot be written ({reason}).") from error
        finally:
            _remove(temporary)


def _remove(temporary: Path) -> None:
    if temporary.parent.is_dir():
        temporary.unlink(missing_ok=True)


def refuse_same_file(source: Path, output: Path) -> None:
    """Raise where the output would replace its own input."""
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"{output}: is the input itself. Name another file for the output.")
