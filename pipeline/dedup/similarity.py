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

_MARK = ord("|")  # as in pipeline/text/minhash.py: keeps an option apart from a question
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)


def jaccard_of_pairs(
    records: Records,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    with_answers: bool = True,
) -> NDArray[np.float64]:
    """Return shared shingles over all shingles for each pair of record numbers.

    0 where both are empty, which says nothing. Fastest where pairs are sorted by `left`.
    """
    values = np.zeros(len(left), np.float64)
    folded = records.folded
    _jaccard(
        folded.codes, folded.ends, records.options, records.answers, records.sizes,
        with_answers, left, right, values,
    )  # fmt: skip
    return values


@njit(cache=True, nogil=True)
def _shingles(
    codes: Codes, start: int, end: int, size: int, is_marked: bool, hashes: Hashes, count: int
) -> int:
    """Append the 64-bit hashes of a piece's shingles, with repeats; return the new count."""
    if end == start:
        return count
    leaving = np.uint64(1)
    for _ in range(size):
        leaving *= _FACTOR
    rolling, seen = np.uint64(0), 0
    first = start - 1 if is_marked else start
    for place in range(first, end):
        code = np.uint64(_MARK) if place < start else np.uint64(codes[place])
        rolling = rolling * _FACTOR + code + np.uint64(1)
        seen += 1
        if seen > size:
            gone_place = place - size
            gone = np.uint64(_MARK) if gone_place < start else np.uint64(codes[gone_place])
            rolling -= leaving * (gone + np.uint64(1))
        if seen >= size or place == end - 1:
            value = rolling
            value ^= value >> np.uint64(33)
            value *= _MIX_1
            value ^= value >> np.uint64(33)
            value *= _MIX_2
            hashes[count] = value ^ (value >> np.uint64(33))
            count += 1
    return count


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
def _insert(table: Hashes, stamps: Codes, stamp: int, value: np.uint64) -> bool:
    """Put a hash into an open-addressing table; tell whether it is new under this stamp."""
    mask = len(table) - 1
    place = np.int64(value & np.uint64(mask))
    while stamps[place] == stamp:
        if table[place] == value:
            return False
        place = (place + 1) & mask
    stamps[place] = stamp
    table[place] = value
    return True


@njit(cache=True, nogil=True)
def _holds(table: Hashes, stamps: Codes, stamp: int, value: np.uint64) -> bool:
    mask = len(table) - 1
    place = np.int64(value & np.uint64(mask))
    while stamps[place] == stamp:
        if table[place] == value:
            return True
        place = (place + 1) & mask
    return False


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
    with_answers: bool, left: Places, right: Places, values: NDArray[np.float64],
) -> None:  # fmt: skip
    most = max(_longest(ends, options, answers, left), _longest(ends, options, answers, right))
    room = 16
    while room < 2 * most:
        room *= 2
    hashes = np.empty(most, np.uint64)
    left_table, right_table = np.empty(room, np.uint64), np.empty(room, np.uint64)
    left_stamps, right_stamps = np.zeros(room, np.uint32), np.zeros(room, np.uint32)
    known, num_left, known_stamp = -1, 0, np.uint32(0)
    for pair in range(len(left)):
        stamp = pair + 1
        if left[pair] != known:
            known, num_left, known_stamp = left[pair], 0, np.uint32(pair + 1)
            count = _record_shingles(
                codes, ends, options, answers, sizes[known], with_answers, known, hashes
            )
            for place in range(count):
                num_left += _insert(left_table, left_stamps, known_stamp, hashes[place])
        other = right[pair]
        count = _record_shingles(
            codes, ends, options, answers, sizes[other], with_answers, other, hashes
        )
        num_right = num_shared = 0
        for place in range(count):
            if _insert(right_table, right_stamps, stamp, hashes[place]):
                num_right += 1
                num_shared += _holds(left_table, left_stamps, known_stamp, hashes[place])
        if num_left and num_right:
            values[pair] = num_shared / (num_left + num_right - num_shared)
