"""Token pools that tests draw, as arrays alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.finetune.plan import Plan, plan

CAPACITY = 96


@dataclass(frozen=True)
class DrawnPool:
    """What collation needs of a pool, and what planning does."""

    tokens: NDArray[Any]
    offsets: NDArray[np.int64]
    span_offsets: NDArray[np.int64]
    spans: NDArray[np.int32]

    @property
    def lengths(self) -> NDArray[np.int32]:
        return np.diff(self.offsets).astype(np.int32)

    @property
    def supervised(self) -> NDArray[np.int32]:
        before = np.concatenate([[0], np.cumsum(self.spans[:, 1] - self.spans[:, 0])])
        return np.diff(before[self.span_offsets]).astype(np.int32)

    def plan(self, capacity: int = CAPACITY, packs_per_step: int = 4, seed: int = 0) -> Plan:
        return plan(
            self.lengths,
            self.supervised,
            seed=seed,
            epoch=0,
            capacity=capacity,
            packs_per_step=packs_per_step,
        )


def pool_of(items: list[tuple[int, list[tuple[int, int]]]], dtype: str = "int32") -> DrawnPool:
    """Return a pool of items of given lengths and spans, whose tokens count from 1."""
    lengths = [length for length, _ in items]
    spans = [span for _, of_item in items for span in of_item]
    return DrawnPool(
        tokens=np.arange(1, sum(lengths) + 1).astype(dtype),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        span_offsets=np.cumsum([0, *(len(of_item) for _, of_item in items)]).astype(np.int64),
        spans=np.array(spans, np.int32).reshape(-1, 2),
    )


@st.composite
def an_item(draw: st.DrawFn, longest: int) -> tuple[int, list[tuple[int, int]]]:
    """Draw a length and spans: none, several, touching ones, up to the end."""
    length = draw(st.one_of(st.integers(1, longest), st.sampled_from([1, 2, longest])))
    if length == 1:
        return length, []
    bounds = sorted(draw(st.sets(st.integers(1, length), max_size=8)))
    spans = list(zip(bounds[::2], bounds[1::2], strict=False))
    if draw(st.booleans()):
        spans = list(pairwise(bounds))
    return length, spans


def pools(longest: int = CAPACITY) -> st.SearchStrategy[DrawnPool]:
    """Draw pools of both widths of token."""
    items = st.lists(an_item(longest), min_size=1, max_size=40)
    return st.builds(pool_of, items, st.sampled_from(["uint16", "int32"]))
