"""MinHash signatures by datasketch, and the bands under which similar records meet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    import numpy as np

PERMUTATIONS = 128
BANDS, BAND_ROWS = 16, 8  # S-curve midpoint (1/16)^(1/8) = .71, below the threshold of .8
SEED = 1


def band_hashes(shingle_sets: Iterable[set[str]]) -> list[list[int]]:
    """Return one list of `BANDS` 64-bit hashes per shingle set; equal bands mean likely similar."""
    from datasketch import MinHash

    encoded = ([shingle.encode() for shingle in sorted(one)] for one in shingle_sets)
    signatures = MinHash.generator(
        encoded, num_perm=PERMUTATIONS, seed=SEED, hashfunc=xxhash.xxh32_intdigest
    )
    return [_bands(signature.hashvalues) for signature in signatures]


def _bands(values: np.ndarray) -> list[int]:
    rows = values.astype("<u8").reshape(BANDS, BAND_ROWS)
    return [xxhash.xxh64_intdigest(row.tobytes(), seed=band) for band, row in enumerate(rows)]
