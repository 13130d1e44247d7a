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
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]
Numba: TypeAlias = Any  # numba's own types are declared nowhere

PERMUTATIONS = 128
BANDS, BAND_ROWS = 16, 8  # S-curve midpoint (1/16)^(1/8) = .71, below the threshold of .8
SEED = 1
NO_BAND = 0  # of a record without a question
# Columns of a record's keys, each of two halves.
EXACT, ASKED, ANSWERED, IN_CONTEXT = 0, 1, 2, 3
NUM_KEYS = 4

LONGEST_SHINGLE = 5  # the other size is 3, of zh and ja
VECTORS, LANES = 4, 16  # permutations computed at a time, as many as there are registers for
FEW = 32  # options, which are sorted in place

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

    A piece no longer than `size`, which is 3 or 5, is its own one shingle, an empty one has none.
    The hash is written out for both sizes, since only so it is computed for many places at once.
    """
    if end == start:
        return count
    value, taken = np.uint64(0), size
    if is_marked:
        value, taken = np.uint64(_MARK + 1), size - 1
    for place in range(start, min(start + taken, end)):
        value = value * _FACTOR + np.uint64(codes[place]) + np.uint64(1)
    hashes[count] = np.uint32(_mixed(value) >> np.uint64(32))
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
        out[place] = np.uint32(_mixed(value) >> np.uint64(32))
    return count + 1 + num_more


@intrinsic
def _lowest(
    _typing: Numba, _hashes: Numba, _count: Numba, _factors: Numba, _offsets: Numba, _out: Numba
) -> Numba:
    """Write the smallest hash under each of VECTORS * LANES permutations; all are addresses.

    The permutations of a vector are computed at once, and its smallest values stay in a register:
    4.8 ns a shingle, however few there are, where numba's own loop takes 8 to 35 ns.
    """
    lane = ir.IntType(32)
    vector = ir.VectorType(lane, LANES)

    def generate(context: Numba, builder: Numba, _signature: Numba, arguments: Numba) -> Numba:
        hashes, count, *arrays = arguments
        hashes = builder.inttoptr(hashes, lane.as_pointer())
        places = [builder.inttoptr(one, vector.as_pointer()) for one in arrays]
        places = [
            [builder.gep(one, [ir.Constant(ir.IntType(64), step)]) for step in range(VECTORS)]
            for one in places
        ]
        factors, offsets = ([builder.load(at, align=4) for at in one] for one in places[:2])
        lowest = [cgutils.alloca_once(builder, vector) for _ in range(VECTORS)]  # type: ignore[no-untyped-call]
        for one in lowest:
            builder.store(ir.Constant(vector, [0xFFFFFFFF] * LANES), one)
        nothing = ir.Constant(vector, ir.Undefined)
        with cgutils.for_range(builder, count) as loop:
            value = builder.load(builder.gep(hashes, [loop.index]))
            value = builder.insert_element(nothing, value, ir.Constant(lane, 0))
            value = builder.shuffle_vector(value, nothing, ir.Constant(vector, [0] * LANES))
            for factor, offset, one in zip(factors, offsets, lowest, strict=True):
                permuted = builder.add(builder.mul(value, factor), offset)
                before = builder.load(one)
                is_lower = builder.icmp_unsigned("<", permuted, before)
                builder.store(builder.select(is_lower, permuted, before), one)
        for one, at in zip(lowest, places[2], strict=True):
            builder.store(builder.load(one), at, align=4)
        return context.get_dummy_value()

    return types.void(*[types.uintp, types.intp, *[types.uintp] * 3]), generate


@njit(cache=True, nogil=True)
def _sign(hashes: Codes, count: int, factors: Codes, offsets: Codes, signature: Codes) -> None:
    """Write the smallest hash under each permutation; for no hashes, the largest number."""
    for place in range(count):  # datasketch mixes what it is given by MurmurHash3's finalizer
        value = hashes[place]
        value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
        value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        hashes[place] = value ^ (value >> np.uint32(16))
    for first in range(0, PERMUTATIONS, VECTORS * LANES):
        _lowest(  # type: ignore[call-arg]
            hashes.ctypes.data,
            count,
            factors[first:].ctypes.data,
            offsets[first:].ctypes.data,
            signature[first:].ctypes.data,
        )


@njit(cache=True, nogil=True)
def _band_hashes(signature: Codes, seed: np.uint64, bands: Hashes) -> None:
    for band in range(BANDS):
        bands[band] = _mixed(seed + np.uint64(band))
    for row in range(BAND_ROWS):  # all bands at once, since a hash waits for the one before
        for band in range(BANDS):
            value = np.uint64(signature[band * BAND_ROWS + row])
            bands[band] = _mixed(bands[band] * _FACTOR + value)


@njit(cache=True, nogil=True)
def _piece_hash(codes: Codes, start: int, end: int, seed: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the two halves of a piece's 128-bit key."""
    low, high = seed, seed ^ _SECOND
    piece = codes[start:end]
    for step in range(len(piece) // 2):  # two at a time, since a hash waits for the one before
        both = np.uint64(piece[2 * step]) | np.uint64(piece[2 * step + 1]) << np.uint64(32)
        low = low * _FACTOR + both
        low ^= low >> np.uint64(29)
        high = (high ^ both) * _MIX_1
        high ^= high >> np.uint64(32)
    if len(piece) & 1:
        low = low * _FACTOR + np.uint64(piece[len(piece) - 1])
        high = (high ^ np.uint64(piece[len(piece) - 1])) * _MIX_1
    length = np.uint64(end - start)
    return _mixed(low + length), _mixed(high + length)


@njit(cache=True, nogil=True)
def _sort(values: Hashes) -> None:
    """Sort a few values in place; `np.sort` takes a copy."""
    if len(values) > FEW:
        values[:] = np.sort(values)
        return
    for end in range(1, len(values)):
        one, place = values[end], end
        while place > 0 and values[place - 1] > one:
            values[place] = values[place - 1]
            place -= 1
        values[place] = one


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
        _sort(parts[half, :count])
        for step in range(count):
            value = _mixed(value * _FACTOR + parts[half, step])
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
    options. A record whose question is empty has none: "yes" and "no" make no two of them alike.
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
        is_asked = count > 0
        if is_asked and is_choice:
            for piece in range(first, last):
                count = _shingle_hashes(
                    codes, ends[piece], ends[piece + 1], size, True, hashes, count
                )
        elif is_asked and with_answers:
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
