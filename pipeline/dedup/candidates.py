"""Which pairs are worth comparing: records that share a band of their signatures.

A bucket of a template ("What is (are) X?") can hold a million records. Inside a bucket the records
lie in the order of their next bands, so that the most alike are neighbours, and each is paired with
the next few: all of a small bucket, fewer of a large one, and where a band has too many pairs in
all, one or none. Buckets that this left something out of are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numba import njit
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
One = TypeVar("One")
Result = TypeVar("Result")


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
    threads: int = 1,
) -> Candidates:
    """Return the pairs that share a band among records of these sorted numbers.

    `bands` [all records, BANDS]. Of several partitions, every pair falls to one, whatever band it
    was found by.
    """
    bands = bands[numbers]
    codes, capped = [np.empty(0, np.int64)], 0
    for found, num_capped in in_threads(partial(_pairs_of_band, bands), range(BANDS), threads):
        codes.append(found if partitions == 1 else found[_part(found, partitions) == partition])
        capped += num_capped
    ordered = np.sort(np.concatenate(codes))
    unique = ordered[np.diff(ordered, prepend=-1) > 0]
    count = max(len(bands), 1)
    return Candidates(numbers[unique // count], numbers[unique % count], capped)


def likely_pairs(
    candidates: Candidates, sketches: NDArray[np.uint8], threshold: float, threads: int = 1
) -> Candidates:
    """Return the candidates whose signatures do not rule out that they reach a Jaccard threshold.

    `sketches` [all records, PERMUTATIONS]. The share of equal bytes estimates the Jaccard with a
    standard deviation of .035 at .8; what is more than SURE of them below is left out, 1 in 30,000
    of the pairs at the threshold.
    """
    deviation = (threshold * (1 - threshold) / PERMUTATIONS) ** 0.5
    fewest = (threshold - SURE * deviation) * PERMUTATIONS
    left, right = candidates.left, candidates.right

    def is_likely(start: int) -> NDArray[np.bool_]:
        some = slice(start, start + _PAIRS_AT_A_TIME)
        enough: NDArray[np.bool_] = _num_equal(sketches, left[some], right[some]) >= fewest
        return enough

    starts = range(0, max(len(left), 1), _PAIRS_AT_A_TIME)
    likely = np.concatenate([*in_threads(is_likely, starts, threads)])
    return Candidates(left[likely], right[likely], candidates.capped_buckets)


def in_threads(
    function: Callable[[One], Result], ones: Iterable[One], threads: int
) -> Iterable[Result]:
    """Return the results of a function, in the order of what it is called with."""
    if threads == 1:
        return map(function, ones)
    with ThreadPoolExecutor(threads) as pool:
        return [*pool.map(function, ones)]


@njit(cache=True, nogil=True)
def equal_firsts(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each row of hashes the number of the first row that is equal to it."""
    mask = np.uint64(15)
    while mask < np.uint64(2 * len(keys)):
        mask = np.uint64(2) * mask + np.uint64(1)
    table = np.full(mask + np.uint64(1), -1, np.int64)
    firsts = np.empty(len(keys), np.int64)
    for row in range(len(keys)):
        place = np.uint64(0)
        for value in keys[row]:
            place ^= value
        place &= mask
        while table[place] >= 0 and not np.array_equal(keys[table[place]], keys[row]):
            place = (place + np.uint64(1)) & mask
        if table[place] < 0:
            table[place] = row
        firsts[row] = table[place]
    return firsts


@njit(cache=True, nogil=True)
def _num_equal(
    sketches: NDArray[np.uint8], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return in how many places the sketches of each pair are equal."""
    found = np.empty(len(left), np.int64)
    for pair in range(len(left)):
        one, other = sketches[left[pair]], sketches[right[pair]]
        count = np.int64(0)
        for place in range(PERMUTATIONS):
            count += one[place] == other[place]
        found[pair] = count
    return found


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
    order, starts, sizes = _buckets(bands, band)
    partners = _partners(sizes, band, len(bands))
    found = _neighbours(order, starts, sizes, partners, len(bands))
    return found, int(np.count_nonzero(sizes - 1 > partners))


@njit(cache=True, nogil=True)
def _neighbours(
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    partners: NDArray[np.int64],
    num_records: int,
) -> NDArray[np.int64]:
    """Return each record of a bucket with the next ones of it, as left * records + right."""
    found = np.empty((sizes * np.minimum(partners, sizes)).sum(), np.int64)
    count = 0
    for bucket in range(len(starts)):
        end = starts[bucket] + sizes[bucket]
        for place in range(starts[bucket], end):
            for other in range(place + 1, min(place + 1 + partners[bucket], end)):
                one, two = order[place], order[other]
                found[count] = min(one, two) * num_records + max(one, two)
                count += 1
    return found[:count]


def _buckets(
    bands: NDArray[np.uint64], band: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return records in buckets of two or more of a band, and start and size of each bucket."""
    keys = np.ascontiguousarray(bands[:, band])
    members = _with_company(keys)
    order = members[np.argsort(keys[members])]
    starts, sizes = _in_order(keys, order)
    for start, size in zip(starts[sizes > MAX_PARTNERS], sizes[sizes > MAX_PARTNERS], strict=True):
        members = order[start : start + size]
        ties = [bands[members, (band + step) % BANDS] for step in range(TIE_BANDS, 0, -1)]
        order[start : start + size] = members[np.lexsort(ties)]
    return order, starts, sizes


@njit(cache=True, nogil=True)
def _with_company(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the records whose key another one may have too: most have one of their own.

    That is told by a counter for the first bits of a key, which few others share.
    """
    bits = 10
    while 1 << bits < 8 * len(keys):
        bits += 1
    seen = np.zeros(1 << bits, np.uint8)
    shift = np.uint64(64 - bits)
    for record in range(len(keys)):
        slot = keys[record] >> shift
        seen[slot] += seen[slot] < 2
    found = np.empty(len(keys), np.int64)
    count = 0
    for record in range(len(keys)):
        found[count] = record
        count += seen[keys[record] >> shift] > 1
    return found[:count]


@njit(cache=True, nogil=True)
def _in_order(
    keys: NDArray[np.uint64], order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort the records of each bucket; return start and size of those of two or more."""
    starts, sizes = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    count = start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and keys[order[end]] == keys[order[start]]:
            end += 1
        if end - start > 1:
            starts[count], sizes[count] = start, end - start
            count += 1
            if end - start <= MAX_PARTNERS:
                _sort(order[start:end])
            else:
                order[start:end] = np.sort(order[start:end])
        start = end
    return starts[:count], sizes[:count]


@njit(cache=True, nogil=True)
def _sort(few: NDArray[np.int64]) -> None:
    for end in range(1, len(few)):
        one, place = few[end], end
        while place > 0 and few[place - 1] > one:
            few[place] = few[place - 1]
            place -= 1
        few[place] = one
