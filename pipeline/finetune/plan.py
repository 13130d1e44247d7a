"""Which items lie in which pack, and which packs make which step: a pure function.

Every rank computes the same plan from lengths, seed and epoch, so nothing is broadcast and no rank
can run out of packs before another. Supervised tokens of a step are known before it runs, and a run
goes on from (digest of the plan, step) with any number of ranks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.finetune.balance import attention_costs, heaviest_first, snake
from pipeline.finetune.packing import Ints, Packs, Places, fit_decreasing, fit_in_order

Order: TypeAlias = Literal["mixed", "exact"]

EMPTY = -1  # a pack without documents in `steps`, and no document in `docs`
# What shapes are rounded up to, so that plans of like data share their compiled kernels.
DOCS_STEP, LENGTH_STEP, TARGETS_STEP = 8, 64, 256
_PACKERS = {"mixed": fit_in_order, "exact": fit_decreasing}


@dataclass(frozen=True, slots=True)
class Plan:
    """The packs of one stage, P of them, in S steps.

    `capacity`, `max_docs`, `max_length` and `max_supervised` are the shapes of every pack: tokens,
    documents (those that the padding is cut into among them), tokens of a document, and targets.
    """

    docs: Ints  # [P, widest], items of the pool in the order of the pack, then -1
    num_docs: Ints  # [P]
    num_tokens: Ints  # [P], without padding
    num_targets: Ints  # [P]
    squares: Places  # [P], sum of the squared lengths of the documents
    steps: Ints  # [S, packs_per_step], heaviest first; -1 is an empty pack, in the last step only
    supervised: Places  # [S], targets of the step on all ranks
    capacity: int
    max_docs: int
    max_length: int
    max_supervised: int
    efficiency: float  # share of the tokens of all packs that is no padding
    digest: str

    @property
    def num_packs(self) -> int:
        """Return how many packs hold documents."""
        return len(self.docs)

    @property
    def num_steps(self) -> int:
        """Return how many optimiser steps the plan has."""
        return len(self.steps)

    def documents(self, num_steps: int) -> Ints:
        """Return the items that the first steps take, those of several epochs again, [n]."""
        packs = self.steps[:num_steps]
        taken: Ints = self.docs[packs[packs != EMPTY]]
        documents: Ints = taken[taken != EMPTY]
        return documents

    def assign(self, step: int, rank: int, world: int) -> Ints:
        """Return the packs of a rank in a step; together those of all ranks are `steps[step]`."""
        return snake(self.steps[step], rank, world)


def plan(
    lengths: Ints,
    supervised: Ints,
    *,
    seed: int,
    epoch: int,
    capacity: int,
    packs_per_step: int,
    order: Order = "mixed",
    indices: Ints | None = None,
) -> Plan:
    """Plan one epoch over items of given lengths, of which `supervised` tokens are targets.

    `indices` names the items to take, some of them repeatedly or never (sampling weights); without
    it, each is taken once. An item longer than `capacity` is an `InputError`.
    """
    items = np.arange(len(lengths), dtype=np.int32) if indices is None else indices
    _check(lengths, items, capacity)
    bits = np.random.Philox(key=np.array([seed, epoch], np.uint64))
    items = items[_shuffled(len(items), bits)]
    packs = _PACKERS[order](lengths[items], capacity)
    documents = items[packs.documents]
    columns = _Columns(
        docs=_rows(packs, documents),
        num_docs=np.diff(packs.offsets).astype(np.int32),
        num_tokens=_sums(packs, lengths[documents]).astype(np.int32),
        num_targets=_sums(packs, supervised[documents]).astype(np.int32),
        squares=_sums(packs, lengths[documents].astype(np.int64) ** 2),
    )
    # The last packs are the emptiest, and exact ones lie by length.
    columns = columns.taken(_shuffled(len(columns.docs), bits))
    return _in_steps(columns, packs_per_step, capacity, _rounded(int(lengths.max()), LENGTH_STEP))


def join(plans: Sequence[Plan]) -> Plan:
    """Return one plan of successive epochs over the same items; steps go on across their seams."""
    first, width = plans[0], max(part.docs.shape[1] for part in plans)
    docs = [
        np.pad(part.docs, ((0, 0), (0, width - part.docs.shape[1])), constant_values=EMPTY)
        for part in plans
    ]
    columns = _Columns(
        docs=np.concatenate(docs),
        num_docs=np.concatenate([part.num_docs for part in plans]),
        num_tokens=np.concatenate([part.num_tokens for part in plans]),
        num_targets=np.concatenate([part.num_targets for part in plans]),
        squares=np.concatenate([part.squares for part in plans]),
    )
    return _in_steps(columns, first.steps.shape[1], first.capacity, first.max_length)


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is known of each pack before packs are put into steps; see `Plan`."""

    docs: Ints
    num_docs: Ints
    num_tokens: Ints
    num_targets: Ints
    squares: Places

    def taken(self, places: Ints) -> _Columns:
        return _Columns(*(getattr(self, name)[places] for name in self.__slots__))


