"""The 64-character rule: so many letters and digits in a row that an item and a text share.

Any run of 64 in an item covers one of its stretches of 32 that begin at a multiple of 32. Those
are indexed; a rolling hash finds them in a text, and what lies around is compared letter by letter.

Compiled; every compiled function of this module is called by this module alone: numba's cache
would not see that a callee elsewhere has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint32]
Places: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]

RUN = 64
STEP = RUN // 2
_FACTOR, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFF51AFD7ED558CCD)


@dataclass(frozen=True, slots=True)
class RunIndex:
    """Texts of items, and where each different stretch of them begins."""

    codes: Codes
    starts: Places  # of each item in `codes`
    ends: Places
    num_grave: int  # items below this number are told before the others
    keys: Words  # hashes of stretches, sorted
    key_starts: Places
    places: Places  # in `codes`
    item_of: Places  # of each such place
    table: Places  # open addressing: 1 + place in `keys`
    filter: Words


@dataclass(frozen=True, slots=True)
class Runs:
    """The longest run of each text with an item; of a grave item before any other."""

    items: Places  # -1 where there is none
    starts: Places  # in the text's own letters
    lengths: Places


def index_runs(codes: Codes, starts: Places, ends: Places, num_grave: int) -> RunIndex:
    """Return the index of the stretches of items, which stand at these places of `codes`."""
    hashes, places, item_of = _stretches(codes, starts, ends)
    order = np.argsort(hashes, kind="stable")
    keys, key_starts = np.unique(hashes[order], return_index=True)
    table, bits = _lookup(keys)
    return RunIndex(
        codes, starts, ends, num_grave, keys, np.append(key_starts, len(hashes)),
        places[order], item_of[order], table, bits,
    )  # fmt: skip


def longest_runs(index: RunIndex, codes: Codes, starts: Places, ends: Places) -> Runs:
    """Return the longest run with an item of each text, which stand at these places of `codes`."""
    count = len(starts)
    runs = Runs(np.full(count, -1), np.zeros(count, np.int64), np.zeros(count, np.int64))
    _scan(
        codes, starts, ends, index.codes, index.starts, index.ends, index.num_grave,
        index.keys, index.key_starts, index.places, index.item_of, index.table, index.filter,
        runs.items, runs.starts, runs.lengths,
    )  # fmt: skip
    return runs


@njit(cache=True, nogil=True)
def _hash(codes: Codes, start: int) -> np.uint64:
    value = np.uint64(0)
    for place in range(start, start + STEP):
        value = value * _FACTOR + np.uint64(codes[place]) + np.uint64(1)
    return value


@njit(cache=True, nogil=True)
def _stretches(codes: Codes, starts: Places, ends: Places) -> tuple[Words, Places, Places]:
    room = 0
    for item in range(len(ends)):
        room += (ends[item] - starts[item]) // STEP
    hashes = np.empty(room, np.uint64)
    places, items = np.empty(room, np.int64), np.empty(room, np.int64)
    count = 0
    for item in range(len(ends)):
        for start in range(starts[item], ends[item] - STEP + 1, STEP):
            hashes[count], places[count], items[count] = _hash(codes, start), start, item
            count += 1
    return hashes, places, items


@njit(cache=True, nogil=True)
def _slot(key: np.uint64, room: int) -> np.int64:
    return np.int64((key * _MIX) >> np.uint64(24)) & np.int64(room - 1)


@njit(cache=True, nogil=True)
def _lookup(keys: Words) -> tuple[Places, Words]:
    room = 64
    while room < 2 * len(keys):
        room *= 2
    table, bits = np.zeros(room, np.int64), np.zeros(room // 4, np.uint64)
    for place in range(len(keys)):
        bit = _slot(keys[place], 64 * len(bits))
        bits[bit >> 6] |= np.uint64(1) << np.uint64(bit & 63)
        slot = _slot(keys[place], room)
        while table[slot]:
            slot = (slot + 1) & (room - 1)
        table[slot] = place + 1
    return table, bits


@njit(cache=True, nogil=True)
def _place_of(key: np.uint64, keys: Words, table: Places, bits: Words) -> np.int64:
    bit = _slot(key, 64 * len(bits))
    if not bits[bit >> 6] >> np.uint64(bit & 63) & np.uint64(1):
        return np.int64(-1)
    slot = _slot(key, len(table))
    while table[slot]:
        place = np.int64(table[slot] - 1)
        if keys[place] == key:
            return place
        slot = (slot + 1) & (len(table) - 1)
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _extended(
    codes: Codes, first: int, last: int, place: int,
    others: Codes, other_first: int, other_last: int, other: int,
) -> tuple[int, int]:  # fmt: skip
    """Return where the run around two equal places begins in `codes`, and its length."""
    before = 0
    while place - before > first and other - before > other_first:
        if codes[place - before - 1] != others[other - before - 1]:
            break
        before += 1
    after = 0
    while place + after < last and other + after < other_last:
        if codes[place + after] != others[other + after]:
            break
        after += 1
    return place - before, before + after


@njit(cache=True, nogil=True)
def _scan(
    codes: Codes, text_starts: Places, text_ends: Places,
    item_codes: Codes, item_starts: Places, item_ends: Places, num_grave: int,
    keys: Words, key_starts: Places, places: Places, item_of: Places, table: Places, bits: Words,
    items: Places, starts: Places, lengths: Places,
) -> None:  # fmt: skip
    leaving = np.uint64(1)
    for _ in range(STEP):
        leaving *= _FACTOR
    for text in range(len(items)):
        first, last = text_starts[text], text_ends[text]
        rolling = np.uint64(0)
        for end in range(first, last):
            rolling = rolling * _FACTOR + np.uint64(codes[end]) + np.uint64(1)
            if end - first >= STEP:
                rolling -= leaving * (np.uint64(codes[end - STEP]) + np.uint64(1))
            if end - first < STEP - 1:
                continue
            place = _place_of(rolling, keys, table, bits)
            if place < 0:
                continue
            for posting in range(key_starts[place], key_starts[place + 1]):
                item = item_of[posting]
                start, length = _extended(
                    codes, first, last, end - STEP + 1,
                    item_codes, item_starts[item], item_ends[item], places[posting],
                )  # fmt: skip
                if length < RUN:
                    continue
                best = items[text]
                is_better = best < 0
                if not is_better and (item < num_grave) != (best < num_grave):
                    is_better = item < num_grave
                elif not is_better:
                    is_better = length > lengths[text]
                    is_better |= length == lengths[text] and item < best
                if is_better:
                    items[text], starts[text], lengths[text] = item, start - first, length
