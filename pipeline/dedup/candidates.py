"""Which pairs are worth comparing: records that share a band of their signatures.

A bucket of a template ("What is (are) X?") can hold a million records. Inside a bucket the records
lie in the order of their next bands, so that the most alike are neighbours, and each is paired with
the next few: all of a small bucket, fewer of a large one, and where a band has too many pairs in
all, one or none. Buckets that this left something out of are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.text.minhash import BANDS, PERMUTATIONS

MAX_PARTNERS = 32
PAIRS_PER_BUCKET = 1 << 15  # in one band
# Of all buckets of one band together, at the most one pair for so many records: ten times what the
# fullest band of a corpus without templates has.
RECORDS_PER_PAIR, MIN_BUDGET = 4, 1 << 18
# In every so many bands, each record of a bucket is paired with the next one, however large the
# bucket: a million records of one template then make four million pairs.
BANDS_TO_NEXT = 4
SURE = 4  # standard deviations
_PAIRS_AT_A_TIME = 1 << 16
TIE_BANDS = 2  # further bands by which a bucket is ordered


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of record numbers, sorted, each once, with left < right."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    capped_buckets: int  # buckets of which not all pairs are here


def candidate_pairs(
    bands: NDArray[np.uint64],
    numbers: NDArray[np.int64],
    partition: int = 0,
    partitions: int = 1,
) -> Candidates:
    """Return the pairs that share a band among records of these sorted numbers.

    `bands` [all records, BANDS]. Of several partitions, every pair falls to one, whatever band it
    was found by.
    """
    bands = bands[numbers]
    codes, capped = [np.empty(0, np.int64)], 0
    for band in range(BANDS):
        found, num_capped = _pairs_of_band(bands, band)
        codes.append(found if partitions == 1 else found[_part(found, partitions) == partition])
        capped += num_capped
    ordered = np.sort(np.concatenate(codes))
    unique = ordered[np.diff(ordered, prepend=-1) > 0]
    count = max(len(bands), 1)
    return Candidates(numbers[unique // count], numbers[unique % count], capped)


def likely_pairs(
    candidates: Candidates, sketches: NDArray[np.uint8], threshold: float
) -> Candidates:
    """Return the candidates whose signatures do not rule out that they reach a Jaccard threshold.

    `sketches` [all records, PERMUTATIONS]. The share of equal bytes estimates the Jaccard with a
    standard deviation of .035 at .8; what is more than SURE of them below is left out, 1 in 30,000
    of the pairs at the threshold.
    """
    deviation = (threshold * (1 - threshold) / PERMUTATIONS) ** 0.5
    fewest = (threshold - SURE * deviation) * PERMUTATIONS
    is_likely = np.zeros(len(candidates.left), bool)
    for start in range(0, len(is_likely), _PAIRS_AT_A_TIME):
        some = slice(start, start + _PAIRS_AT_A_TIME)
        same = sketches[candidates.left[some]] == sketches[candidates.right[some]]
        is_likely[some] = np.count_nonzero(same, axis=1) >= fewest
    return Candidates(
        candidates.left[is_likely], candidates.right[is_likely], candidates.capped_buckets
    )


def capped_records(
    bands: NDArray[np.uint64], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which of these records are in capped buckets, and the size of the largest of each."""
    bands = bands[numbers]
    largest = np.zeros(len(bands), np.int64)
    for band in range(BANDS):
        order, starts, sizes = _buckets(bands, band)
        is_capped = sizes - 1 > _partners(sizes, band, len(bands))
        for start, size in zip(starts[is_capped], sizes[is_capped], strict=True):
            members = order[start : start + size]
            largest[members] = np.maximum(largest[members], size)
    places = np.flatnonzero(largest)
    return numbers[places], largest[places]


def shared_bands(
    bands: NDArray[np.uint64], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many bands each pair shares."""
    shared: NDArray[np.int64] = np.count_nonzero(bands[left] == bands[right], axis=1)
    return shared


def _partners(sizes: NDArray[np.int64], band: int, num_records: int) -> NDArray[np.int64]:
    """Return how many of the next records each record of a bucket is paired with in a band."""
    fitting = PAIRS_PER_BUCKET // np.maximum(sizes, 1)
    fewest = int(band % BANDS_TO_NEXT == 0)
    budget = max(MIN_BUDGET, num_records // RECORDS_PER_PAIR)
    most = MAX_PARTNERS
    partners: NDArray[np.int64] = np.clip(fitting, fewest, most)
    while most > fewest and int((sizes * partners).sum()) > budget:
        most = max(most // 2, fewest)
        partners = np.minimum(partners, most)
    return partners


def _part(codes: NDArray[np.int64], partitions: int) -> NDArray[np.uint64]:
    mixed = codes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    parts: NDArray[np.uint64] = (mixed >> np.uint64(40)) % np.uint64(partitions)
    return parts


def _pairs_of_band(bands: NDArray[np.uint64], band: int) -> tuple[NDArray[np.int64], int]:
    """Return pairs as left * records + right, and how many buckets were capped."""
    count = len(bands)
    order, starts, sizes = _buckets(bands, band)
    pairs = []
    partners = _partners(sizes, band, len(bands))
    place_of_end = np.repeat(starts + sizes, sizes)
    partners_of = np.repeat(partners, sizes)
    places = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())
    for step in range(1, MAX_PARTNERS + 1):
        is_inside = (places + step < place_of_end) & (step <= partners_of)
        if not is_inside.any():
            break
        places, place_of_end = places[is_inside], place_of_end[is_inside]
        partners_of = partners_of[is_inside]
        first, second = order[places], order[places + step]
        pairs.append(np.minimum(first, second) * count + np.maximum(first, second))
    found = np.concatenate(pairs) if pairs else np.empty(0, np.int64)
    return found, int(np.count_nonzero(sizes - 1 > partners))


def _buckets(
    bands: NDArray[np.uint64], band: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return records in the order of a band, and start and size of each bucket of two or more."""
    keys = bands[:, band]
    order = np.argsort(keys)
    ordered = keys[order]
    is_first = np.ones(len(ordered), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(is_first)
    sizes = np.diff(np.append(starts, len(ordered)))
    is_shared = sizes > 1
    starts, sizes = starts[is_shared], sizes[is_shared]
    shared = np.repeat(starts - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
    members = order[shared]  # equal keys came in any order
    order[shared] = members[np.lexsort((members, keys[members]))]
    for start, size in zip(starts[sizes > MAX_PARTNERS], sizes[sizes > MAX_PARTNERS], strict=True):
        members = order[start : start + size]
        ties = [bands[members, (band + step) % BANDS] for step in range(TIE_BANDS, 0, -1)]
        order[start : start + size] = members[np.lexsort(ties)]
    return order, starts, sizes
