"""Attention that sees one document of a pack at a time, registered with transformers.

A pack is one row of documents, told apart by cumulative lengths. transformers builds no mask for
an attention that it does not know, and hands the cumulative lengths through: no mask can then be
wrong. On a GPU in half precision this is FlashAttention through `torch.nn.attention.varlen`;
elsewhere scaled_dot_product_attention, document by document, behind one custom operator, so that
both compile into one graph for packs of any content.
"""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 -- the customary name
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface

from pipeline.errors import InputError

NAME = "mmed_varlen"

# torch 2.11 takes fewer key heads as they come; from 2.12 on that is asked for by name. One split
# keeps a document's result the same whatever else is in its pack; before 2.13 the kernel that is
# called refuses the word (pytorch/torchtitan#2683), and it is not split for training anyway.
_FLASH_OPTIONS: dict[str, Any] = {}
if "enable_gqa" in inspect.signature(varlen_attn).parameters:
    _FLASH_OPTIONS["enable_gqa"] = True
if torch.__version__ >= "2.13" and torch.version.hip is None:
    _FLASH_OPTIONS["num_splits"] = 1

# Arguments by which a model changes the formula; ignoring one would train another model.
_FOREIGN_ARGUMENTS = ("softcap", "s_aux", "position_bias", "head_mask")


def register() -> None:
    """Make `attn_implementation="mmed_varlen"` known to transformers."""
    AttentionInterface.register(NAME, attend)


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    cu_seq_lens_q: Tensor | None = None,
    max_length_q: int | None = None,
    sliding_window: int | None = None,
    **others: object,
) -> tuple[Tensor, None]:
    """Attend causally within each document of one pack.

    `query` is [1, heads, capacity, width], `key` and `value` [1, key heads, capacity, width],
    `cu_seq_lens_q` int32 [documents + 1] and padded with the capacity. Returns
    [1, capacity, heads, width]. Raises InputError for what this attention cannot do exactly.
    """
    if cu_seq_lens_q is None or max_length_q is None or query.shape[0] != 1:
        raise InputError(
            f"{NAME} attends over one pack with cu_seq_lens_q and max_length_q, and was called "
            f"with {query.shape[0]} rows; use attn_implementation='sdpa' outside of training."
        )
    foreign = [name for name in _FOREIGN_ARGUMENTS if others.get(name) is not None]
    if attention_mask is not None or dropout or foreign:
        raise InputError(
            f"{type(module).__name__} asks for a mask, dropout or {_FOREIGN_ARGUMENTS}, which "
            "packed attention does not know; choose another model."
        )
    if sliding_window is not None and sliding_window < max_length_q:
        raise InputError(
            f"{type(module).__name__} sees {sliding_window} tokens back, and documents have up to "
            f"{max_length_q}; lower `capacity` to {sliding_window}, or choose another model."
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    # [1, heads, T, width] was cut from [1, T, heads, width], so this copies nothing.
    q, k, v = (states[0].transpose(0, 1).contiguous() for states in (query, key, value))
    return attend_packed(q, k, v, cu_seq_lens_q, max_length_q, scale).unsqueeze(0), None


def attend_packed(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, max_length: int, scale: float
) -> Tensor:
    """Attend within documents: [T, heads, width], [T, key heads, width] twice -> the first."""
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        return attend_flash(query, key, value, offsets, max_length, scale)
    result: Tensor = torch.ops.mmed.varlen(query, key, value, offsets, scale)
    return result


def attend_flash(
    query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, max_length: int, scale: float
) -> Tensor:
    """Call FlashAttention: no document may be longer than `max_length`, or rows stay unwritten."""
    lengths = offsets, offsets, max_length, max_length
    result = varlen_attn(
        query, key, value, *lengths, scale=scale, window_size=(-1, 0), **_FLASH_OPTIONS
    )
    assert isinstance(result, Tensor)
    return result


def _documents(offsets: Tensor) -> list[tuple[int, int]]:
    """Return begin and end of each document; the padding of the offsets is empty ones."""
    ends: list[int] = offsets.tolist()
    return [(begin, end) for begin, end in itertools.pairwise(ends) if end > begin]


@torch.library.custom_op("mmed::varlen", mutates_args=())
def _varlen(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, scale: float) -> Tensor:
    out = torch.zeros_like(query)
    for begin, end in _documents(offsets):
        q, k, v = (x[begin:end].transpose(0, 1).unsqueeze(0) for x in (query, key, value))
        document = F.scaled_dot_product_attention(
            q, k, v, is_causal=True, scale=scale, enable_gqa=True
        )
        out[begin:end] = document[0].transpose(0, 1)
    return out


@_varlen.register_fake
def _(query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, scale: float) -> Tensor:  # noqa: ARG001
    return torch.empty_like(query)


@torch.library.custom_op("mmed::varlen_backward", mutates_args=())
def _varlen_backward(
    gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, offsets: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    gradients = torch.zeros_like(query), torch.zeros_like(key), torch.zeros_like(value)
    for begin, end in _documents(offsets):
        d_out, q, k, v = (x[begin:end] for x in (gradient, query, key, value))
        parts = _document_backward(d_out, q, k, v, scale)
        for whole, part in zip(gradients, parts, strict=True):
            whole[begin:end] = part
    return gradients


def _document_backward(
    gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Differentiate softmax(scale q k^T) v of one document; the arguments are [n, heads, width].

    Written out, because autograd does not record inside an operator.
    """
    length, num_key_heads = query.shape[0], key.shape[1]

    def grouped(states: Tensor) -> Tensor:
        """[n, heads, width] -> [key heads, group, n, width], in float32 at least."""
        wide = states.float() if states.dtype in (torch.bfloat16, torch.float16) else states
        return wide.reshape(length, num_key_heads, -1, wide.shape[-1]).permute(1, 2, 0, 3)

    d_out, q, k, v = (grouped(states) for states in (gradient, query, key, value))
    future = torch.ones(length, length, dtype=torch.bool, device=q.device).triu(1)
    scores = (q @ k.mT).mul_(scale).masked_fill_(future, float("-inf"))
    attention = scores.softmax(-1)
    d_attention = d_out @ v.mT
    d_scores = (d_attention - (d_attention * attention).sum(-1, keepdim=True)) * attention * scale
    d_query = (d_scores @ k).permute(2, 0, 1, 3).reshape(query.shape)
    d_key = (d_scores.mT @ q).sum(1).transpose(0, 1)
    d_value = (attention.mT @ d_out).sum(1).transpose(0, 1)
    return d_query, d_key, d_value


@_varlen_backward.register_fake
def _(
    gradient: Tensor,  # noqa: ARG001
    query: Tensor,
    key: Tensor,
    value: Tensor,
    offsets: Tensor,  # noqa: ARG001
    scale: float,  # noqa: ARG001
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401, ARG001
    *tensors, ctx.scale = inputs
    ctx.save_for_backward(*tensors)


def _differentiate(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
    gradients = torch.ops.mmed.varlen_backward(gradient.contiguous(), *ctx.saved_tensors, ctx.scale)
    return (*gradients, None, None)


_varlen.register_autograd(_differentiate, setup_context=_save)
