"""Exact Jaccard similarity of candidate pairs, over the same shingles that were signed.

Compiled; every compiled function of this module is called by this module alone: numba's cache
would not see that a callee elsewhere has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pipeline.dedup.records import Records

Codes: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]

LONGEST_SHINGLE = 5
_MARK = ord("|")  # as in pipeline/text/minhash.py: keeps an option apart from a question
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)


def jaccard_of_pairs(
    records: Records,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    with_answers: bool = True,
    at_least: float = 0.0,
) -> NDArray[np.float64]:
    """Return shared shingles over all shingles for each pair of record numbers.

    0 where both are empty, which says nothing, and where it is less than `at_least`. Fastest where
    pairs are sorted by `left`.
    """
    values = np.zeros(len(left), np.float64)
    folded = records.folded
    _jaccard(
        folded.codes, folded.ends, records.options, records.answers, records.sizes,
        with_answers, left, right, at_least, values,
    )  # fmt: skip
    return values


@njit(cache=True, nogil=True)
def _mixed(value: np.uint64) -> np.uint64:
    value ^= value >> np.uint64(33)
    value *= _MIX_1
    value ^= value >> np.uint64(33)
    value *= _MIX_2
    return value ^ (value >> np.uint64(33))


@njit(cache=True, nogil=True)
def _shingles(
    codes: Codes, start: int, end: int, size: int, is_marked: bool, hashes: Hashes, count: int
) -> int:
    """Append the 64-bit hashes of a piece's shingles, with repeats; return the new count.

    Written as in pipeline/text/minhash.py, for the same reason.
    """
    if end == start:
        return count
    value, taken = np.uint64(0), size
    if is_marked:
        value, taken = np.uint64(_MARK + 1), size - 1
    for place in range(start, min(start + taken, end)):
        value = value * _FACTOR + np.uint64(codes[place]) + np.uint64(1)
    hashes[count] = _mixed(value)
    first = start + 1 - (size - taken)
    num_more = end - size + 1 - first
    if num_more <= 0:
        return count + 1
    piece, out = codes[first:], hashes[count + 1 :]
    for place in range(num_more):
        value = np.uint64(piece[place]) + np.uint64(1)
        value = value * _FACTOR + np.uint64(piece[place + 1]) + np.uint64(1)
        value = value * _FACTOR + np.uint64(piece[place + 2]) + np.uint64(1)
        if size == LONGEST_SHINGLE:
            value = value * _FACTOR + np.uint64(piece[place + 3]) + np.uint64(1)
            value = value * _FACTOR + np.uint64(piece[place + 4]) + np.uint64(1)
        out[place] = _mixed(value)
    return count + 1 + num_more


@njit(cache=True, nogil=True)
def _record_shingles(
    codes: Codes, ends: Places, options: Places, answers: Places, size: int,
    with_answers: bool, record: int, hashes: Hashes,
) -> int:  # fmt: skip
    count = _shingles(codes, ends[record], ends[record + 1], size, False, hashes, 0)
    first, last = options[record], options[record + 1]
    if last == first and with_answers:
        first, last = answers[record], answers[record + 1]
    for piece in range(first, last):
        count = _shingles(codes, ends[piece], ends[piece + 1], size, True, hashes, count)
    return count


@njit(cache=True, nogil=True)
def _place_of(
    table: Hashes, stamps: Codes, stamp: np.uint32, mask: np.uint64, value: np.uint64
) -> np.uint64:
    """Return where an open-addressing table holds a hash under a stamp, or where it would."""
    place = value & mask
    while stamps[place] == stamp and table[place] != value:
        place = (place + np.uint64(1)) & mask
    return place


@njit(cache=True, nogil=True)
def _mask(count: int) -> np.uint64:
    """Return the mask of a table for so many hashes, small, so that it stays in the cache."""
    room = 16
    while room < 2 * count:
        room *= 2
    return np.uint64(room - 1)


@njit(cache=True, nogil=True)
def _longest(ends: Places, options: Places, answers: Places, records: Places) -> int:
    """Return how many shingles a record of these can have at the most."""
    most = 1
    for record in records:
        size = ends[record + 1] - ends[record]
        for pieces in (options, answers):
            first, last = pieces[record], pieces[record + 1]
            size += ends[last] - ends[first] + last - first
        most = max(most, size)
    return most


@njit(cache=True, nogil=True)
def _jaccard(
    codes: Codes, ends: Places, options: Places, answers: Places, sizes: Bytes,
    with_answers: bool, left: Places, right: Places, at_least: float, values: NDArray[np.float64],
) -> None:  # fmt: skip
    """Write the Jaccard of each pair. A stamp of its own for each pair empties the tables."""
    most = max(_longest(ends, options, answers, left), _longest(ends, options, answers, right))
    room = _mask(most) + np.uint64(1)
    hashes = np.empty(most, np.uint64)
    left_table, right_table = np.empty(room, np.uint64), np.empty(room, np.uint64)
    left_stamps, right_stamps = np.zeros(room, np.uint32), np.zeros(room, np.uint32)
    is_met = np.zeros(room, np.uint32)  # the last stamp under which the right side had it too
    known, num_left, known_stamp, left_mask = -1, 0, np.uint32(0), np.uint64(0)
    for pair in range(len(left)):
        stamp = np.uint32(pair + 1)
        if left[pair] != known:
            known, num_left, known_stamp = left[pair], 0, stamp
            count = _record_shingles(
                codes, ends, options, answers, sizes[known], with_answers, known, hashes
            )
            left_mask = _mask(count)
            for step in range(count):
                value = hashes[step]
                place = _place_of(left_table, left_stamps, known_stamp, left_mask, value)
                num_left += left_stamps[place] != known_stamp
                left_stamps[place], left_table[place] = known_stamp, value
        other = right[pair]
        count = _record_shingles(
            codes, ends, options, answers, sizes[other], with_answers, other, hashes
        )
        num_own = num_shared = 0
        mask = _mask(count)
        for step in range(count):
            # Were all of the left side shared, what only the right side has would be too much.
            if num_left < at_least * (num_left + num_own):
                break
            value = hashes[step]
            place = _place_of(left_table, left_stamps, known_stamp, left_mask, value)
            if left_stamps[place] == known_stamp:
                num_shared += is_met[place] != stamp
                is_met[place] = stamp
                continue
            place = _place_of(right_table, right_stamps, stamp, mask, value)
            num_own += right_stamps[place] != stamp
            right_stamps[place], right_table[place] = stamp, value
        if num_left and count:
            value = num_shared / (num_left + num_own)
            values[pair] = value if value >= at_least else 0.0
