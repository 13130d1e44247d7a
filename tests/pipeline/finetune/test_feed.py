"""A rank gets its packs in order, from any step on, on the host and on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import pytest

from pipeline.finetune import collate
from pipeline.finetune.collate import empty_batch, shape_of, source_of
from pipeline.finetune.plan import EMPTY, Plan
from tests.pipeline.finetune.drawn import DrawnPool, pool_of

torch = pytest.importorskip("torch")

from pipeline.finetune import feed as feeding  # noqa: E402

drawn = np.random.default_rng(0)
POOL = pool_of(
    [(int(length), [(1, int(length))]) for length in drawn.integers(2, 90, 200)], "uint16"
)
PLAN = POOL.plan(packs_per_step=8)
CPU = torch.device("cpu")
Read = tuple[int, int, list[list[int]]]

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU: torch.cuda.is_available() is false"
)


def test_every_pack_of_the_plan_comes_once_and_as_numpy_makes_it() -> None:
    assert list(_read(rank=0, world=1)) == list(_expected(POOL, PLAN))
    assert PLAN.steps[-1].min() == EMPTY  # the last step has an empty pack


@pytest.mark.parametrize("world", [1, 2, 4])
def test_a_run_goes_on_from_any_step_with_any_number_of_ranks(world: int) -> None:
    whole = sorted(_expected(POOL, PLAN))
    for start in (0, 1, PLAN.num_steps - 1, PLAN.num_steps):
        ranks = [list(_read(rank=rank, world=world, start=start)) for rank in range(world)]
        assert len({len(packs) for packs in ranks}) == 1
        assert sorted(chain(*ranks)) == [pack for pack in whole if pack[0] >= start]


def test_batches_lie_at_the_same_addresses() -> None:
    places = {fed.batch.input_ids.data_ptr() for fed in feeding.feed(POOL, PLAN, CPU)}
    assert len(places) == 1


@needs_cuda
@pytest.mark.parametrize("pool_share", [1.0, 0.0], ids=["resident", "streamed"])
def test_a_gpu_gets_what_numpy_makes(pool_share: float) -> None:
    found = list(_read(device=torch.device("cuda"), pool_share=pool_share))
    assert found == list(_expected(POOL, PLAN))


@needs_cuda
def test_a_streamed_pack_is_not_overwritten_while_it_is_used() -> None:
    device = torch.device("cuda")
    sums = []
    for fed in feeding.feed(POOL, PLAN, device, pool_share=0.0):
        torch.cuda._sleep(10_000_000)  # the host is many packs ahead of the device
        sums.append(fed.batch.input_ids.sum())
    expected = [sum(arrays[0]) for _, _, arrays in _expected(POOL, PLAN)]
    assert torch.stack(sums).tolist() == expected


def test_a_model_takes_ids_and_positions_of_32_bits() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=16_384,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    model = transformers.LlamaForCausalLM(config)
    batch = next(feeding.feed(POOL, PLAN, CPU)).batch
    ids, positions = batch.input_ids[None], batch.position_ids[None]
    short, long = (
        model(input_ids=i, position_ids=p, use_cache=False).logits
        for i, p in ((ids, positions), (ids.long(), positions.long()))
    )
    assert torch.equal(short, long)
    short.sum().backward()


def _read(
    rank: int = 0,
    world: int = 1,
    start: int = 0,
    device: Any = CPU,
    pool_share: float = feeding.POOL_SHARE,
) -> Iterator[Read]:
    fed = feeding.feed(
        POOL,
        PLAN,
        device,
        rank=rank,
        world=world,
        start=start,
        pad_token=5,
        pool_share=pool_share,
    )
    for step, pack, batch in fed:
        yield step, pack, [array.tolist() for array in batch]


def _expected(pool: DrawnPool, plan: Plan) -> Iterator[Read]:
    source, out = source_of(pool, plan, 5), empty_batch(shape_of(plan))
    for step in range(plan.num_steps):
        for pack in plan.steps[step].tolist():
            collate.collate(source, pack, out)
            yield step, pack, [array.tolist() for array in out]
