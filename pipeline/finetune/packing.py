"""Put documents of given lengths into packs of a fixed capacity.

Two packers: one takes documents in the given (shuffled) order and keeps a few packs open, so that
each pack is a random sample of the documents; the other is exact best-fit-decreasing, which wastes
least, but puts long documents with long ones and short with short. `docs/measurements.md` compares
them.

Every compiled function of this module is called by this module alone: numba's cache would not see
that a callee elsewhere has changed.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.finetune.jit import njit

Ints: TypeAlias = NDArray[np.int32]
Places: TypeAlias = NDArray[np.int64]

OPEN_PACKS = 64
FULL = 4  # tokens left over in a pack that counts as full; 4 to 8 are best for 2,048 to 16,384
_BLOCK = 64  # rooms per block of the index of rooms
_BITS = 32  # of a key, for the pack's number; the rest is its room
_NONE = -1


class Packs(NamedTuple):
    """Pack p holds `documents[offsets[p] : offsets[p + 1]]`, which are places in `lengths`."""

    offsets: Places  # [packs + 1]
    documents: Ints


def fit_in_order(lengths: Ints, capacity: int) -> Packs:
    """Pack documents of 1 to `capacity` tokens in the order in which they come.

    A document goes to the open pack that holds it most tightly if it fills that one, else to the
    roomiest. Plain best fit, which always takes the tightest, strands packs with a room that no
    document has, and loses up to .006 of efficiency. Where no open pack holds the document, one
    more opens, in place of the fullest when `OPEN_PACKS` are open.
    """
    shortest = int(lengths.min(initial=capacity))
    pack_of, num_packs = _fit_in_order(lengths, capacity, shortest, OPEN_PACKS, FULL)
    return Packs(*_grouped(pack_of, num_packs))


def fit_decreasing(lengths: Ints, capacity: int) -> Packs:
    """Pack documents of 1 to `capacity` tokens by best-fit-decreasing over all of them, exactly.

    Documents of one length are alike, and so are packs of one room, so whole groups of them are
    matched at once: time grows with the documents only where they are counted and written down.
    """
    return Packs(*_fit_decreasing(lengths, capacity))


@njit
def _first_at_least(keys: list[int], wanted: int) -> int:
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def _fit_in_order(
    lengths: Ints, capacity: int, shortest: int, num_open: int, full: int
) -> tuple[Ints, int]:
    pack_of = np.empty(len(lengths), np.int32)
    opened = [(capacity << _BITS)]  # keys of open packs, ascending: room, then number
    num_packs = 1
    for document in range(len(lengths)):
        wanted = int(lengths[document]) << _BITS
        place = _first_at_least(opened, wanted)
        if place == len(opened):
            if len(opened) == num_open:
                opened.pop(0)
            key = (capacity << _BITS) + num_packs
            num_packs += 1
        elif (opened[place] - wanted) >> _BITS <= full:
            key = opened.pop(place)
        else:
            key = opened.pop()
        pack_of[document] = key & ((1 << _BITS) - 1)
        key -= wanted
        if key >> _BITS >= shortest:
            opened.insert(_first_at_least(opened, key), key)
    return pack_of, num_packs


@njit
def _longest_first(lengths: Ints, capacity: int) -> tuple[Places, Ints]:
    """Return how many documents have each length, and the documents, longest first."""
    counts = np.zeros(capacity + 1, np.int64)
    for document in range(len(lengths)):
        counts[lengths[document]] += 1
    places = np.zeros(capacity + 1, np.int64)
    for length in range(capacity - 1, -1, -1):
        places[length] = places[length + 1] + counts[length + 1]
    order = np.empty(len(lengths), np.int32)
    for document in range(len(lengths)):
        length = lengths[document]
        order[places[length]] = document
        places[length] += 1
    return counts, order


@njit
def _tightest(newest: Places, in_block: Places, length: int) -> int:
    """Return the least room of a pack that holds `length`, or -1."""
    block = length // _BLOCK
    room = length
    while room < (block + 1) * _BLOCK:
        if newest[room] != _NONE:
            return room
        room += 1
    block += 1
    while block < len(in_block) and in_block[block] == 0:
        block += 1
    if block == len(in_block):
        return _NONE
    room = block * _BLOCK
    while newest[room] == _NONE:
        room += 1
    return room


@njit
def _matched(counts: Places, capacity: int) -> tuple[list[tuple[int, int, int]], int]:
    """Return runs of packs that take as many documents each, longest first, and all packs."""
    num_blocks = capacity // _BLOCK + 1
    # Groups of packs that have the same room: first pack, packs, the next older group of that room.
    first, size, older = [0], [0], [_NONE]
    newest = np.full(num_blocks * _BLOCK, _NONE, np.int64)
    in_block = np.zeros(num_blocks, np.int64)
    runs = [(0, 0, 0)]  # first pack, packs, documents for each
    num_packs = 0
    for length in range(capacity, 0, -1):
        left = int(counts[length])
        while left > 0:
            room = _tightest(newest, in_block, length)
            if room == _NONE:
                per_pack = capacity // length
                opened = (left + per_pack - 1) // per_pack
                begin, available, room = num_packs, opened, capacity
                num_packs += opened
            else:
                group = int(newest[room])
                begin, available = first[group], size[group]
                newest[room] = older[group]
                in_block[room // _BLOCK] -= 1
            each = min(room // length, left)
            taken = min(available, left // each)
            runs.append((begin, taken, each))
            left -= taken * each
            for start, number, space in (
                (begin, taken, room - each * length),
                (begin + taken, available - taken, room),
            ):
                if number > 0 and space > 0:
                    first.append(start)
                    size.append(number)
                    older.append(int(newest[space]))
                    newest[space] = len(first) - 1
                    in_block[space // _BLOCK] += 1
    return runs, num_packs


@njit
def _fit_decreasing(lengths: Ints, capacity: int) -> tuple[Places, Ints]:
    counts, order = _longest_first(lengths, capacity)
    runs, num_packs = _matched(counts, capacity)
    offsets = np.zeros(num_packs + 1, np.int64)
    for begin, number, each in runs:
        for pack in range(begin, begin + number):
            offsets[pack + 1] += each
    for pack in range(num_packs):
        offsets[pack + 1] += offsets[pack]
    places = offsets[:-1].copy()
    documents = np.empty(len(lengths), np.int32)
    done = 0
    for begin, number, each in runs:
        for pack in range(begin, begin + number):
            place = places[pack]
            for document in range(each):
                documents[place + document] = order[done + document]
            places[pack] = place + each
            done += each
    return offsets, documents


@njit
def _grouped(pack_of: Ints, num_packs: int) -> tuple[Places, Ints]:
    offsets = np.zeros(num_packs + 1, np.int64)
    for document in range(len(pack_of)):
        offsets[pack_of[document] + 1] += 1
    for pack in range(num_packs):
        offsets[pack + 1] += offsets[pack]
    places = offsets[:-1].copy()
    documents = np.empty(len(pack_of), np.int32)
    for document in range(len(pack_of)):
        pack = pack_of[document]
        documents[places[pack]] = document
        places[pack] += 1
    return offsets, documents
