"""Stars around kept records: a record is dropped only for one that it resembles itself.

No chains: where A resembles B and B resembles C, but A not C, either B is kept and both others are
dropped for it, or A is kept, B is dropped for it, and C is kept too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def stars(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield (dropped, kept) for pairs that say the same; the smaller a number, the better kept.

    The smaller number comes first in each pair.
    """
    gone: set[int] = set()
    for kept, other in sorted(pairs):  # whoever could drop `kept` has come before
        if kept not in gone and other not in gone:
            gone.add(other)
            yield other, kept
