"""MinHash signatures, bit-equal to datasketch's, and the bands under which similar records meet.

Made here, not by datasketch, which loads scipy: most of a second in each process, as long as all
signatures of a small build take. The tests hold both against each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PERMUTATIONS = 128
BANDS, BAND_ROWS = 16, 8  # S-curve midpoint (1/16)^(1/8) = .71, below the threshold of .8
SEED = 1


def band_hashes(shingle_sets: Iterable[set[str]]) -> list[list[int]]:
    """Return one list of `BANDS` 64-bit hashes per shingle set; equal bands mean likely similar."""
    return [_bands(signature(one)) for one in shingle_sets]


def signature(shingles: set[str]) -> NDArray[np.uint32]:
    """Return the MinHash of a set: `datasketch.MinHash`, 32-bit affine permutations, xxh32."""
    import numpy as np

    hashes = list(map(xxhash.xxh32_intdigest, map(str.encode, shingles)))
    if not hashes:
        return np.full(PERMUTATIONS, 0xFFFFFFFF, dtype=np.uint32)
    factors, offsets = _permutations()
    mixed = _mixed(np.array(hashes, dtype=np.uint32)).reshape(-1, 1)
    permuted: NDArray[np.uint32] = mixed * factors + offsets  # wraps around, as it should
    lowest: NDArray[np.uint32] = permuted.min(axis=0)
    return lowest


@cache
def _permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    import numpy as np

    random = np.random.RandomState(SEED)
    halves = random.randint(0, 1 << 31, PERMUTATIONS, dtype=np.uint32)
    offsets = random.randint(0, 1 << 32, PERMUTATIONS, dtype=np.uint32)
    return halves * np.uint32(2) + np.uint32(1), offsets  # an odd factor makes it a permutation


def _mixed(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the hashes through the finalizer of MurmurHash3."""
    import numpy as np

    hashes = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    hashes = (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return hashes ^ (hashes >> np.uint32(16))


def _bands(values: NDArray[np.uint32]) -> list[int]:
    rows = values.astype("<u8").reshape(BANDS, BAND_ROWS)
    return [xxhash.xxh64_intdigest(row.tobytes(), seed=band) for band, row in enumerate(rows)]
