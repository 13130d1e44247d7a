"""With numpy alone the same loops run as Python, and plans and packs are the same bits."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.finetune import jit

DIGESTS = """
import hashlib
import numpy as np
from pipeline.finetune import jit
from pipeline.finetune.collate import empty_batch, shape_of, source_of
from pipeline.finetune.collate_numba import collate
from pipeline.finetune.plan import plan
from tests.pipeline.finetune.drawn import pool_of

print(jit.IS_COMPILED)
lengths = np.random.default_rng(0).integers(2, 300, 3_000).tolist()
pool = pool_of([(length, [(1, length)]) for length in lengths])
for order in "mixed", "exact":
    made = plan(pool.lengths, pool.supervised, seed=0, epoch=0, capacity=1024, packs_per_step=8,
                order=order)
    out, whole = empty_batch(shape_of(made)), hashlib.sha256()
    for pack in range(-1, 20):
        collate(source_of(pool, made), pack, out)
        for array in out:
            whole.update(array.tobytes())
    print(made.digest, whole.hexdigest())
"""
WITHOUT = """
import sys
for name in "numba", "torch", "triton", "polars", "pydantic":
    sys.modules[name] = None
"""


def test_with_numpy_alone_plans_and_packs_are_the_same() -> None:
    if not jit.IS_COMPILED:
        pytest.skip("numba is not installed, so there is nothing to compare with")
    compiled, plain = _lines(DIGESTS), _lines(WITHOUT + DIGESTS)
    assert (compiled[0], plain[0]) == ("True", "False")
    assert compiled[1:] == plain[1:]
    assert len(compiled) == 3


def _lines(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()
