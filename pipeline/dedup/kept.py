"""Folded records that stay in memory, so that candidates need not be folded twice.

Kept chunk by chunk and in half the room: a code point over 65,535 is rare in folded text, and only
a chunk that has one stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.dedup.records import Records
from pipeline.text.folded import Folded

Places: TypeAlias = NDArray[np.int64]

_BLOCKS = range(4)  # of pieces: questions, contexts, options, answers


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of records; its pieces are numbered as those of `Records` are."""

    codes: NDArray[Any]  # uint16 or uint32
    ends: Places
    options: Places
    answers: Places
    languages: NDArray[np.uint8]
    seeds: NDArray[np.uint64]

    @classmethod
    def of(cls, records: Records) -> Chunk:
        """Return records as they are kept."""
        folded = records.folded
        codes = folded.codes[: folded.ends[-1]]
        is_narrow = not len(codes) or codes.max() <= np.iinfo(np.uint16).max
        return cls(
            codes.astype(np.uint16 if is_narrow else np.uint32),
            folded.ends,
            records.options,
            records.answers,
            records.languages,
            records.seeds,
        )

    def pieces(self, own: Places, block: int) -> Places:
        """Return the pieces of one block of these records."""
        if block < 2:
            return own + block * len(self.languages)
        return _ranges((self.options, self.answers)[block - 2], own)

    def counts(self, own: Places, block: int) -> Places:
        """Return how many options, or answers, each of these records has."""
        first = (self.options, self.answers)[block - 2]
        return first[own + 1] - first[own]


class KeptRecords:
    """Records in their order, of which any can be had again."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        """Take the chunks of all records, one after another."""
        self._chunks = [*chunks]
        lengths = [len(chunk.languages) for chunk in self._chunks]
        self._starts = np.cumsum([0, *lengths])

    def select(self, numbers: Places) -> Records:
        """Return the records of these sorted numbers."""
        bounds = np.searchsorted(numbers, self._starts).tolist()
        own = [
            (chunk, numbers[start:end] - first)
            for chunk, first, start, end in zip(
                self._chunks, self._starts, bounds[:-1], bounds[1:], strict=False
            )
            if end > start
        ]
        parts = [(chunk, chunk.pieces(local, block)) for block in _BLOCKS for chunk, local in own]
        counts = [
            np.concatenate([np.empty(0, np.int64), *(one.counts(own, block) for one, own in own)])
            for block in _BLOCKS[2:]
        ]
        first_option = 2 * len(numbers)
        options = first_option + np.append(0, np.cumsum(counts[0]))
        answers = options[-1] + np.append(0, np.cumsum(counts[1]))
        return Records(
            _copied(parts),
            options,
            answers,
            np.concatenate([np.empty(0, np.uint8), *(one.languages[at] for one, at in own)]),
            np.concatenate([np.empty(0, np.uint64), *(one.seeds[at] for one, at in own)]),
        )


def _ranges(first: Places, own: Places) -> Places:
    """Return all numbers from `first[n]` to `first[n + 1]`, for each of these n."""
    counts = first[own + 1] - first[own]
    ends = np.cumsum(counts)
    starts: Places = np.repeat(first[own] - (ends - counts), counts)
    return starts + np.arange(len(starts))


def _copied(parts: list[tuple[Chunk, Places]]) -> Folded:
    """Return these pieces of chunks, one after another."""
    lengths = [chunk.ends[pieces + 1] - chunk.ends[pieces] for chunk, pieces in parts]
    ends = np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths]))
    codes = np.empty(ends[-1], np.uint32)
    done = 0
    for chunk, pieces in parts:
        _copy(chunk.codes, chunk.ends, pieces, codes[ends[done] :])
        done += len(pieces)
    return Folded(codes, ends)


@njit(cache=True, nogil=True)
def _copy(codes: NDArray[Any], ends: Places, pieces: Places, out: NDArray[np.uint32]) -> None:
    """Write these pieces, one after another."""
    length = 0
    for piece in pieces:
        start, size = ends[piece], ends[piece + 1] - ends[piece]
        own, to = codes[start : start + size], out[length : length + size]
        for step in range(size):
            to[step] = own[step]
        length += size
