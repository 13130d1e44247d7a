"""The whole path over rows in memory: keys, candidates, exact Jaccard, guard, stars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.dedup.candidates import candidate_pairs, likely_pairs, shared_bands
from pipeline.dedup.clusters import stars
from pipeline.dedup.features import (
    bands_of,
    count_words,
    features_of,
    is_empty,
    new_vocabulary,
    sketches_of,
)
from pipeline.dedup.pairs import SimilarPairs, similar_pairs
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
    features = features_of(rows, threads=threads)
    vocabulary = new_vocabulary()
    count_words(vocabulary, features["words"])
    return find(rows["id"], features, vocabulary, lambda numbers: rows[numbers])


def find(
    ids: pl.Series,
    features: pl.DataFrame,
    vocabulary: NDArray[np.uint16],
    texts: Callable[[NDArray[np.int64]], pl.DataFrame],
) -> Found:
    """Find the duplicates among records in the order of preference.

    `texts` returns the rows of record numbers, which it is asked for once, sorted.
    """
    firsts = first_of_each(features)
    bands = bands_of(features)
    found = candidate_pairs(bands, np.flatnonzero(firsts == np.arange(len(firsts))))
    candidates = likely_pairs(found, sketches_of(features), JACCARD)
    pairs = similar_pairs(candidates, texts, JACCARD, vocabulary)
    shared = shared_bands(bands, pairs.left, pairs.right)
    return decided(ids, firsts, pairs, shared, candidates.capped_buckets)


def first_of_each(features: pl.DataFrame) -> NDArray[np.int64]:
    """Return for each record the first that says exactly the same, itself where there is none.

    -1 for a record without a single letter, digit or sign: two of those say nothing alike.
    """
    keyed = features.select("exact_key", "answer_key").with_row_index("number")
    firsts = keyed.select(pl.col("number").min().over("exact_key", "answer_key"))["number"]
    return np.where(is_empty(features), -1, firsts.to_numpy().astype(np.int64))


def decided(
    ids: pl.Series,
    firsts: NDArray[np.int64],
    pairs: SimilarPairs,
    bands: NDArray[np.int64],
    capped_buckets: int,
) -> Found:
    """Return what to drop and what to flag, for records in the order of preference."""
    ends = list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    likeness = dict(
        zip(ends, zip(pairs.jaccard.tolist(), bands.tolist(), strict=True), strict=True)
    )
    judged = list(zip(ends, pairs.difference, strict=True))
    kept_instead = dict(stars(pair for pair, difference in judged if not difference))
    dropped = [
        (number, kept, *likeness[min(number, kept), max(number, kept)], "near_duplicate")
        for number, kept in kept_instead.items()
    ]
    for number in np.flatnonzero((firsts >= 0) & (firsts != np.arange(len(firsts)))).tolist():
        first = int(firsts[number])
        kept = kept_instead.get(first, first)  # the twins of a dropped record go where it went
        if kept == first:
            dropped.append((number, kept, 1.0, BANDS, "exact_duplicate"))
        else:
            alike = likeness[min(first, kept), max(first, kept)]
            dropped.append((number, kept, *alike, "near_duplicate"))
    flagged = [
        (one, other, likeness[pair][0], difference)
        for pair, difference in judged
        if difference and kept_instead.keys().isdisjoint(pair)
        for one, other in (pair, pair[::-1])
    ]
    return Found(_named(dropped, ids, DROPPED), _named(flagged, ids, FLAGGED), capped_buckets)


def _named(found: list[tuple[Any, ...]], ids: pl.Series, schema: pl.Schema) -> pl.DataFrame:
    """Return a frame of these rows, sorted, with ids for the numbers in the first two columns."""
    numbered = dict.fromkeys([*schema][:2], pl.Int64)
    frame = pl.DataFrame(
        sorted(found), [*schema], orient="row", schema_overrides={**schema, **numbered}
    )
    return frame.with_columns(pl.Series(name, ids.gather(frame[name])) for name in numbered)
