"""How much of an item's text stands in another: character n-grams in a stretch of like length.

A probe is a text that is looked for. Candidates come from an index of each probe's rarest shingles:
a text that holds a share t of n shingles holds at least m of any n - tn + m of them. Shingles must
stand near each other, or a long text would hold all of a short question.

Compiled; every compiled function of this module is called by this module alone: numba's cache
would not see that a callee elsewhere has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.contamination.streams import Streams

Codes: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = NDArray[np.int32]
Words: TypeAlias = NDArray[np.uint64]
Shares: TypeAlias = NDArray[np.float64]
Truths: TypeAlias = NDArray[np.bool_]

STRETCH = 1.5  # of the probe's length, in which its shingles must stand: options come in any order
_LEAST_HITS, _HITS_PER_SHINGLE = 2, 0.1  # m of a probe: more hits make fewer candidates to compare
_FREQUENCY_BITS, _MOST_FREQUENT = 22, 255
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)


@dataclass(frozen=True, slots=True)
class Probes:
    """Texts that are looked for; several may belong to one item, and several pieces to a probe."""

    pieces: Streams
    first_pieces: Places
    end_pieces: Places
    sizes: Bytes  # n of the n-grams
    languages: Bytes
    is_short: Truths  # says little, so it must make out the other text, not only stand in it
    is_stem: Truths  # of a question that is known by its options: they must stand there too
    items: Places  # what each stands for; of two the smaller number is told
    num_grave: int  # items below this number are told before the others


@dataclass(frozen=True, slots=True)
class Index:
    """Shingles of probes, and an inverted index of the rarest."""

    probes: Probes
    threshold: float
    shingles: Codes  # the different ones of each probe
    ends: Places
    lengths: Places  # of each probe's text, in shingles with repeats
    heads: Places  # of its different shingles, those that are not from the options alone
    hits: Places  # rare shingles of a probe that make a text a candidate
    keys: Codes  # open addressing
    starts: Numbers  # [len(keys) + 1] in `postings`
    postings: Numbers
    filter: Words  # bits of the keys


def make_index(probes: Probes, threshold: float) -> Index:
    """Return an index of probes; another text must hold the threshold's share of one."""
    ends = probes.pieces.ends
    room = int((ends[probes.end_pieces] - ends[probes.first_pieces]).sum())
    shingles, num_probes = np.empty(room, np.uint32), len(probes.items)
    shingle_ends = np.zeros(num_probes + 1, np.int64)
    lengths, heads = np.zeros(num_probes, np.int64), np.zeros(num_probes, np.int64)
    _probe_shingles(
        probes.pieces.codes, ends, probes.first_pieces, probes.end_pieces, probes.sizes,
        probes.languages, shingles, shingle_ends, lengths, heads,
    )  # fmt: skip
    counts = np.diff(shingle_ends)
    needed = np.ceil(threshold * counts - 1e-9).astype(np.int64)
    hits = np.maximum(_LEAST_HITS, (counts * _HITS_PER_SHINGLE).astype(np.int64))
    hits = np.minimum(hits, np.maximum(needed, 1))
    rare, rare_ends = _rarest(shingles, shingle_ends, counts - needed + hits)
    return Index(
        probes,
        threshold,
        shingles,
        shingle_ends,
        lengths,
        heads,
        hits,
        *_inverted(rare, rare_ends),
    )


def best_contained(
    index: Index, pieces: Streams, first_pieces: Places, end_pieces: Places, sizes: Bytes,
    languages: Bytes,
) -> tuple[Places, Shares]:  # fmt: skip
    """Return, per text, the item of which it holds enough (-1 for none), and the share held.

    A text has pieces like a probe; those after the first are options.
    """
    items, shares = np.full(len(sizes), -1, np.int64), np.zeros(len(sizes), np.float64)
    _scan(
        pieces.codes, pieces.ends, first_pieces, end_pieces, sizes, languages,
        index.shingles, index.ends, index.lengths, index.heads, index.hits, index.threshold,
        index.probes.is_short, index.probes.is_stem, index.probes.items, index.probes.num_grave,
        index.keys, index.starts, index.postings, index.filter, items, shares,
    )  # fmt: skip
    return items, shares


