"""`mmed dedup`: the near-duplicates of any Parquet table, streamed.

The table is read three times and never held: once for keys and bands, once for the texts of the
candidates, once to copy the rows that are kept, with all their columns. What stays in memory is
a few hundred bytes a row, and the texts of the candidates.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.dedup.candidates import Candidates
from pipeline.dedup.features import Reader
from pipeline.dedup.pairs import SimilarPairs, similar_pairs
from pipeline.dedup.records import chunks, fold_rows
from pipeline.dedup.whole import JACCARD, Found, find
from pipeline.errors import InputError
from pipeline.tables.reading import (
    Kind,
    Table,
    filtered,
    open_table,
    progress_shown,
    refuse_same_file,
    write_arrow,
)
from pipeline.tables.utf8 import is_text
from schemas.item import LETTERS

if TYPE_CHECKING:
    from rich.progress import Progress

ID, LANGUAGE = "id", "language"
OPTIONS, ANSWER = "options", "answer"  # the usual names; only these may be missing
_LETTER = r"^\s*\(?([A-Za-z])\)?\.?\s*$"
_PLACES = {letter: place for place, letter in enumerate(LETTERS)}
_TEXTS = pl.List(pl.String)
_AHEAD = 2  # batches per worker
_KEPT, _DROPPED, _FLAGGED = "kept.parquet", "dropped.parquet", "flagged.parquet"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of the input that hold a record's texts, and its id."""

    question: str = "question"
    options: str = OPTIONS
    answer: str = ANSWER
    language: str = LANGUAGE
    id: str = ID


def deduplicate(
    source: Path, folder: Path, columns: Columns, workers: int
) -> tuple[dict[str, Any], str]:
    """Write `kept.parquet`, `dropped.parquet` and `flagged.parquet`; return a summary, and as text.

    Of records that say the same, the one with the smallest id is kept. The result depends neither
    on the order of the rows nor on the number of workers.
    """
    for name in (_KEPT, _DROPPED, _FLAGGED):
        refuse_same_file(source, folder / name)
    table = _open(source, columns)
    with progress_shown() as progress:
        ids = _ids(table, columns.id, progress)
        found = _find(table, columns, ids, workers, progress)
        id_type = pq.read_schema(source).field(columns.id).type
        for name, frame in ((_DROPPED, found.dropped), (_FLAGGED, found.flagged)):
            arrow = _arrow(frame, id_type)
            write_arrow(folder / name, [arrow], arrow.schema)
        # Last, so that where this file is, the rows that it lacks are accounted for.
        is_kept = ~ids.is_in(found.dropped[ID].implode()).to_numpy()
        rows = _kept_rows(table.whole_batches(progress, "writing what is kept"), is_kept)
        write_arrow(folder / _KEPT, rows, pq.read_schema(source))
    return _summary(table, found, folder)


def _find(
    table: Table, columns: Columns, ids: pl.Series, workers: int, progress: Progress
) -> Found:
    features, vocabulary = _features(table, columns, workers, progress)
    order = ids.arg_sort()
    number_of = np.empty(len(ids), np.int64)
    number_of[order.to_numpy()] = np.arange(len(ids))

    def texts(numbers: NDArray[np.int64]) -> pl.DataFrame:
        batches = table.batches(progress, "reading rows that look alike")
        return _texts(table, batches, columns, number_of, numbers)

    def similar(candidates: Candidates) -> SimilarPairs:
        return similar_pairs(candidates, texts, JACCARD, vocabulary, workers)

    task = progress.add_task("comparing", total=None)
    found = find(ids.gather(order), features[order], similar, workers)
    progress.update(task, total=1, completed=1)
    return found


def _arrow(frame: pl.DataFrame, id_type: pa.DataType) -> pa.Table:
    """Return a table of what was found, with ids of the type that they have in the input."""
    if is_text(id_type) and not pa.types.is_large_string(id_type):
        id_type = pa.string()  # also for ids of a dictionary
    arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    types = {"jaccard": pa.float64(), "bands": pa.int64(), "reason": pa.string()}
    return arrow.cast(
        pa.schema([pa.field(name, types.get(name, id_type)) for name in arrow.schema.names])
    )


def _kept_rows(batches: Iterable[pa.Table], is_kept: NDArray[np.bool_]) -> Iterator[pa.Table]:
    """Yield the kept rows of each batch that has some."""
    first = 0
    for batch in batches:
        kept = is_kept[first : first + len(batch)]
        first += len(batch)
        if kept.any():
            yield filtered(batch, kept)


def _open(source: Path, columns: Columns) -> Table:
    usual = {
        name: kind
        for name, kind, default in (
            (columns.options, Kind.TEXTS, OPTIONS),
            (columns.answer, Kind.TEXT_OR_TEXTS, ANSWER),
        )
        if name == default
    }
    needed = {
        columns.id: Kind.ID,
        columns.language: Kind.TEXT,
        columns.question: Kind.TEXT,
        columns.options: Kind.TEXTS,
        columns.answer: Kind.TEXT_OR_TEXTS,
    }
    return open_table(
        source, {name: kind for name, kind in needed.items() if name not in usual}, optional=usual
    )


