"""What is kept of each record while pairs are looked for: its keys, bands and rare words."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.dedup.align import MOST_COUNTED, VOCABULARY_BITS, count_tokens
from pipeline.dedup.records import CHUNK_ROWS, Records, fold_rows, keys_and_bands
from pipeline.text.minhash import ANSWERED, ASKED, BANDS, EXACT, IN_CONTEXT, NO_BAND

KEYS = {"exact_key": EXACT, "asked_key": ASKED, "answer_key": ANSWERED, "context_key": IN_CONTEXT}
KEY_BYTES = 16
_OWN = threading.local()  # counts of one thread, all zeros between two uses


def features_of(rows: pl.DataFrame, *, with_answers: bool = True, threads: int = 1) -> pl.DataFrame:
    """Return, per row: `exact_key`, `asked_key`, `answer_key`, `context_key`, `bands`, `words`.

    Keys are 128-bit digests, of zeros where there is nothing; `bands` are the BANDS hashes as
    bytes; `words` is empty but in the first row of some, which holds how often the tokens of these
    rows occur, for `count_words`.
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
    keys, bands = keys_and_bands(records, with_answers)
    columns = {
        name: _binary(np.ascontiguousarray(keys[:, 2 * place : 2 * place + 2]), KEY_BYTES)
        for name, place in KEYS.items()
    }
    words = _words(records)
    ends = np.full(len(rows) + 1, len(words) if len(rows) else 0)
    ends[0] = 0  # all of them are in the first row
    lists = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(words))
    return pl.DataFrame({**columns, "bands": _binary(bands, 8 * BANDS), "words": pl.Series(lists)})


def _words(records: Records) -> NDArray[np.uint64]:
    """Return slots of the vocabulary, each with its count above the bits of the slot."""
    if not hasattr(_OWN, "counts"):
        _OWN.counts = new_vocabulary()
    slots = np.sort(count_tokens(records, _OWN.counts))
    counts = _OWN.counts[slots].astype(np.uint64)
    _OWN.counts[slots] = 0
    return slots | counts << np.uint64(VOCABULARY_BITS)


def _binary(values: NDArray[np.uint64], width: int) -> pl.Series:
    array = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(width), len(values), [None, pa.py_buffer(values)]
    )
    return pl.Series(array.cast(pa.large_binary()))


def bands_of(features: pl.DataFrame) -> NDArray[np.uint64]:
    """Return the band hashes [records, BANDS] of a frame of features."""
    array = features["bands"].rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    data = np.frombuffer(array.buffers()[2] or b"", np.uint64)
    first = array.offset * BANDS
    return data[first : first + len(features) * BANDS].reshape(len(features), BANDS)


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
