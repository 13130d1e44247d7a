"""A plan takes each item as often as asked, alike on every rank, in shapes that hold every pack."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.finetune.balance import attention_costs
from pipeline.finetune.plan import EMPTY, Order, Plan, join, plan
from tests.pipeline.finetune.drawn import CAPACITY, DrawnPool, pool_of, pools

LENGTHS = np.arange(1, 60, dtype=np.int32)


@given(pool=pools(), seed=st.integers(0, 2**63), order=st.sampled_from(["mixed", "exact"]))
@settings(deadline=None)
def test_each_item_lies_in_one_pack_and_each_pack_in_one_step(
    pool: DrawnPool, seed: int, order: Order
) -> None:
    made = plan(
        pool.lengths,
        pool.supervised,
        seed=seed,
        epoch=1,
        capacity=CAPACITY,
        packs_per_step=4,
        order=order,
    )
    assert sorted(made.docs[made.docs != EMPTY].tolist()) == list(range(len(pool.lengths)))
    in_steps = made.steps[made.steps != EMPTY]
    assert sorted(in_steps.tolist()) == list(range(made.num_packs))
    assert (made.steps[:-1] != EMPTY).all()
    assert made.supervised.sum() == pool.supervised.sum()
    assert made.num_tokens.sum() == pool.lengths.sum()
    assert (made.num_tokens <= CAPACITY).all()
    for step, packs in enumerate(made.steps):
        documents = made.docs[packs[packs != EMPTY]]
        assert made.supervised[step] == pool.supervised[documents[documents != EMPTY]].sum()


@given(pool=pools())
@settings(deadline=None)
def test_shapes_hold_every_pack_and_no_shape_is_fixed(pool: DrawnPool) -> None:
    made = pool.plan()
    assert made.max_length % 64 == 0
    assert pool.lengths.max() <= made.max_length < pool.lengths.max() + 64
    assert made.num_targets.max() <= made.max_supervised < made.num_targets.max() + 257
    assert made.max_docs % 8 == 0
    pieces = -(-(CAPACITY - made.num_tokens) // made.max_length)
    assert (made.num_docs + pieces <= made.max_docs).all()


@given(pool=pools(), world=st.sampled_from([1, 2, 4]))
@settings(deadline=None)
def test_the_packs_of_a_step_are_the_same_for_any_number_of_ranks(
    pool: DrawnPool, world: int
) -> None:
    made = pool.plan(packs_per_step=8)
    for step in range(made.num_steps):
        shares = [made.assign(step, rank, world) for rank in range(world)]
        assert {len(share) for share in shares} == {8 // world}
        assert sorted(np.concatenate(shares).tolist()) == sorted(made.steps[step].tolist())


def test_many_short_items_fit_in_a_pack() -> None:
    made = pool_of([(2, [(1, 2)])] * 5_000).plan(capacity=1024)
    assert made.efficiency > 0.97
    assert made.max_docs == 512


def test_seed_and_epoch_change_the_plan_and_nothing_else_does() -> None:
    digests = [_plan(LENGTHS, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(digests)) == 4
    assert _plan(LENGTHS, seed=0, epoch=0) == digests[0]


def test_the_plan_of_an_epoch_is_what_it_was() -> None:
    """A digest of before: a run that goes on must find its plan, whatever is installed."""
    assert _plan(LENGTHS, seed=3, epoch=2).startswith("9badbc582ff55996")


def test_items_are_taken_as_often_as_they_are_named() -> None:
    indices = np.array([3, 3, 3, 7], np.int32)
    made = _made(LENGTHS, indices=indices)
    assert sorted(made.docs[made.docs != EMPTY].tolist()) == [3, 3, 3, 7]


def test_epochs_join_into_one_plan_whose_steps_go_on_over_their_seams() -> None:
    epochs = [_made(LENGTHS, epoch=epoch) for epoch in range(3)]
    joined = join(epochs)
    assert joined.num_packs == sum(part.num_packs for part in epochs)
    assert (joined.steps[:-1] != EMPTY).all()
    assert joined.supervised.sum() == 3 * LENGTHS.sum()
    for name in ("max_docs", "max_length", "max_supervised"):
        assert getattr(joined, name) == max(getattr(part, name) for part in epochs)
    taken, times = np.unique(joined.docs[joined.docs != EMPTY], return_counts=True)
    assert taken.tolist() == list(range(len(LENGTHS)))
    assert set(times.tolist()) == {3}
    assert join(epochs[:1]).digest == epochs[0].digest


def test_packs_of_a_step_come_heaviest_first() -> None:
    made = _made(np.repeat(LENGTHS, 20))
    costs = attention_costs(made.squares, made.num_tokens, CAPACITY, made.max_length)
    assert (np.diff(costs[made.steps[:-1]], axis=1) <= 0).all()


def test_an_item_longer_than_a_pack_is_refused_in_one_line() -> None:
    with pytest.raises(InputError) as refusal:
        _made(np.array([5, CAPACITY + 1, 7, CAPACITY + 2], np.int32))
    assert str(refusal.value) == (
        "2 of 4 items are longer than a pack of 96 tokens, item 3 has 98. Raise `capacity`, or "
        "run `mmed tokenize` again with a maximum length of 96."
    )


def test_a_pool_without_items_is_refused() -> None:
    with pytest.raises(InputError, match="no item to pack"):
        _made(np.empty(0, np.int32))


def _plan(lengths: NDArray[np.int32], seed: int, epoch: int) -> str:
    return _made(lengths, seed=seed, epoch=epoch).digest


def _made(
    lengths: NDArray[np.int32],
    seed: int = 0,
    epoch: int = 0,
    indices: NDArray[np.int32] | None = None,
) -> Plan:
    """Return a plan of items that are supervised throughout, in packs of 96 tokens."""
    return plan(
        lengths,
        lengths,
        seed=seed,
        epoch=epoch,
        capacity=CAPACITY,
        packs_per_step=4,
        indices=indices,
    )
