"""MinHash signatures of comparison keys, bit-equal to datasketch's, and keys of whole records.

A record has pieces (its question, its options, its answers), each folded already. Shingles
are character n-grams of a piece: words are no shingles here, since a Chinese clause would be one
word, and word 5-grams miss half of the lightly edited duplicates in every language. Options count
as a set: no shingle crosses from one to the next, so shuffling them changes nothing.

Every compiled function of this module is called by this module alone: numba's cache would not see
that a callee elsewhere has changed.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]

PERMUTATIONS = 128
BANDS, BAND_ROWS = 16, 8  # S-curve midpoint (1/16)^(1/8) = .71, below the threshold of .8
SEED = 1
NO_BAND = 0  # of a record without shingles
# Columns of a record's keys, each of two halves.
EXACT, ASKED, ANSWERED, IN_CONTEXT = 0, 1, 2, 3
NUM_KEYS = 4

_MARK = ord("|")  # keeps an option apart from the same words in a question
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio: every bit of a hash depends on all
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SECOND = np.uint64(0xD6E8FEB86659FD93)  # the second half of a 128-bit key
_EMPTY = np.uint32(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def _mixed(value: np.uint64) -> np.uint64:
    """Return a 64-bit value with all its bits mixed: the finalizer of MurmurHash3."""
    value ^= value >> np.uint64(33)
    value *= _MIX_1
    value ^= value >> np.uint64(33)
    value *= _MIX_2
    return value ^ (value >> np.uint64(33))


@njit(cache=True, nogil=True)
def _shingle_hashes(
    codes: Codes, start: int, end: int, size: int, is_marked: bool, hashes: Codes, count: int
) -> int:
    """Append the 32-bit hashes of a piece's shingles, with repeats; return the new count.

    A piece no longer than `size` is its own one shingle, an empty one has none.
    """
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
            left = place - size
            gone = np.uint64(_MARK) if left < start else np.uint64(codes[left])
            rolling -= leaving * (gone + np.uint64(1))
        if seen >= size or place == end - 1:
            hashes[count] = np.uint32(_mixed(rolling) >> np.uint64(32))
            count += 1
    return count


@njit(cache=True, nogil=True)
def _sign(hashes: Codes, count: int, factors: Codes, offsets: Codes, signature: Codes) -> None:
    """Write the smallest hash under each permutation; for no hashes, the largest number."""
    for place in range(count):  # datasketch mixes what it is given by MurmurHash3's finalizer
        value = hashes[place]
        value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
        value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        hashes[place] = value ^ (value >> np.uint32(16))
    for first in range(0, len(factors), 4):  # four at a time: each hash is read once for them
        factor_0, factor_1 = factors[first], factors[first + 1]
        factor_2, factor_3 = factors[first + 2], factors[first + 3]
        offset_0, offset_1 = offsets[first], offsets[first + 1]
        offset_2, offset_3 = offsets[first + 2], offsets[first + 3]
        lowest_0 = lowest_1 = lowest_2 = lowest_3 = _EMPTY
        for place in range(count):
            value = hashes[place]
            lowest_0 = min(lowest_0, np.uint32(value * factor_0 + offset_0))
            lowest_1 = min(lowest_1, np.uint32(value * factor_1 + offset_1))
            lowest_2 = min(lowest_2, np.uint32(value * factor_2 + offset_2))
            lowest_3 = min(lowest_3, np.uint32(value * factor_3 + offset_3))
        signature[first], signature[first + 1] = lowest_0, lowest_1
        signature[first + 2], signature[first + 3] = lowest_2, lowest_3


@njit(cache=True, nogil=True)
def _band_hashes(signature: Codes, seed: np.uint64, bands: Hashes) -> None:
    for band in range(BANDS):
        value = _mixed(seed + np.uint64(band))
        for row in range(BAND_ROWS):
            value = _mixed(value * _FACTOR + np.uint64(signature[band * BAND_ROWS + row]))
        bands[band] = value


@njit(cache=True, nogil=True)
def _piece_hash(codes: Codes, start: int, end: int, seed: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the two halves of a piece's 128-bit key."""
    low, high = seed, seed ^ _SECOND
    for place in range(start, end):
        code = np.uint64(codes[place])
        low = low * _FACTOR + code
        high = (high ^ code) * _MIX_1
    length = np.uint64(end - start)
    return _mixed(low + length), _mixed(high + length)


@njit(cache=True, nogil=True)
def _set_hash(
    codes: Codes, ends: Places, first: int, last: int, seed: np.uint64, parts: Hashes
) -> None:
    """Write the key of a few pieces in whatever order to `parts[:, 0]`; repeats count."""
    count = last - first
    for step in range(count):
        low, high = _piece_hash(codes, ends[first + step], ends[first + step + 1], seed)
        parts[0, step], parts[1, step] = low, high
    for half in range(2):
        value = seed
        for one in np.sort(parts[half, :count]):
            value = _mixed(value * _FACTOR + one)
        parts[half, 0] = value


