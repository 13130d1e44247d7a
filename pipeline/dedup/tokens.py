"""How often the words of all texts occur, and their ideographs two by two: what proves a misprint.

Compiled; every compiled function of this module is called by this module alone: numba's cache would
not see that a callee elsewhere has changed.
"""
# mypy: disable-error-code="arg-type, assignment, no-any-return, return-value"

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.text.letters import letters

if TYPE_CHECKING:
    from pipeline.dedup.records import Records

Codes: TypeAlias = NDArray[np.uint32]
Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Counts: TypeAlias = NDArray[np.uint16]

# As in pipeline/text/fold.py: numba's cache would not see a constant change elsewhere.
LETTER, IDEOGRAPH = 1, 4
VOCABULARY_BITS = 23
MOST_COUNTED = 65535  # a token that occurs more often is as common as any
# Shorter words are not counted: none of them is taken for a misprint. A kana is a syllable.
MIN_WORD_LETTERS, MIN_KANA = 4, 3
TOKENS_AT_A_TIME = 2048  # counted; 8 KiB
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(64 - VOCABULARY_BITS)


def count_tokens(records: Records, counts: Counts) -> NDArray[np.uint32]:
    """Count the tokens of records in `counts` [2 ** VOCABULARY_BITS], each to MOST_COUNTED.

    Returns the slots that were zero before and are not any more.
    """
    folded = records.folded
    slots = np.empty(int(folded.ends[-1]) + 1, np.uint32)
    count = _count_tokens(
        folded.codes, folded.ends, records.options, records.answers, letters().kinds, counts, slots
    )  # fmt: skip
    return slots[:count]


@njit(cache=True, nogil=True)
def _count_tokens(
    codes: Codes, ends: Places, options: Places, answers: Places, kinds: Bytes,
    counts: Counts, slots: Codes,
) -> int:  # fmt: skip
    """Count tokens some thousand at a time: the processor then waits for many counters at once."""
    longest = 0
    for piece in range(len(ends) - 1):
        longest = max(longest, ends[piece + 1] - ends[piece])
    found = np.empty(TOKENS_AT_A_TIME + longest, np.uint32)
    num_slots = num_found = np.int64(0)
    for record in range(len(options) - 1):
        has_options = options[record + 1] > options[record]
        pieces = options if has_options else answers
        for number in range(pieces[record] - 1, pieces[record + 1]):
            piece = record if number < pieces[record] else number
            num_found = _find_tokens(codes[ends[piece] : ends[piece + 1]], kinds, found, num_found)
            if num_found >= TOKENS_AT_A_TIME:
                num_slots = _add_tokens(found[:num_found], counts, slots, num_slots)
                num_found = np.int64(0)
    return _add_tokens(found[:num_found], counts, slots, num_slots)


@njit(cache=True, nogil=True)
def _add_tokens(found: Codes, counts: Counts, slots: Codes, num_slots: int) -> int:
    """Add to the counts of these slots; return the new number of slots with a count."""
    for place in range(len(found)):
        slot = found[place]
        count = counts[slot]
        slots[num_slots] = slot
        num_slots += count == 0
        counts[slot] = count + (count < MOST_COUNTED)
    return num_slots


@njit(cache=True, nogil=True)
def _find_tokens(piece: Codes, kinds: Bytes, found: Codes, num_found: int) -> int:
    """Append the slots of the words of a piece, and of its ideographs two by two.

    Everything is in this one loop on purpose: a call for each token took twice the time.
    """
    place, end = 0, len(piece)
    while place < end:
        code = piece[place]
        kind = kinds[code]
        word, length = np.uint64(0), 0
        while kind == LETTER:
            word = (word + np.uint64(code) + np.uint64(1)) * _FACTOR
            word ^= word >> np.uint64(29)
            length += 1
            place += 1
            code = piece[place] if place < end else np.uint32(0)
            kind = kinds[code]
        if length >= MIN_WORD_LETTERS:
            found[num_found] = (word * _MIX) >> _SHIFT
            num_found += 1
        before = np.uint64(0)  # the hash of the ideograph right before
        word, length = np.uint64(0), 0
        while kind == IDEOGRAPH:
            is_kana = code >= 0x30A1 and code <= 0x30FC
            if before and not (is_kana and length):
                pair = (before + np.uint64(code) + np.uint64(1)) * _FACTOR
                pair ^= pair >> np.uint64(29)
                found[num_found] = (pair * _MIX) >> _SHIFT
                num_found += 1
            if is_kana:
                word = (word + np.uint64(code) + np.uint64(1)) * _FACTOR
                word ^= word >> np.uint64(29)
                length += 1
            elif length:
                if length >= MIN_KANA:
                    found[num_found] = (word * _MIX) >> _SHIFT
                    num_found += 1
                word, length = np.uint64(0), 0
            before = (np.uint64(code) + np.uint64(1)) * _FACTOR
            before ^= before >> np.uint64(29)
            place += 1
            code = piece[place] if place < end else np.uint32(0)
            kind = kinds[code]
        if length >= MIN_KANA:
            found[num_found] = (word * _MIX) >> _SHIFT
            num_found += 1
        while place < end and kind != LETTER and kind != IDEOGRAPH:
            place += 1
            kind = kinds[piece[place]] if place < end else np.uint8(0)
    return num_found
