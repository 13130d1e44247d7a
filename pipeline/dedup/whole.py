"""The whole path over rows in memory: keys, candidates, exact Jaccard, guard, stars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.dedup.candidates import (
    Candidates,
    candidate_pairs,
    equal_firsts,
    in_threads,
    likely_pairs,
    shared_bands,
)
from pipeline.dedup.clusters import stars
from pipeline.dedup.features import Reader, bands_of, is_empty, keys_of, sketches_of
from pipeline.dedup.kept import Chunk, KeptRecords
from pipeline.dedup.pairs import SimilarPairs, judged_pairs
from pipeline.dedup.records import Records, chunks, fold_rows
from pipeline.text.minhash import BANDS

JACCARD = 0.8
DROPPED = pl.Schema(
    {
        "id": pl.String,
        "kept_instead": pl.String,
        "jaccard": pl.Float64,
        "bands": pl.Int64,
        "reason": pl.String,
    }
)
FLAGGED = pl.Schema(
    {"id": pl.String, "near": pl.String, "jaccard": pl.Float64, "reason": pl.String}
)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found; rows that are neither dropped nor flagged have no near-duplicate."""

    dropped: pl.DataFrame  # DROPPED
    flagged: pl.DataFrame  # FLAGGED, each pair in both directions
    capped_buckets: int


def deduplicate(rows: pl.DataFrame, threads: int = 1) -> Found:
    """Find the duplicates among rows with `id`, `language`, `question`, `options` and `answer`.

    Of records that say the same, the one with the smallest id is kept. The result depends neither
    on the order of the rows nor on the number of threads.
    """
    rows = rows.sort("id").select(
        "id",
        "language",
        pl.col("question").fill_null(""),
        pl.col("options").fill_null([]).list.eval(pl.element().fill_null("")),
        answers=pl.concat_list(pl.col("answer").fill_null("")),
        context=pl.lit(""),
    )
    reader = Reader()

    def read(chunk: pl.DataFrame) -> tuple[pl.DataFrame, Chunk]:
        records = fold_rows(chunk)
        return reader.features_of(records), Chunk.of(records)

    read_chunks = [read(rows.clear()), *in_threads(read, chunks(rows), threads)]
    features = pl.concat([one for one, _ in read_chunks])
    records = KeptRecords(one for _, one in read_chunks)
    vocabulary = reader.vocabulary()

    def fetch(numbers: NDArray[np.int64]) -> tuple[Records, Callable[[int], dict[str, Any]]]:
        return records.select(numbers), lambda place: rows.row(int(numbers[place]), named=True)

    def similar(candidates: Candidates) -> SimilarPairs:
        return judged_pairs(candidates, fetch, JACCARD, vocabulary, threads)

    return find(rows["id"], features, similar, threads)


def find(
    ids: pl.Series,
    features: pl.DataFrame,
    similar: Callable[[Candidates], SimilarPairs],
    threads: int = 1,
) -> Found:
    """Find the duplicates among records in the order of preference.

    `similar` proves and judges candidates.
    """
    firsts = first_of_each(features)
    bands = bands_of(features)
    numbers = np.flatnonzero(firsts == np.arange(len(firsts)))
    found = candidate_pairs(bands, numbers, threads=threads)
    candidates = likely_pairs(found, sketches_of(features), JACCARD, threads)
    pairs = similar(candidates)
    shared = shared_bands(bands, pairs.left, pairs.right)
    return decided(ids, firsts, pairs, shared, candidates.capped_buckets)


def first_of_each(features: pl.DataFrame) -> NDArray[np.int64]:
    """Return for each record the first that says exactly the same, itself where there is none.

    -1 for a record without a single letter, digit or sign: two of those say nothing alike.
    """
    return np.where(is_empty(features), -1, equal_firsts(keys_of(features)))


def decided(
    ids: pl.Series,
    firsts: NDArray[np.int64],
    pairs: SimilarPairs,
    bands: NDArray[np.int64],
    capped_buckets: int,
) -> Found:
    """Return what to drop and what to flag, for records in the order of preference."""
    difference = pl.Series(pairs.difference, dtype=pl.String)
    is_same = (difference == "").to_numpy()
    alike = zip(pairs.left[is_same].tolist(), pairs.right[is_same].tolist(), strict=True)
    numbers = np.arange(len(ids))
    kept_instead = numbers.copy()
    for number, kept in stars(alike):
        kept_instead[number] = kept
    is_gone = kept_instead != numbers
    is_flagged = ~is_same & ~is_gone[pairs.left] & ~is_gone[pairs.right]
    return Found(
        _dropped(ids, np.where(firsts < 0, numbers, firsts), kept_instead, pairs, bands),
        _flagged(ids, pairs, difference, np.flatnonzero(is_flagged)),
        capped_buckets,
    )


def _dropped(
    ids: pl.Series,
    firsts: NDArray[np.int64],
    kept_instead: NDArray[np.int64],
    pairs: SimilarPairs,
    bands: NDArray[np.int64],
) -> pl.DataFrame:
    """Return the dropped records; the twins of one go where it went."""
    numbers = np.flatnonzero(kept_instead[firsts] != np.arange(len(ids)))
    first = firsts[numbers]
    kept = kept_instead[first]
    is_exact = first == kept
    codes = pairs.left * len(ids) + pairs.right
    place = np.searchsorted(codes, np.minimum(first, kept) * len(ids) + np.maximum(first, kept))
    place[is_exact] = len(codes)
    columns = {
        "id": ids.gather(numbers),
        "kept_instead": ids.gather(kept),
        "jaccard": np.append(pairs.jaccard, 1.0)[place],
        "bands": np.append(bands, BANDS)[place],
        "reason": np.where(is_exact, "exact_duplicate", "near_duplicate"),
    }
    return pl.DataFrame(columns, {**DROPPED, "id": ids.dtype, "kept_instead": ids.dtype})


def _flagged(
    ids: pl.Series, pairs: SimilarPairs, difference: pl.Series, flagged: NDArray[np.int64]
) -> pl.DataFrame:
    """Return these pairs in both directions, in order."""
    one, other = pairs.left[flagged], pairs.right[flagged]
    ends, others = np.concatenate([one, other]), np.concatenate([other, one])
    order = np.lexsort([others, ends])
    pair = np.tile(flagged, 2)[order]
    columns = {
        "id": ids.gather(ends[order]),
        "near": ids.gather(others[order]),
        "jaccard": pairs.jaccard[pair],
        "reason": difference.gather(pair),
    }
    return pl.DataFrame(columns, {**FLAGGED, "id": ids.dtype, "near": ids.dtype})
