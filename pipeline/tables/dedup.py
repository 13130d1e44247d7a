"""`mmed dedup`: the near-duplicates of any Parquet table, streamed.

The table is read three times and never held: once for keys and bands, once for the texts of the
candidates, once to copy the rows that are kept, with all their columns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.dedup.features import count_words, features_of, new_vocabulary
from pipeline.dedup.whole import Found, find
from pipeline.errors import InputError
from pipeline.tables.reading import (
    BATCH_ROWS,
    Kind,
    Table,
    open_table,
    refuse_same_file,
    write_arrow,
)
from schemas.item import LETTERS

ID, LANGUAGE = "id", "language"
OPTIONS, ANSWER = "options", "answer"  # the usual names; only these may be missing
_LETTER = r"^\s*\(?([A-Za-z])\)?\.?\s*$"
_PLACES = {letter: place for place, letter in enumerate(LETTERS)}
_TEXTS = pl.List(pl.String)
_AHEAD = 2  # batches per worker


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of the input that hold a record's texts."""

    question: str = "question"
    options: str = OPTIONS
    answer: str = ANSWER
    language: str = LANGUAGE


def deduplicate(
    source: Path, folder: Path, columns: Columns, workers: int
) -> tuple[dict[str, Any], str]:
    """Write `kept.parquet`, `dropped.parquet` and `flagged.parquet`; return a summary, and as text.

    Of records that say the same, the one with the smallest id is kept. The result depends neither
    on the order of the rows nor on the number of workers.
    """
    refuse_same_file(source, folder / "kept.parquet")
    table = _open(source, columns)
    ids = _ids(table)
    features, vocabulary = _features(table, columns, workers)
    order = ids.arg_sort()
    number_of = np.empty(len(ids), np.int64)
    number_of[order.to_numpy()] = np.arange(len(ids))

    def texts(numbers: NDArray[np.int64]) -> pl.DataFrame:
        return _texts(table, columns, number_of, numbers)

    found = find(ids.gather(order), features[order], vocabulary, texts)
    for name, frame in (("dropped", found.dropped), ("flagged", found.flagged)):
        arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        write_arrow(folder / f"{name}.parquet", [arrow], arrow.schema)
    is_kept = ~ids.is_in(found.dropped["id"].implode()).to_numpy()
    write_arrow(folder / "kept.parquet", _rows(source, is_kept), pq.read_schema(source))
    return _summary(len(ids), found, folder)


def _rows(source: Path, is_kept: NDArray[np.bool_]) -> Iterator[pa.Table]:
    """Yield the kept rows with all their columns."""
    first = 0
    for batch in pq.ParquetFile(source).iter_batches(BATCH_ROWS):
        kept = is_kept[first : first + batch.num_rows]
        yield pa.Table.from_batches([batch]).filter(pa.array(kept))
        first += batch.num_rows


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
        ID: Kind.ANY,
        columns.language: Kind.TEXT,
        columns.question: Kind.TEXT,
        columns.options: Kind.TEXTS,
        columns.answer: Kind.TEXT_OR_TEXTS,
    }
    return open_table(
        source, {name: kind for name, kind in needed.items() if name not in usual}, optional=usual
    )


def _ids(table: Table) -> pl.Series:
    """Return the ids as text, checked: each there, and each once."""
    column = pq.read_table(table.path, columns=[ID])[ID]
    ids = pl.Series(ID, pl.from_arrow(column)).cast(pl.String)
    if ids.null_count():
        row = int(ids.is_null().arg_true()[0]) + 1
        raise InputError(f"{table.path}: row {row} has no {ID!r}. Give each row one of its own.")
    if ids.n_unique() < len(ids):
        repeated = ids.filter(ids.is_duplicated())[0]
        raise InputError(f"{table.path}: {ID} {repeated!r} occurs twice. Give each row its own.")
    return ids


def _features(
    table: Table, columns: Columns, workers: int
) -> tuple[pl.DataFrame, NDArray[np.uint16]]:
    """Return keys and bands of all rows, and which words occur more than once."""
    vocabulary = new_vocabulary()
    parts = [_keys(features_of(_records(table.no_rows(), columns)))]
    with ThreadPoolExecutor(workers) as pool:
        for part in _ahead(pool, lambda rows: features_of(_records(rows, columns)), table, workers):
            count_words(vocabulary, part["words"])
            parts.append(_keys(part))
    return pl.concat(parts), vocabulary


def _keys(features: pl.DataFrame) -> pl.DataFrame:
    return features.select("exact_key", "answer_key", "bands")


def _ahead(
    pool: ThreadPoolExecutor,
    function: Callable[[pl.DataFrame], pl.DataFrame],
    table: Table,
    workers: int,
) -> Iterator[pl.DataFrame]:
    """Yield the function's results in order, with few batches in the air."""
    waiting: deque[Future[pl.DataFrame]] = deque()
    for rows in table.batches():
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
        pl.col(ID).cast(pl.String),
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
    return pl.when(is_named).then(named).otherwise("answers")


def _texts(
    table: Table, columns: Columns, number_of: NDArray[np.int64], numbers: NDArray[np.int64]
) -> pl.DataFrame:
    """Return the records of these numbers, in their order."""
    wanted = np.zeros(len(number_of), bool)
    wanted[numbers] = True
    first, parts = 0, [_records(table.no_rows(), columns)]
    for rows in table.batches():
        own = number_of[first : first + len(rows)]
        parts.append(_records(rows.filter(pl.Series(wanted[own])), columns))
        first += len(rows)
    order = np.argsort(number_of[wanted[number_of]])
    return pl.concat(parts)[order]


def _summary(num_rows: int, found: Found, folder: Path) -> tuple[dict[str, Any], str]:
    reasons = dict(found.dropped["reason"].value_counts(sort=True).iter_rows())
    flagged = dict(found.flagged["reason"].value_counts(sort=True).iter_rows())
    value = {
        "rows": num_rows,
        "kept": num_rows - len(found.dropped),
        "dropped": reasons,
        "flagged": found.flagged["id"].n_unique(),
        "told_apart_by": flagged,
        "capped_buckets": found.capped_buckets,
        "output": str(folder),
    }
    lines = [f"{num_rows:,} rows -> {folder}", f"  kept             {value['kept']:>10,}"]
    lines += [f"  {reason:16} {rows:>10,}" for reason, rows in reasons.items()]
    lines.append(f"  flagged, kept    {value['flagged']:>10,}")
    if found.capped_buckets:
        lines.append(
            f"  {found.capped_buckets:,} buckets were too large to compare all their rows."
        )
    return value, "\n".join(lines)
