"""The kernel writes the bits that numpy writes, in Triton's interpreter or on a GPU."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings

from pipeline.finetune import collate
from pipeline.finetune.collate import Batch, shape_of, source_of
from pipeline.finetune.plan import EMPTY
from tests.pipeline.finetune.drawn import CAPACITY, DrawnPool, pool_of, pools

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from pipeline.finetune import feed  # noqa: E402

KERNEL = "pipeline.finetune.collate_triton"
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
COMPILES = f"""
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from {KERNEL} import BLOCK, _collate

types = dict.fromkeys(_collate.arg_names, "*i32") | dict.fromkeys(_collate.arg_names[-8:], "i32")
types |= {{"offsets": "*i64", "span_offsets": "*i64"}}
constants = {{"DOCUMENT_STEPS": 6, "SPAN_STEPS": 2, "BLOCK": BLOCK}}
types |= dict.fromkeys(constants, "constexpr")
for tokens in "*u16", "*i32":
    source = ASTSource(_collate, types | {{"tokens": tokens}}, constants)
    made = compile(source, target=GPUTarget("cuda", 90, 32))
    assert "cubin" in made.asm
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[ModuleType]:
    """Import the kernel anew, for the interpreter where there is no GPU."""
    earlier = sys.modules.pop(KERNEL, None)
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE.type == "cpu":
            patch.setenv("TRITON_INTERPRET", "1")
        yield importlib.import_module(KERNEL)
    sys.modules.pop(KERNEL)
    if earlier is not None:
        sys.modules[KERNEL] = earlier


@given(pool=pools())
@example(pool_of([(1, [])] * 5))
@example(pool_of([(CAPACITY, [(1, CAPACITY)])], "uint16"))
@example(pool_of([(20, [(1, 5), (5, 9), (12, 20)]), (3, [])]))
@example(pool_of([(2, [(1, 2)])]))
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_the_kernel_writes_what_numpy_writes(kernel: ModuleType, pool: DrawnPool) -> None:
    planned = pool.plan()
    _check(kernel, pool, CAPACITY, [EMPTY, *range(planned.num_packs)])


def test_several_programs_write_one_pack(kernel: ModuleType) -> None:
    lengths = np.random.default_rng(0).integers(5, 900, 40).tolist()
    pool = pool_of([(length, [(1, 2), (length // 2, length)]) for length in lengths])
    _check(kernel, pool, 2_500, [EMPTY, 0, 1])


def test_a_pack_may_have_more_bounds_than_tokens(kernel: ModuleType) -> None:
    _check(kernel, pool_of([(1, [])] * kernel.BLOCK), kernel.BLOCK, [EMPTY, 0])


@pytest.mark.usefixtures("kernel")
def test_a_feed_from_a_resident_pool_gives_what_one_on_the_host_does() -> None:
    pool = pool_of([(30, [(10, 30)])] * 7)
    planned = pool.plan()
    source, shape = source_of(pool, planned), shape_of(planned)
    on_device, on_host = feed.Resident(source, shape, DEVICE), feed.OnHost(source, shape)
    for pack in [*range(planned.num_packs), EMPTY]:
        found, expected = on_device(pack, None), on_host(pack, None)
        assert [array.tolist() for array in found] == [array.tolist() for array in expected]


def _check(kernel: ModuleType, pool: DrawnPool, capacity: int, packs: list[int]) -> None:
    planned = pool.plan(capacity)
    shape, source = shape_of(planned), source_of(pool, planned, 3)
    expected = collate.empty_batch(shape)
    resident = kernel.on_device(source, DEVICE)
    for pack in packs:
        buffer = torch.full((shape.num_numbers,), -7, dtype=torch.int32, device=DEVICE)
        found = collate.batch_over(buffer, shape)
        kernel.collate(resident, pack, found)
        collate.collate(source, pack, expected)
        for name, ours, numpys in zip(Batch._fields, found, expected, strict=True):
            assert ours.tolist() == numpys.tolist(), (pack, name)


def test_the_kernel_compiles_for_a_gpu_that_is_not_here() -> None:
    """The interpreter takes Python that the compiler refuses."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILES], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
