"""What the packing benchmark compares with, and that its comparison can fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import packing, packing_peers
from pipeline.finetune import collate
from pipeline.finetune.collate import empty_batch, shape_of
from tests.pipeline.finetune.drawn import CAPACITY, pool_of


@pytest.mark.parametrize(
    ("packer", "of_four", "of_seven"),
    [
        (packing_peers.next_fit, 3, 5),  # 6 | 7 3 | 4 | 8 2 | 3
        (packing_peers.first_fit, 3, 4),  # 6 3 | 7 2 | 4 3 | 8
        (packing_peers.best_fit, 2, 4),  # 6 4 | 7 3 | 8 2 | 3
    ],
)
def test_peers_pack_as_they_are_named(
    packer: Callable[[NDArray[np.int32], int], int], of_four: int, of_seven: int
) -> None:
    lengths = np.array([6, 7, 3, 4, 8, 2, 3], np.int32)
    assert (packer(lengths[:4], 10), packer(lengths, 10)) == (of_four, of_seven)


@pytest.mark.parametrize("mix", packing.MIXES)
def test_drawn_lengths_fit_in_a_pack(mix: str) -> None:
    lengths = packing.draw(mix, 10_000)
    assert lengths.min() >= 16
    assert 0.5 * packing.CAPACITY < lengths.max() * 2 <= 2 * packing.CAPACITY
    assert 330 < lengths.mean() < 420


def test_a_peer_that_makes_one_label_more_is_found_out() -> None:
    torch = pytest.importorskip("torch")
    pool = pool_of([(10, [(4, 10)]), (20, [(5, 9), (12, 20)])])
    planned = pool.plan()
    source, out = collate.source_of(pool, planned), empty_batch(shape_of(planned))
    collate.collate(source, 0, out)
    rows = packing_peers.features(source, 0)
    labels = torch.tensor([number for row in rows for number in [-100, *row["labels"][1:]]])
    theirs = {
        "input_ids": torch.tensor([[number for row in rows for number in row["input_ids"]]]),
        "labels": labels[None],
        "position_ids": torch.cat([torch.arange(len(row["input_ids"])) for row in rows])[None],
        "cu_seq_lens_q": torch.tensor(out.cu_seqlens[:3]),
    }
    assert theirs["input_ids"].shape[1] < CAPACITY
    assert packing.is_equal(out, theirs, 2)
    for name, values in theirs.items():
        changed = values.clone()
        changed.view(-1)[1] += 1
        assert not packing.is_equal(out, theirs | {name: changed}, 2), name