@njit(cache=True, nogil=True)
def _hashes(
    codes: Codes, start: int, end: int, size: int, language: int, out: Codes, count: int
) -> int:
    """Append the hashes of a text's shingles; one no longer than `size` is its own one shingle."""
    leaving = np.uint64(1)
    for _ in range(size):
        leaving *= _FACTOR
    rolling = np.uint64(0)
    seed = np.uint64(language + 1) * _MIX_2
    for place in range(start, end):
        rolling = rolling * _FACTOR + np.uint64(codes[place]) + np.uint64(1)
        if place - start >= size:
            rolling -= leaving * (np.uint64(codes[place - size]) + np.uint64(1))
        if place - start >= size - 1 or place == end - 1:
            value = (rolling ^ seed) * _MIX_1
            value ^= value >> np.uint64(29)
            out[count] = np.uint32(value * _MIX_2 >> np.uint64(32))
            count += 1
    return count


@njit(cache=True, nogil=True)
def _room(most: int) -> int:
    room = 64
    while room < 2 * most:
        room *= 2
    return room


@njit(cache=True, nogil=True)
def _different(hashes: Codes, slots: Places, out: Codes, written: int) -> int:
    """Append each hash once to `out`; return the new length. `slots` knows what is there."""
    mask = len(slots) - 1
    for value in hashes:
        slot = np.int64(value) & mask
        while slots[slot] and out[slots[slot] - 1] != value:
            slot = (slot + 1) & mask
        if not slots[slot]:
            out[written] = value
            written += 1
            slots[slot] = written
    return written


@njit(cache=True, nogil=True)
def _probe_shingles(
    codes: Codes, piece_ends: Places, first_pieces: Places, end_pieces: Places, sizes: Bytes,
    languages: Bytes, shingles: Codes, ends: Places, lengths: Places, heads: Places,
) -> None:  # fmt: skip
    """Write each probe's different shingles, those of its first piece before all others."""
    longest = 1
    for probe in range(len(sizes)):
        first, last = first_pieces[probe], end_pieces[probe]
        longest = max(longest, piece_ends[last] - piece_ends[first])
    scratch, slots = np.empty(longest, np.uint32), np.empty(_room(longest), np.int64)
    written = 0
    for probe in range(len(sizes)):
        first, last = first_pieces[probe], end_pieces[probe]
        own_slots = slots[: _room(piece_ends[last] - piece_ends[first])]
        own_slots[:] = 0
        for piece in range(first, last):
            start, end = piece_ends[piece], piece_ends[piece + 1]
            count = _hashes(codes, start, end, sizes[probe], languages[probe], scratch, 0)
            written = _different(scratch[:count], own_slots, shingles, written)
            lengths[probe] += count
            if piece == first:
                heads[probe] = written - ends[probe]
        ends[probe + 1] = written


@njit(cache=True, nogil=True)
def _rarest(shingles: Codes, ends: Places, wanted: Places) -> tuple[Codes, Places]:
    """Return as many of each probe's shingles as are wanted, the rarest among all probes'."""
    mask = np.uint32((1 << _FREQUENCY_BITS) - 1)
    frequency = np.zeros(1 << _FREQUENCY_BITS, np.uint8)
    for value in shingles[: ends[-1]]:
        slot = value & mask
        if frequency[slot] < _MOST_FREQUENT:
            frequency[slot] += np.uint8(1)
    rare, rare_ends = np.empty(wanted.sum(), np.uint32), np.zeros(len(ends), np.int64)
    written = 0
    of_frequency = np.empty(_MOST_FREQUENT + 1, np.int64)
    for probe in range(len(wanted)):
        own = shingles[ends[probe] : ends[probe + 1]]
        of_frequency[:] = 0
        for value in own:
            of_frequency[frequency[value & mask]] += 1
        limit, left = 0, wanted[probe]
        while limit < _MOST_FREQUENT and of_frequency[limit] < left:
            left -= of_frequency[limit]
            limit += 1
        for value in own:
            times = frequency[value & mask]
            if times > limit or (times == limit and left == 0):
                continue
            left -= times == limit
            rare[written] = value
            written += 1
        rare_ends[probe + 1] = written
    return rare[:written], rare_ends


