"""Ranks share a step's packs evenly, and lose none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.finetune.balance import attention_costs, heaviest_first, snake


@given(st.data())
def test_ranks_differ_by_no_more_than_the_heaviest_pack(data: st.DataObject) -> None:
    world = data.draw(st.integers(1, 8))
    size = world * data.draw(st.integers(1, 6))
    costs = np.array(data.draw(st.lists(st.integers(0, 9**6), min_size=size, max_size=size)))
    step = heaviest_first(np.arange(size, dtype=np.int32)[None], costs, 0)[0]
    shares = [snake(step, rank, world) for rank in range(world)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(size))
    loads = [costs[share].sum() for share in shares]
    assert max(loads) - min(loads) <= costs.max()


def test_no_rank_always_takes_the_heavier_pack() -> None:
    costs = np.array([8, 7, 6, 5])
    step = heaviest_first(np.arange(4, dtype=np.int32)[None], costs, 0)[0]
    assert [costs[snake(step, rank, 2)].sum() for rank in range(2)] == [13, 13]


def test_padding_costs_as_much_as_the_pieces_that_it_is_cut_into() -> None:
    squares, num_tokens = np.array([25, 0]), np.array([5, 0], np.int32)
    found = attention_costs(squares, num_tokens, capacity=20, max_length=8)
    assert found.tolist() == [25 + 8**2 + 7**2, 8**2 + 8**2 + 4**2]


def test_an_empty_pack_has_its_place_by_cost() -> None:
    steps = np.array([[0, 1, -1]], np.int32)
    assert heaviest_first(steps, np.array([5, 9]), 7).tolist() == [[1, -1, 0]]


def test_ranks_that_cannot_share_evenly_are_refused() -> None:
    with pytest.raises(InputError, match="6 packs, which 4 processes cannot share"):
        snake(np.arange(6, dtype=np.int32), 0, 4)
