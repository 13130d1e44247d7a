"""Share the packs of a step among ranks, so that none waits long for another.

Packs have one capacity, so all that differs is attention, whose work grows with the sum of the
squared lengths of what lies in a pack. Ranks take packs in turn, heaviest first, turning round at
each end (snake order), within a step: which packs make a step is the same for any number of ranks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError


def attention_costs(
    squares: NDArray[np.int64], num_tokens: NDArray[np.int32], capacity: int, max_length: int
) -> NDArray[np.int64]:
    """Return the squared lengths of all that attention sees in each pack, its padding included."""
    padding = capacity - num_tokens.astype(np.int64)
    return squares + padding // max_length * max_length**2 + (padding % max_length) ** 2


def heaviest_first(
    steps: NDArray[np.int32], costs: NDArray[np.int64], empty_cost: int
) -> NDArray[np.int32]:
    """Return each step's packs ordered by falling cost; pack -1 is an empty one."""
    of_packs = np.append(costs, empty_cost)[steps]
    return np.take_along_axis(steps, np.argsort(-of_packs, axis=1, kind="stable"), axis=1)


def snake(packs: NDArray[np.int32], rank: int, world: int) -> NDArray[np.int32]:
    """Return the packs that a rank takes of a step's, which come heaviest first."""
    if len(packs) % world:
        raise InputError(
            f"a step has {len(packs)} packs, which {world} processes cannot share evenly. "
            f"Set `packs_per_step` to a multiple of {world}, or start fewer processes."
        )
    rounds = packs.reshape(-1, world).copy()
    rounds[1::2] = rounds[1::2, ::-1].copy()
    return rounds[:, rank].copy()