def _ids(table: Table, name: str, progress: Progress) -> pl.Series:
    """Return the ids, checked: each there, and each once."""
    batches = open_table(table.path, {name: Kind.ID}).batches(progress, "reading ids")
    ids = pl.concat([table.no_rows().select(name), *batches])[name]
    if ids.null_count():
        row = int(ids.is_null().arg_true()[0]) + 1
        raise InputError(f"{table.path}: row {row} has no {name!r}. Give each row one of its own.")
    if ids.n_unique() < len(ids):
        repeated = ids.filter(ids.is_duplicated())[0]
        raise InputError(f"{table.path}: {name} {repeated!r} occurs twice. Give each row its own.")
    return ids


def _features(
    table: Table, columns: Columns, workers: int, progress: Progress
) -> tuple[pl.DataFrame, NDArray[np.uint16]]:
    """Return keys and bands of all rows, and how often words occur."""
    reader = Reader()

    def features(rows: pl.DataFrame) -> pl.DataFrame:
        records = map(fold_rows, chunks(_records(rows, columns)))
        return pl.concat(map(reader.features_of, records))

    parts = [reader.features_of(fold_rows(_records(table.no_rows(), columns)))]
    batches = table.batches(progress, "reading")
    with ThreadPoolExecutor(workers) as pool:
        parts += _ahead(pool, features, batches, workers)
    return pl.concat(parts), reader.vocabulary()


def _ahead(
    pool: ThreadPoolExecutor,
    function: Callable[[pl.DataFrame], pl.DataFrame],
    batches: Iterable[pl.DataFrame],
    workers: int,
) -> Iterator[pl.DataFrame]:
    """Yield the function's results in order, with few batches in the air."""
    waiting: deque[Future[pl.DataFrame]] = deque()
    for rows in batches:
        waiting.append(pool.submit(function, rows))
        if len(waiting) > _AHEAD * workers:
            yield waiting.popleft().result()
    yield from (one.result() for one in waiting)


def _records(rows: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Return the rows of a batch in the form in which near-duplicates are looked for."""
    options = pl.col(columns.options) if columns.options in rows.columns else pl.lit([], _TEXTS)
    answers = pl.lit([], _TEXTS)
    if columns.answer in rows.columns:
        is_list = rows.schema[columns.answer] == _TEXTS
        answers = pl.col(columns.answer) if is_list else pl.concat_list(columns.answer)
    found = rows.select(
        pl.col(columns.id).alias(ID),
        pl.col(columns.language).alias("language"),
        pl.col(columns.question).alias("question"),
        options=options,
        answers=answers,
        context=pl.lit(""),
    )
    return found.with_columns(answers=_keyed_texts())


def _keyed_texts() -> pl.Expr:
    """Return the answers, the letter of an option replaced by its text: options may be shuffled."""
    letter = pl.element().str.extract(_LETTER).str.to_uppercase()
    places = pl.col("answers").list.eval(letter.replace_strict(_PLACES, default=None))
    named = pl.col("options").list.gather(places.cast(pl.List(pl.UInt32)), null_on_oob=True)
    is_named = (places.list.len() > 0) & (named.list.drop_nulls().list.len() == places.list.len())
    is_option = pl.col("options").list.set_intersection("answers").list.len() > 0  # A, B, AB, O
    return pl.when(is_named & ~is_option).then(named).otherwise("answers")


def _texts(
    table: Table,
    batches: Iterable[pl.DataFrame],
    columns: Columns,
    number_of: NDArray[np.int64],
    numbers: NDArray[np.int64],
) -> pl.DataFrame:
    """Return the records of these numbers, in their order."""
    wanted = np.zeros(len(number_of), bool)
    wanted[numbers] = True
    first, parts = 0, [_records(table.no_rows(), columns)]
    for rows in batches:
        own = number_of[first : first + len(rows)]
        parts.append(_records(rows.filter(pl.Series(wanted[own])), columns))
        first += len(rows)
    order = np.argsort(number_of[wanted[number_of]])
    return pl.concat(parts)[order]


def _summary(table: Table, found: Found, folder: Path) -> tuple[dict[str, Any], str]:
    reasons = dict(found.dropped["reason"].value_counts().sort("reason").iter_rows())
    flagged = (
        found.flagged["reason"].value_counts().sort("count", "reason", descending=[True, False])
    )
    value = {
        "rows": table.num_rows,
        "kept": table.num_rows - len(found.dropped),
        "dropped": reasons,
        "flagged": found.flagged["id"].n_unique(),
        "told_apart_by": dict(flagged.iter_rows()),
        "capped_buckets": found.capped_buckets,
        "not_utf8": table.num_not_utf8,
        "output": str(folder),
    }
    return value, _as_text(value)


def _as_text(value: dict[str, Any]) -> str:
    lines = [f"{value['rows']:,} rows -> {value['output']}"]
    counts = {"kept": value["kept"], **value["dropped"], "flagged, kept": value["flagged"]}
    lines += [f"  {name:16} {rows:>10,}" for name, rows in counts.items()]
    if value["capped_buckets"]:
        lines.append(f"  {value['capped_buckets']:,} buckets were too large to compare all rows.")
    if value["not_utf8"]:
        lines.append(f"  {value['not_utf8']:,} texts are no UTF-8; they are kept as they are.")
    return "\n".join(lines)
