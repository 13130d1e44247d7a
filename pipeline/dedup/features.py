"""What is kept of each record while pairs are looked for: its keys, bands, sketch and words."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.dedup.records import CHUNK_ROWS, Records, fold_rows, sign
from pipeline.dedup.tokens import MOST_COUNTED, VOCABULARY_BITS, count_tokens
from pipeline.text.minhash import (
    ANSWERED,
    ASKED,
    BANDS,
    EXACT,
    IN_CONTEXT,
    NO_BAND,
    PERMUTATIONS,
)

KEYS = {"exact_key": EXACT, "asked_key": ASKED, "answer_key": ANSWERED, "context_key": IN_CONTEXT}
_OWN = threading.local()  # counts of one thread, all zeros between two uses


def features_of(rows: pl.DataFrame, *, with_answers: bool = True, threads: int = 1) -> pl.DataFrame:
    """Return, per row: `exact_key`, `asked_key`, `answer_key`, `context_key`, `bands`, `sketch`,
    `words`.

    Keys are 128-bit digests, of zeros where there is nothing; `bands` are the BANDS hashes as
    bytes, the `sketch` one byte of each value of the signature; `words` is empty but in the first
    row of some, which holds how often the tokens of these rows occur, for `count_words`.
    """

    def features(start: int) -> pl.DataFrame:
        return _chunk(rows.slice(start, CHUNK_ROWS), with_answers)

    starts = range(0, max(len(rows), 1), CHUNK_ROWS)
    if threads == 1:
        return pl.concat(map(features, starts))
    with ThreadPoolExecutor(threads) as pool:
        return pl.concat(pool.map(features, starts))


def _chunk(rows: pl.DataFrame, with_answers: bool) -> pl.DataFrame:
    records = fold_rows(rows)
    signed = sign(records, with_answers)
    columns = {
        name: _binary(signed.keys[:, 2 * place : 2 * place + 2]) for name, place in KEYS.items()
    }
    columns |= {"bands": _binary(signed.bands), "sketch": _binary(signed.sketches)}
    words = _words(records)
    ends = np.full(len(rows) + 1, len(words) if len(rows) else 0)
    ends[0] = 0  # all of them are in the first row
    lists = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(words))
    return pl.DataFrame({**columns, "words": pl.Series(lists)})


def _words(records: Records) -> NDArray[np.uint64]:
    """Return slots of the vocabulary, each with its count above the bits of the slot."""
    if not hasattr(_OWN, "counts"):
        _OWN.counts = new_vocabulary()
    slots = np.sort(count_tokens(records, _OWN.counts))
    counts: NDArray[np.uint64] = _OWN.counts[slots].astype(np.uint64)
    _OWN.counts[slots] = 0
    return slots | counts << np.uint64(VOCABULARY_BITS)


def _binary(values: NDArray[Any]) -> pl.Series:
    """Return a column that holds each row of a matrix as bytes."""
    width = values.shape[1] * values.itemsize
    ends = pa.py_buffer(np.arange(len(values) + 1, dtype=np.int64) * width)
    data = pa.py_buffer(np.ascontiguousarray(values))
    array = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(values), [None, ends, data])
    return pl.Series(array)


def bands_of(features: pl.DataFrame) -> NDArray[np.uint64]:
    """Return the band hashes [records, BANDS] of a frame of features."""
    return _matrix(features["bands"], np.dtype(np.uint64), BANDS)


def sketches_of(features: pl.DataFrame) -> NDArray[np.uint8]:
    """Return the sketches [records, PERMUTATIONS] of a frame of features."""
    return _matrix(features["sketch"], np.dtype(np.uint8), PERMUTATIONS)


def _matrix(column: pl.Series, dtype: np.dtype[Any], width: int) -> NDArray[Any]:
    array = column.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    values = np.frombuffer(array.buffers()[2] or b"", dtype)
    first = array.offset * width
    return values[first : first + len(column) * width].reshape(len(column), width)


def new_vocabulary() -> NDArray[np.uint16]:
    """Return a vocabulary that no text has been counted in."""
    return np.zeros(1 << VOCABULARY_BITS, np.uint16)


def count_words(vocabulary: NDArray[np.uint16], words: pl.Series) -> None:
    """Add the counts of a column `words`; a token that occurs more often counts MOST_COUNTED."""
    for packed in words.filter(words.list.len() > 0):
        values = packed.to_numpy()
        slots = values & np.uint64((1 << VOCABULARY_BITS) - 1)
        counts = vocabulary[slots] + (values >> np.uint64(VOCABULARY_BITS))
        vocabulary[slots] = np.minimum(counts, MOST_COUNTED)


def is_empty(features: pl.DataFrame) -> pl.Series:
    """Tell of each record whether it has no letter, digit or sign: none of those are alike."""
    return pl.Series(bands_of(features)[:, 0] == NO_BAND)