@njit(cache=True, nogil=True)
def hash_shingles(codes: Codes, start: int, end: int, size: int, is_marked: bool) -> Codes:
    """Return the 32-bit hashes of one piece's shingles, with repeats."""
    hashes = np.empty(end - start + 1, np.uint32)
    return hashes[: _shingle_hashes(codes, start, end, size, is_marked, hashes, 0)]


@njit(cache=True, nogil=True)
def sign_hashes(hashes: Codes, factors: Codes, offsets: Codes) -> tuple[Codes, Hashes]:
    """Return the signature of a set of shingle hashes and its band hashes; spends `hashes`."""
    signature, bands = np.empty(len(factors), np.uint32), np.empty(BANDS, np.uint64)
    _sign(hashes, len(hashes), factors, offsets, signature)
    _band_hashes(signature, np.uint64(1), bands)
    return signature, bands


@njit(cache=True, nogil=True)
def sign_records(
    codes: Codes,
    ends: Places,
    options: Places,
    answers: Places,
    sizes: Bytes,
    seeds: Hashes,
    with_answers: bool,
    factors: Codes,
    offsets: Codes,
    bands: Hashes,
    sketches: Bytes,
    keys: Hashes,
) -> None:
    """Write band hashes [records, BANDS], sketches and keys [records, 2 * NUM_KEYS] of records.

    A sketch [PERMUTATIONS] is the lowest byte of each value of the signature.

    Piece p is `codes[ends[p]:ends[p + 1]]`. With n records, pieces 0 to n - 1 are the questions
    and the next n the contexts; the options of record r begin at piece `options[r]`, its answers at
    `answers[r]`. `sizes` are the n of the n-grams; `seeds` differ by language, so that no band is
    shared by two. Answers count as shingles only `with_answers`, and only where there are no
    options.
    """
    num_records = len(sizes)
    signature = np.empty(len(factors), np.uint32)
    room = max(ends[num_records], 1)
    most = 1
    for record in range(num_records):
        first, last = options[record], options[record + 1]
        room = max(room, ends[last] - ends[first] + last - first)
        most = max(most, last - first)
        first, last = answers[record], answers[record + 1]
        room = max(room, ends[last] - ends[first] + last - first)
        most = max(most, last - first)
    hashes = np.empty(2 * room, np.uint32)
    parts = np.empty((2, most), np.uint64)
    for record in range(num_records):
        seed, size = seeds[record], sizes[record]
        first, last = options[record], options[record + 1]
        is_choice = last > first
        count = _shingle_hashes(codes, ends[record], ends[record + 1], size, False, hashes, 0)
        if is_choice:
            for piece in range(first, last):
                count = _shingle_hashes(
                    codes, ends[piece], ends[piece + 1], size, True, hashes, count
                )
        elif with_answers:
            for piece in range(answers[record], answers[record + 1]):
                count = _shingle_hashes(
                    codes, ends[piece], ends[piece + 1], size, True, hashes, count
                )
        if count:
            _sign(hashes, count, factors, offsets, signature)
            _band_hashes(signature, seed, bands[record])
        else:
            signature[:] = _EMPTY
            bands[record, :] = NO_BAND
        for permutation in range(len(factors)):
            sketches[record, permutation] = signature[permutation] & np.uint32(0xFF)
        low, high = _piece_hash(codes, ends[record], ends[record + 1], seed)
        keys[record, 2 * ASKED], keys[record, 2 * ASKED + 1] = low, high
        _set_hash(codes, ends, answers[record], answers[record + 1], seed, parts)
        keys[record, 2 * ANSWERED], keys[record, 2 * ANSWERED + 1] = parts[0, 0], parts[1, 0]
        if is_choice:
            _set_hash(codes, ends, first, last, seed ^ np.uint64(1), parts)
        keys[record, 2 * EXACT] = _mixed(low * _FACTOR + parts[0, 0])
        keys[record, 2 * EXACT + 1] = _mixed(high * _FACTOR + parts[1, 0])
        context = num_records + record
        low, high = _piece_hash(codes, ends[context], ends[context + 1], seed)
        is_there = ends[context + 1] > ends[context]
        keys[record, 2 * IN_CONTEXT] = low if is_there else np.uint64(0)
        keys[record, 2 * IN_CONTEXT + 1] = high if is_there else np.uint64(0)


@cache
def permutations() -> tuple[Codes, Codes]:
    """Return factors and offsets of the permutations: those of `datasketch.MinHash(seed=SEED)`."""
    random = np.random.RandomState(SEED)
    halves = random.randint(0, 1 << 31, PERMUTATIONS, dtype=np.uint32)
    offsets = random.randint(0, 1 << 32, PERMUTATIONS, dtype=np.uint32)
    return halves * np.uint32(2) + np.uint32(1), offsets  # an odd factor makes it a permutation
