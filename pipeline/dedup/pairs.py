"""Candidate pairs proved and judged, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.dedup.candidates import Candidates, in_threads
from pipeline.dedup.compare import told_apart
from pipeline.dedup.records import Records, fold_rows
from pipeline.dedup.similarity import jaccard_of_pairs

PAIRS_AT_A_TIME = 1 << 14  # compared at a time, so that their texts stay in the processor's cache
Places = NDArray[np.int64]
# From sorted record numbers to those records, and to the row of the one at a place among them.
Fetch = Callable[[Places], tuple[Records, Callable[[int], dict[str, Any]]]]


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
    threads: int = 1,
) -> SimilarPairs:
    """Return the candidates whose exact Jaccard reaches the threshold, judged by the guard.

    `texts` returns the rows of record numbers, which it is asked for once, sorted.
    """
    numbers = _unique(candidates.left, candidates.right)
    rows = texts(numbers)

    def fetch(own: Places) -> tuple[Records, Callable[[int], dict[str, Any]]]:
        own_rows = rows[np.searchsorted(numbers, own)]
        return fold_rows(own_rows), lambda place: own_rows.row(place, named=True)

    return judged_pairs(candidates, fetch, threshold, vocabulary, threads)


def judged_pairs(
    candidates: Candidates,
    fetch: Fetch,
    threshold: float,
    vocabulary: NDArray[np.uint16],
    threads: int = 1,
) -> SimilarPairs:
    """Do the same with records that are folded already."""

    def compared(some: slice) -> SimilarPairs:
        left, right = candidates.left[some], candidates.right[some]
        own = _unique(left, right)
        records, row_of = fetch(own)
        left, right = np.searchsorted(own, left), np.searchsorted(own, right)
        jaccard = jaccard_of_pairs(records, left, right, at_least=threshold)
        alike = np.flatnonzero(jaccard >= threshold)
        left, right = left[alike], right[alike]
        difference = told_apart(records, row_of, left, right, vocabulary)
        return SimilarPairs(own[left], own[right], jaccard[alike], difference)

    return _together(in_threads(compared, _batches(candidates), threads))


def _batches(candidates: Candidates) -> list[slice]:
    starts = range(0, len(candidates.left), PAIRS_AT_A_TIME)
    return [slice(start, start + PAIRS_AT_A_TIME) for start in starts]


def _together(batches: Iterable[SimilarPairs]) -> SimilarPairs:
    found = [*batches]
    return SimilarPairs(
        np.concatenate([np.empty(0, np.int64), *(one.left for one in found)]),
        np.concatenate([np.empty(0, np.int64), *(one.right for one in found)]),
        np.concatenate([np.empty(0, np.float64), *(one.jaccard for one in found)]),
        [reason for one in found for reason in one.difference],
    )


def _unique(left: Places, right: Places) -> Places:
    """Return the numbers that occur, sorted; faster than `np.unique`, since they are few."""
    return np.flatnonzero(np.bincount(np.concatenate([left, right]), minlength=1))
