"""Stars around kept records: a record is dropped only for one that it resembles itself.

No chains: where A resembles B and B resembles C, but A not C, either B is kept and both others are
dropped for it, or A is kept, B is dropped for it, and C is kept too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator


def stars(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield (dropped, kept) for pairs that say the same; the smaller a number, the better kept."""
    partners: dict[int, list[int]] = defaultdict(list)
    for left, right in pairs:
        partners[left].append(right)
        partners[right].append(left)
    gone: set[int] = set()
    for kept in sorted(partners):
        if kept not in gone:
            for other in sorted(partners[kept]):
                if other > kept and other not in gone:
                    gone.add(other)
                    yield other, kept