@njit(cache=True, nogil=True)
def _inverted(rare: Codes, rare_ends: Places) -> tuple[Codes, Numbers, Numbers, Words]:
    """Return a table of the shingles, where the probes of each begin, the probes, a filter."""
    keys = np.zeros(_room(len(rare)), np.uint32)
    starts = np.zeros(len(keys) + 1, np.int32)
    bits = np.zeros(len(keys) // 8, np.uint64)
    places = np.empty(len(rare), np.int64)
    mask = len(keys) - 1
    for number in range(len(rare)):
        value = int(rare[number])
        bits[(value >> 6) & (len(bits) - 1)] |= np.uint64(1) << np.uint64(value & 63)
        slot = value & mask
        while starts[slot + 1] and keys[slot] != value:
            slot = (slot + 1) & mask
        keys[slot] = value
        starts[slot + 1] += 1
        places[number] = slot
    for slot in range(len(keys)):
        starts[slot + 1] += starts[slot]
    postings, filled = np.empty(len(rare), np.int32), starts[:-1].copy()
    for probe in range(len(rare_ends) - 1):
        for number in range(rare_ends[probe], rare_ends[probe + 1]):
            postings[filled[places[number]]] = probe
            filled[places[number]] += 1
    return keys, starts, postings, bits


@njit(cache=True, nogil=True)
def _slot_of(value: int, keys: Codes, starts: Numbers, bits: Words) -> int:
    """Return the place of a shingle in the table, or -1."""
    word = bits[(value >> 6) & (len(bits) - 1)]
    if not word >> np.uint64(value & 63) & np.uint64(1):
        return -1
    slot = value & (len(keys) - 1)
    while starts[slot + 1] > starts[slot]:
        if keys[slot] == value:
            return slot
        slot = (slot + 1) & (len(keys) - 1)
    return -1


@njit(cache=True, nogil=True)
def _most_together(
    hashes: Codes, own: Codes, stretch: int, slots: Places, numbers: Places, times: Places
) -> int:
    """Return how many of a probe's shingles a stretch of these hashes holds at most."""
    mask = len(slots) - 1
    slots[:] = 0
    times[: len(own)] = 0
    for number in range(len(own)):
        slot = np.int64(own[number]) & mask
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = number + 1
    held = most = 0
    for place in range(len(hashes)):
        slot = np.int64(hashes[place]) & mask
        while slots[slot] and own[slots[slot] - 1] != hashes[place]:
            slot = (slot + 1) & mask
        number = slots[slot] - 1
        numbers[place] = number
        if number >= 0:
            held += times[number] == 0
            times[number] += 1
        if place >= stretch and numbers[place - stretch] >= 0:
            gone = numbers[place - stretch]
            times[gone] -= 1
            held -= times[gone] == 0
        most = max(most, held)
    return most


@njit(cache=True, nogil=True)
def _has_half(numbers: Places, first: int, end: int, times: Places) -> bool:
    """Tell whether at least half of a range of shingles is among those found."""
    times[first:end] = 0
    held = 0
    for number in numbers:
        if number >= first and times[number] == 0:
            times[number] = 1
            held += 1
    return 2 * held >= end - first


@njit(cache=True, nogil=True)
def _candidates(
    text: int, hashes: Codes, keys: Codes, starts: Numbers, postings: Numbers, bits: Words,
    hits: Places, seen_in: Numbers, counted_in: Places, counts: Places, candidates: Places,
) -> int:  # fmt: skip
    """Write the probes of which a text holds enough rare shingles; return how many there are.

    The arrays from `seen_in` on are by shingle and by probe: which text touched them last.
    """
    num_candidates = 0
    for value in hashes:
        slot = _slot_of(int(value), keys, starts, bits)
        if slot < 0 or seen_in[slot] == text:
            continue
        seen_in[slot] = text
        for posting in range(starts[slot], starts[slot + 1]):
            probe = postings[posting]
            if counted_in[probe] != text:
                counted_in[probe], counts[probe] = text, 0
            counts[probe] += 1
            if counts[probe] == hits[probe]:
                candidates[num_candidates] = probe
                num_candidates += 1
    return num_candidates


@njit(cache=True, nogil=True)
def _is_better(item: int, share: float, best: int, best_share: float, num_grave: int) -> bool:
    """Tell whether an item is to be told rather than the best until now, -1 for none."""
    if best < 0 or (item < num_grave) != (best < num_grave):
        return best < 0 or item < num_grave
    return share > best_share or (share == best_share and item < best)


@njit(cache=True, nogil=True)
def _scan(
    codes: Codes, piece_ends: Places, first_pieces: Places, end_pieces: Places, sizes: Bytes,
    languages: Bytes, shingles: Codes, ends: Places, lengths: Places, heads: Places, hits: Places,
    threshold: float, is_short: Truths, is_stem: Truths, items: Places, num_grave: int,
    keys: Codes, starts: Numbers, postings: Numbers, bits: Words,
    found: Places, shares: Shares,
) -> None:  # fmt: skip
    """Write the best item of each text: a grave one first, then by share, then by number."""
    longest, most_own = 1, 1
    for text in range(len(sizes)):
        first, last = first_pieces[text], end_pieces[text]
        longest = max(longest, piece_ends[last] - piece_ends[first])
    for probe in range(len(lengths)):
        most_own = max(most_own, ends[probe + 1] - ends[probe])
    hashes, numbers = np.empty(longest, np.uint32), np.empty(longest, np.int64)
    times, different = np.zeros(most_own, np.int64), np.empty(longest, np.uint32)
    slots = np.empty(_room(max(most_own, longest)), np.int64)
    seen_in = np.full(len(keys), -1, np.int32)
    counted_in, counts = np.full(len(lengths), -1, np.int64), np.zeros(len(lengths), np.int64)
    candidates = np.empty(len(lengths), np.int64)
    for text in range(len(sizes)):
        first, last, count = first_pieces[text], end_pieces[text], 0
        for piece in range(first, last):
            start, end = piece_ends[piece], piece_ends[piece + 1]
            count = _hashes(codes, start, end, sizes[text], languages[text], hashes, count)
        num_candidates = _candidates(
            text, hashes[:count], keys, starts, postings, bits, hits, seen_in, counted_in, counts,
            candidates,
        )  # fmt: skip
        num_different = 0
        for probe in candidates[:num_candidates]:
            own = shingles[ends[probe] : ends[probe + 1]]
            if is_short[probe]:
                if not num_different:
                    room = _room(count)
                    slots[:room] = 0
                    num_different = _different(hashes[:count], slots[:room], different, 0)
                if len(own) < threshold * num_different:
                    continue
            stretch = max(np.int64(STRETCH * lengths[probe]), lengths[probe] + sizes[text])
            room = _room(len(own))
            held = _most_together(hashes[:count], own, stretch, slots[:room], numbers, times)
            whole = len(own) + num_different - held if is_short[probe] else len(own)
            share = held / whole
            if share < threshold:
                continue
            has_both = is_stem[probe] and last - first > 1  # an open question has no options
            if has_both and not _has_half(numbers[:count], heads[probe], len(own), times):
                continue
            if _is_better(items[probe], share, found[text], shares[text], num_grave):
                found[text], shares[text] = items[probe], share
