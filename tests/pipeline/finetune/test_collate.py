"""A pack is what its documents say, token by token, however it is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from numpy.typing import NDArray

from pipeline.finetune import collate, collate_numba
from pipeline.finetune.collate import IGNORED, Batch, empty_batch, shape_of, source_of
from pipeline.finetune.plan import EMPTY, Plan, plan
from pipeline.finetune.pool import Items, open_pool, write_pool
from tests.pipeline.finetune.drawn import CAPACITY, DrawnPool, pool_of, pools

Ints = NDArray[np.int32]
PAD = 9

one_token = pool_of([(1, [])] * 5)
whole_pack = pool_of([(CAPACITY, [(1, CAPACITY)])])
touching_spans = pool_of([(20, [(1, 5), (5, 9), (12, 20)]), (3, [])])
mostly_padding = pool_of([(2, [(1, 2)])])  # max_length 64 cuts 94 tokens of padding in two


@pytest.mark.parametrize("collates", [collate.collate, collate_numba.collate])
@given(pool=pools())
@example(one_token)
@example(whole_pack)
@example(touching_spans)
@example(mostly_padding)
@settings(deadline=None)
def test_every_pack_is_what_its_documents_say(
    collates: Callable[..., None], pool: DrawnPool
) -> None:
    planned = pool.plan()
    source, out = source_of(pool, planned, PAD), empty_batch(shape_of(planned))
    for pack in range(EMPTY, planned.num_packs):
        for array in out:
            array.fill(-7)
        collates(source, pack, out)
        for name, found, expected in zip(
            Batch._fields, out, expected_batch(pool, planned, pack), strict=True
        ):
            assert found.tolist() == expected, (pack, name)


def expected_batch(pool: DrawnPool, planned: Plan, pack: int) -> list[list[int]]:
    """Return a batch written down one token after the other."""
    ids: list[int] = []
    labels: list[int] = []
    positions: list[int] = []
    targets: list[int] = []
    bounds = [0]
    documents = planned.docs[pack].tolist() if pack != EMPTY else []
    for document in [number for number in documents if number != EMPTY]:
        tokens = pool.tokens[pool.offsets[document] : pool.offsets[document + 1]].tolist()
        spans = pool.spans[pool.span_offsets[document] : pool.span_offsets[document + 1]].tolist()
        for position, token in enumerate(tokens):
            is_target = any(begin <= position + 1 < end for begin, end in spans)
            if is_target:
                targets.append(len(ids))
            ids.append(token)
            positions.append(position)
            labels.append(tokens[position + 1] if is_target else IGNORED)
        bounds.append(len(ids))
    while len(ids) < planned.capacity:
        piece = min(planned.max_length, planned.capacity - len(ids))
        ids += [PAD] * piece
        labels += [IGNORED] * piece
        positions += range(piece)
        bounds.append(len(ids))
    bounds += [planned.capacity] * (planned.max_docs + 1 - len(bounds))
    target_labels = [labels[place] for place in targets]
    rest = planned.max_supervised - len(targets)
    return [
        ids,
        labels,
        positions,
        targets + [planned.capacity - 1] * rest,
        target_labels + [IGNORED] * rest,
        bounds,
    ]


@given(pool=pools())
@settings(deadline=None)
def test_planned_targets_are_the_labels_of_the_step(pool: DrawnPool) -> None:
    planned = pool.plan(packs_per_step=2)
    source, out = source_of(pool, planned), empty_batch(shape_of(planned))
    for packs, expected in zip(planned.steps, planned.supervised, strict=True):
        found = 0
        for pack in packs:
            collate.collate(source, int(pack), out)
            found += int((out.labels != IGNORED).sum())
        assert found == expected


def test_no_piece_of_padding_is_longer_than_the_longest_item() -> None:
    lengths = np.array([10, 64], np.int32)
    pool = pool_of([(10, [(1, 2)]), (64, [(1, 2)])])
    planned = plan(lengths, lengths, seed=0, epoch=0, capacity=1000, packs_per_step=2)
    bounds = source_of(pool, planned).cu_seqlens
    assert planned.max_length == 64
    assert (np.diff(bounds, axis=1) <= 64).all()
    assert (bounds[:, -1] == 1000).all()


def test_a_pool_on_disk_is_collated_from_its_memory_map(tmp_path: Path) -> None:
    lengths = np.array([5, 90, 7], np.int32)
    items = Items(
        tokens=np.arange(102, dtype=np.int32),
        lengths=lengths,
        num_spans=np.ones(3, np.int32),
        spans=np.stack([lengths // 2, lengths], axis=1),
        language=np.zeros(3, np.int8),
        source=np.zeros(3, np.int16),
        form=np.zeros(3, np.int8),
        ids=np.zeros((3, 16), np.uint8),
    )
    write_pool(tmp_path / "pool", [items], {"vocabulary": 1000})
    pool = open_pool(tmp_path / "pool")
    drawn = DrawnPool(np.array(pool.tokens), pool.offsets, pool.span_offsets, pool.spans)
    assert drawn.supervised.tolist() == pool.supervised.tolist()
    planned = drawn.plan()
    source, out = source_of(pool, planned, PAD), empty_batch(shape_of(planned))
    for pack in range(planned.num_packs):
        collate_numba.collate(source, pack, out)
        assert [array.tolist() for array in out] == expected_batch(drawn, planned, pack)


def test_arrays_of_a_batch_are_views_of_one_buffer() -> None:
    planned = whole_pack.plan()
    shape = shape_of(planned)
    buffer = np.zeros(shape.num_numbers, np.int32)
    collate.collate(source_of(whole_pack, planned), 0, collate.batch_over(buffer, shape))
    assert buffer[:CAPACITY].tolist() == whole_pack.tokens.tolist()
    assert buffer[-1] == CAPACITY
