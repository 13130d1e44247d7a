"""What is kept of each record while pairs are looked for: its keys, bands, sketch and words."""

from __future__ import annotations

import threading
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


def features_of(rows: pl.DataFrame, *, with_answers: bool = True) -> pl.DataFrame:
    """Return, per row: `exact_key`, `asked_key`, `answer_key`, `context_key`, `bands`, `sketch`,
    `words`.

    Keys are 128-bit digests, of zeros where there is nothing; `bands` are the BANDS hashes as
    bytes, the `sketch` one byte of each value of the signature; `words` is empty but in the first
    row of some, which holds how often the tokens of these rows occur, for `count_words`.
    """

    starts = range(0, max(len(rows), 1), CHUNK_ROWS)
    return pl.concat(_chunk(rows.slice(start, CHUNK_ROWS), with_answers) for start in starts)


def _chunk(rows: pl.DataFrame, with_answers: bool) -> pl.DataFrame:
    records = fold_rows(rows)
    return pl.DataFrame({**_columns(records, [*KEYS], with_answers), "words": _words(records)})


class Reader:
    """Makes features of many rows in as many threads as call it, and counts words on the way.

    Each thread counts in a vocabulary of its own, so that none waits for another.
    """

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._own = threading.local()
        self._vocabularies: list[NDArray[np.uint16]] = []

    def features_of(self, records: Records) -> pl.DataFrame:
        """Return `exact_key`, `answer_key`, `bands` and `sketch` of each record."""
        if not hasattr(self._own, "vocabulary"):
            self._own.vocabulary = new_vocabulary()
            self._vocabularies.append(self._own.vocabulary)
        count_tokens(records, self._own.vocabulary)
        return pl.DataFrame(_columns(records, ["exact_key", "answer_key"]))

    def vocabulary(self) -> NDArray[np.uint16]:
        """Return how often words occur in all that was read."""
        counts, *others = self._vocabularies or [new_vocabulary()]
        for one in others:
            np.minimum(one, MOST_COUNTED - counts, out=one)
            counts += one
        return counts


def _columns(records: Records, keys: list[str], with_answers: bool = True) -> dict[str, pl.Series]:
    signed = sign(records, with_answers)
    places = {name: 2 * KEYS[name] for name in keys}
    columns = {name: _binary(signed.keys[:, at : at + 2]) for name, at in places.items()}
    return columns | {"bands": _binary(signed.bands), "sketch": _binary(signed.sketches)}


def _words(records: Records) -> pl.Series:
    """Return, in the first row, slots of the vocabulary, each with its count above its bits."""
    if not hasattr(_OWN, "counts"):
        _OWN.counts = new_vocabulary()
    slots = np.sort(count_tokens(records, _OWN.counts))
    counts: NDArray[np.uint64] = _OWN.counts[slots].astype(np.uint64)
    _OWN.counts[slots] = 0
    packed = slots | counts << np.uint64(VOCABULARY_BITS)
    ends = np.full(len(records) + 1, len(packed) if len(records) else 0)
    ends[0] = 0
    # Not by `pa.array`, which imports pandas where that is installed.
    words = pa.Array.from_buffers(pa.uint64(), len(packed), [None, pa.py_buffer(packed)])
    buffers = [None, pa.py_buffer(ends)]
    kind = pa.large_list(pa.uint64())
    return pl.Series(pa.Array.from_buffers(kind, len(records), buffers, children=[words]))


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


def keys_of(features: pl.DataFrame) -> NDArray[np.uint64]:
    """Return `exact_key` and `answer_key` [records, 4] of a frame of features."""
    keys = [_matrix(features[name], np.dtype(np.uint64), 2) for name in ("exact_key", "answer_key")]
    return np.hstack(keys)


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
    """Tell of each record whether its question has no letter, digit or sign: none are alike."""
    return pl.Series(bands_of(features)[:, 0] == NO_BAND)
