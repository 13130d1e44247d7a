"""Candidate pairs proved and judged, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.dedup.candidates import Candidates
from pipeline.dedup.compare import told_apart
from pipeline.dedup.records import fold_rows
from pipeline.dedup.similarity import jaccard_of_pairs

PAIRS_AT_A_TIME = 1 << 14  # compared at a time, so that their texts stay in the processor's cache
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SimilarPairs:
    """Pairs of record numbers at or over the threshold, sorted, with what tells them apart."""

    left: Places
    right: Places
    jaccard: NDArray[np.float64]
    difference: list[str]  # empty where the two say the same


def similar_pairs(
    candidates: Candidates,
    texts: Callable[[Places], pl.DataFrame],
    threshold: float,
    vocabulary: NDArray[np.uint16],
) -> SimilarPairs:
    """Return the candidates whose exact Jaccard reaches the threshold, judged by the guard.

    `texts` returns the rows of record numbers, which it is asked for once, sorted.
    """
    numbers = _unique(candidates.left, candidates.right)
    rows = texts(numbers)
    left, right = (np.searchsorted(numbers, one) for one in (candidates.left, candidates.right))
    starts = range(0, len(left), PAIRS_AT_A_TIME)
    batches = [slice(start, start + PAIRS_AT_A_TIME) for start in starts]
    found = [_batch(rows, left[some], right[some], threshold, vocabulary) for some in batches]
    return SimilarPairs(
        numbers[np.concatenate([np.empty(0, np.int64), *(one.left for one in found)])],
        numbers[np.concatenate([np.empty(0, np.int64), *(one.right for one in found)])],
        np.concatenate([np.empty(0, np.float64), *(one.jaccard for one in found)]),
        [reason for one in found for reason in one.difference],
    )


def _batch(
    rows: pl.DataFrame,
    left: Places,
    right: Places,
    threshold: float,
    vocabulary: NDArray[np.uint16],
) -> SimilarPairs:
    places = _unique(left, right)
    some = rows[places]
    records = fold_rows(some)
    first, second = np.searchsorted(places, left), np.searchsorted(places, right)
    jaccard = jaccard_of_pairs(records, first, second)
    alike = np.flatnonzero(jaccard >= threshold)
    difference = told_apart(records, some, first[alike], second[alike], vocabulary)
    return SimilarPairs(left[alike], right[alike], jaccard[alike], difference)


def _unique(left: Places, right: Places) -> Places:
    """Return the numbers that occur, sorted; faster than `np.unique`, since they are few."""
    return np.flatnonzero(np.bincount(np.concatenate([left, right]), minlength=1))