def _check(lengths: Ints, items: Ints, capacity: int) -> None:
    if not len(items):
        raise InputError("there is no item to pack. Give a pool with items in this split.")
    longest = int(lengths.argmax())
    if lengths[longest] > capacity:
        number = int((lengths > capacity).sum())
        raise InputError(
            f"{number:,} of {len(lengths):,} items are longer than a pack of {capacity:,} tokens, "
            f"item {longest} has {lengths[longest]:,}. Raise `capacity`, or run `mmed tokenize` "
            f"again with a maximum length of {capacity}."
        )


def _shuffled(number: int, bits: np.random.Philox) -> Ints:
    """Return 0 to `number` - 1 in random order: random keys, sorted, hold the numbers below.

    Only a bit generator's raw output is the same in all versions of numpy, `permutation` is not.
    """
    width = np.uint64(number.bit_length())
    keys = bits.random_raw(number) >> width << width | np.arange(number, dtype=np.uint64)
    keys.sort()
    return (keys & ((np.uint64(1) << width) - np.uint64(1))).astype(np.int32)


def _rows(packs: Packs, documents: Ints) -> Ints:
    """Return the documents of each pack as a row, filled up with -1."""
    sizes = np.diff(packs.offsets)
    rows = np.full((len(sizes), int(sizes.max())), EMPTY, np.int32)
    rows[np.arange(rows.shape[1]) < sizes[:, None]] = documents
    return rows


def _sums(packs: Packs, values: NDArray[np.integer]) -> Places:
    return np.add.reduceat(values.astype(np.int64), packs.offsets[:-1])


def _in_steps(columns: _Columns, packs_per_step: int, capacity: int, max_length: int) -> Plan:
    num_packs = len(columns.docs)
    steps = np.full((-(-num_packs // packs_per_step), packs_per_step), EMPTY, np.int32)
    steps.reshape(-1)[:num_packs] = np.arange(num_packs)
    squares, num_tokens = np.append(columns.squares, 0), np.append(columns.num_tokens, 0)
    costs = attention_costs(squares, num_tokens.astype(np.int32), capacity, max_length)
    return Plan(
        docs=columns.docs,
        num_docs=columns.num_docs,
        num_tokens=columns.num_tokens,
        num_targets=columns.num_targets,
        squares=columns.squares,
        steps=heaviest_first(steps, costs[:-1], int(costs[-1])),
        supervised=np.append(columns.num_targets, 0)[steps].sum(axis=1, dtype=np.int64),
        capacity=capacity,
        max_docs=_max_docs(columns, capacity, max_length),
        max_length=max_length,
        max_supervised=_rounded(int(columns.num_targets.max()), TARGETS_STEP),
        efficiency=float(columns.num_tokens.sum(dtype=np.int64) / (num_packs * capacity)),
        digest=_digest(columns, packs_per_step, capacity, max_length),
    )


def _max_docs(columns: _Columns, capacity: int, max_length: int) -> int:
    """Return the most documents of a pack, pieces of its padding included.

    No document is longer than a piece, so an empty pack has no more pieces than this.
    """
    padding = capacity - columns.num_tokens
    return _rounded(int((columns.num_docs - (-padding // max_length)).max()), DOCS_STEP)


def _digest(columns: _Columns, packs_per_step: int, capacity: int, max_length: int) -> str:
    """Return what tells two plans apart: the documents of every pack in order, and the shapes."""
    whole = hashlib.sha256(f"{packs_per_step} {capacity} {max_length}".encode())
    whole.update(columns.num_docs.tobytes())
    whole.update(columns.docs[columns.docs != EMPTY].tobytes())
    return whole.hexdigest()


def _rounded(number: int, step: int) -> int:
    """Return the number rounded up to a multiple of `step`, which is the least that it can be."""
    return max(-(-number // step), 1) * step
