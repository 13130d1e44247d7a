"""Letters with their accents by themselves, and voiced half-width kana, put together.

The compiled fold looks at one character at a time and does not do that. Few texts need it, so they
are looked for in the bytes of a whole column first.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from numba import njit
from numpy.typing import NDArray

_DECOMPOSED = re.compile("[\u0300-\u036f\u3099\u309a\uff9e\uff9f]")
_HALF_WIDTH = re.compile("[\uff66-\uff9f]+")


def is_decomposed(text: str) -> bool:
    """Tell whether a text has such characters."""
    return _DECOMPOSED.search(text) is not None


def compose(text: str) -> str:
    """Return a text in which they are put together."""
    halves = _HALF_WIDTH.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return unicodedata.normalize("NFC", halves)


def decomposed(data: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which texts of a column of UTF-8 have such characters."""
    found = np.zeros(len(starts) - 1, np.uint8)
    ends = starts[[0, -1]]  # all at once, as if they were one text
    ends.flags.writeable = False  # as those of a column: numba compiles for each kind
    _find(data, ends, found[:1])
    if found[:1].any():
        _find(data, starts, found)
    return np.flatnonzero(found)


@njit(cache=True, nogil=True)
def _find(data: NDArray[np.uint8], starts: NDArray[np.int64], found: NDArray[np.uint8]) -> None:
    """Tell of each text whether it has one of U+0300 to 036F, 3099, 309A, FF9E and FF9F."""
    for text in range(len(starts) - 1):
        piece = data[starts[text] : starts[text + 1]]
        is_found = np.uint8(0)
        for place in range(len(piece) - 1):
            first, second = piece[place], piece[place + 1]
            is_found |= (first == 0xCC) | ((first == 0xCD) & (second < 0xB0))
        for place in range(len(piece) - 2):
            first, second, third = piece[place], piece[place + 1], piece[place + 2]
            is_found |= (first == 0xE3) & (second == 0x82) & ((third == 0x99) | (third == 0x9A))
            is_found |= (first == 0xEF) & (second == 0xBE) & ((third == 0x9E) | (third == 0x9F))
        found[text] = is_found
