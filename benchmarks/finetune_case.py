"""What every arm of a fine-tuning measurement trains on: the same documents in the same steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import packing, packing_peers
from pipeline.finetune.collate import Documents, source_of
from pipeline.finetune.mixture import items_of
from pipeline.finetune.plan import EMPTY, Plan, plan
from pipeline.finetune.pool import open_pool

SEED = 0
Features = packing_peers.Features


@dataclass(frozen=True)
class Case:
    """A model, documents, and how they are put into optimiser steps."""

    model: str  # as `pipeline.finetune.model.load_model` takes it
    dtype: str
    items: Documents
    plan: Plan
    warm_up: int  # steps before those that are measured
    measured: int
    padded_docs: int  # documents of a padded micro-batch
    rate: float = 1e-4
    clip: float = 1.0
    rank: int = 16
    alpha: int = 32

    @property
    def num_steps(self) -> int:
        """Return how many steps an arm takes."""
        return self.warm_up + self.measured

    @property
    def packs_per_step(self) -> int:
        """Return the packs of a step, all full but in a last one."""
        return int(self.plan.steps.shape[1])

    def packs(self, step: int) -> list[Features]:
        """Return the documents of each pack of a step, as rows that a peer's dataset holds."""
        packs = self.plan.steps[step]
        return [packing_peers.features(self._source, int(pack)) for pack in packs if pack != EMPTY]

    def totals(self, step: int) -> tuple[int, int, int]:
        """Return tokens without padding, squared lengths, and supervised tokens of a step."""
        packs = self.plan.steps[step][self.plan.steps[step] != EMPTY]
        tokens = int(self.plan.num_tokens[packs].sum(dtype=np.int64))
        return tokens, int(self.plan.squares[packs].sum()), int(self.plan.supervised[step])

    @cached_property
    def _source(self) -> Any:  # noqa: ANN401 -- of arrays of any width
        return source_of(self.items, self.plan)


def drawn_items(number: int, vocabulary: int, *, shorter: int, longest: int) -> packing.Items:
    """Return random tokens in the lengths of the mix, divided by `shorter`; halves supervised."""
    drawn = np.random.default_rng(SEED)
    lengths = np.clip(packing.draw(packing.SHOWN, number) // shorter, 8, longest).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return packing.Items(
        tokens=drawn.integers(1, vocabulary, offsets[-1], np.int32),
        offsets=offsets,
        span_offsets=np.arange(number + 1),
        spans=np.stack([lengths // 2, lengths], axis=1),
    )


def pool_items(folder: Path) -> Documents:
    """Return the items of a token pool."""
    return items_of(open_pool(folder))


def plan_of(items: Documents, capacity: int, packs_per_step: int) -> Plan:
    """Plan an epoch as a training run does."""
    return plan(
        np.diff(items.offsets).astype(np.int32),
        _supervised(items),
        seed=SEED,
        epoch=0,
        capacity=capacity,
        packs_per_step=packs_per_step,
    )


def _supervised(items: Documents) -> NDArray[np.int32]:
    before = np.concatenate([[0], np.cumsum(items.spans[:, 1] - items.spans[:, 0])])
    return np.diff(before[items.span_offsets]).astype(np.int32)
