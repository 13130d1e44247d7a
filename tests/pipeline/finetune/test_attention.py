"""Packed attention is attention of each document alone, forward and backward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pipeline.errors import InputError
from pipeline.finetune.attention import attend, attend_flash, attend_packed

Three = tuple[Tensor, Tensor, Tensor]


def _states(capacity: int, heads: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(capacity, heads, 8, generator=generator, dtype=dtype).requires_grad_()


def _three(capacity: int, heads: tuple[int, int], dtype: torch.dtype = torch.float64) -> Three:
    num_heads, num_key_heads = heads
    query = _states(capacity, num_heads, dtype)
    key, value = (_states(capacity, num_key_heads, dtype, seed) for seed in (1, 2))
    return query, key, value


def _rows(three: Three) -> Three:
    """Return [capacity, heads, width] as transformers has it, [1, heads, capacity, width]."""
    query, key, value = (states.detach().transpose(0, 1)[None] for states in three)
    return query, key, value


def _reference(states: Three, bounds: list[int], scale: float) -> Tensor:
    """Attend under a mask that is written out for the whole pack."""
    query, key, value = (x.transpose(0, 1) for x in states)
    group = query.shape[0] // key.shape[0]
    position = torch.arange(query.shape[1])
    document = torch.bucketize(position, torch.tensor(bounds[1:]), right=True)
    seen = (document[:, None] == document) & (position[:, None] >= position)
    scores = query @ key.repeat_interleave(group, 0).mT * scale
    attention = scores.masked_fill(~seen, float("-inf")).softmax(-1)
    return (attention @ value.repeat_interleave(group, 0)).transpose(0, 1)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=6),
    num_padding=st.integers(0, 3),
    heads=st.sampled_from([(4, 4), (4, 2), (6, 2), (3, 1)]),
)
def test_packed_attention_and_its_gradient_are_those_under_a_written_out_mask(
    lengths: list[int], num_padding: int, heads: tuple[int, int]
) -> None:
    bounds = [0]
    for length in lengths:
        bounds.append(bounds[-1] + length)
    states = _three(bounds[-1], heads)
    offsets = torch.tensor(bounds + bounds[-1:] * num_padding, dtype=torch.int32)
    ours = attend_packed(*states, offsets, 20, 0.3)
    expected = _reference(states, bounds, 0.3)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)

    upstream = torch.randn(ours.shape, dtype=torch.float64)
    got = torch.autograd.grad(ours, states, upstream)
    want = torch.autograd.grad(expected, states, upstream)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


def test_operator_is_what_autograd_and_compilers_expect() -> None:
    states = _three(12, (4, 2))
    offsets = torch.tensor([0, 5, 12, 12], dtype=torch.int32)
    torch.library.opcheck(torch.ops.mmed.varlen.default, (*states, offsets, 0.5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_of_lower_precision_stays_close_to_float64(dtype: torch.dtype) -> None:
    states, lower = _three(24, (4, 2)), _three(24, (4, 2), dtype)
    with torch.no_grad():
        for exact_states, lower_states in zip(states, lower, strict=True):
            exact_states.copy_(lower_states.copy_(exact_states))
    offsets = torch.tensor([0, 7, 24], dtype=torch.int32)
    exact = attend_packed(*states, offsets, 24, 0.35)
    rough = attend_packed(*lower, offsets, 24, 0.35)
    tolerance = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(rough.double(), exact, rtol=tolerance, atol=tolerance)
    got = torch.autograd.grad(rough.sum(), lower)
    want = torch.autograd.grad(exact.sum(), states)
    for ours, expected in zip(got, want, strict=True):
        assert ours.dtype == dtype
        error = (ours.double() - expected).norm() / expected.norm()
        assert error < tolerance


def test_flash_attention_of_this_torch_accepts_our_call() -> None:
    # On the meta device its operator checks arguments and shapes, and needs no GPU.
    states = (
        torch.empty(24, heads, 64, dtype=torch.bfloat16, device="meta") for heads in (4, 2, 2)
    )
    query, key, value = (tensor.requires_grad_() for tensor in states)
    offsets = torch.empty(9, dtype=torch.int32, device="meta")
    out = attend_flash(query, key, value, offsets, 16, 0.125)
    gradients = torch.autograd.grad(out, (query, key, value), torch.empty_like(out))
    assert out.shape == query.shape
    assert [gradient.shape for gradient in gradients] == [query.shape, key.shape, value.shape]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_flash_attention_agrees_with_the_one_for_cpu() -> None:
    bounds = torch.tensor([0, 7, 24, 24], dtype=torch.int32)
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(24, heads, 64, generator=generator).bfloat16().requires_grad_()
        for heads in (4, 2, 2)
    )
    on_gpu = [tensor.detach().cuda().requires_grad_() for tensor in (query, key, value)]
    expected = attend_packed(query, key, value, bounds, 24, 0.125)
    ours = attend_packed(on_gpu[0], on_gpu[1], on_gpu[2], bounds.cuda(), 24, 0.125)
    torch.testing.assert_close(ours.cpu(), expected, rtol=0.02, atol=0.02)
    got = torch.autograd.grad(ours.float().square().sum(), on_gpu)
    want = torch.autograd.grad(expected.float().square().sum(), (query, key, value))
    for mine, theirs in zip(got, want, strict=True):
        assert (mine.cpu().float() - theirs.float()).norm() < 0.03 * theirs.float().norm()


def test_scale_is_one_over_the_root_of_the_width_where_a_model_gives_none() -> None:
    query, key, value = _rows(_three(6, (2, 2)))
    offsets = torch.tensor([0, 6], dtype=torch.int32)
    ours, weights = attend(
        nn.Module(), query, key, value, None, cu_seq_lens_q=offsets, max_length_q=6
    )
    expected = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(ours, expected.transpose(1, 2))
    assert weights is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cu_seq_lens_q": None}, "cu_seq_lens_q"),
        ({"attention_mask": torch.ones(1, 6)}, "mask"),
        ({"dropout": 0.1}, "dropout"),
        ({"softcap": 50.0}, "softcap"),
        ({"sliding_window": 4}, "lower `capacity` to 4"),
    ],
)
def test_attention_refuses_what_it_would_have_to_ignore(change: dict[str, Any], said: str) -> None:
    query, key, value = _rows(_three(6, (2, 2)))
    arguments = {
        "attention_mask": None,
        "cu_seq_lens_q": torch.tensor([0, 6], dtype=torch.int32),
        "max_length_q": 6,
        "sliding_window": 6,
    }
    with pytest.raises(InputError, match=said) as caught:
        attend(nn.Module(), query, key, value, **(arguments | change))
    assert "\n" not in str(caught.value)


def test_attention_refuses_more_than_one_row() -> None:
    two = torch.zeros(2, 2, 6, 8)
    offsets = torch.tensor([0, 6], dtype=torch.int32)
    with pytest.raises(InputError, match="2 rows"):
        attend(nn.Module(), two, two, two, None, cu_seq_lens_q=offsets, max_length_q=6)
