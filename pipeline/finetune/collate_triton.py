"""Collate where the model is: the pool and the plan lie on the device, one launch writes a pack.

The host gives the number of the pack and waits for nothing. Every thread finds the document of its
place, and the span of the token that comes next, by binary search. On the CPU the kernel runs in
Triton's interpreter when TRITON_INTERPRET=1 is set before this module is imported.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]

from pipeline.finetune.collate import IGNORED, AnyArray, Batch, Source

BLOCK = 1024  # places of a pack per program: 8 programs for 8,192 tokens
_IGNORED = tl.constexpr(IGNORED)


class DeviceSource(NamedTuple):
    """A source on a device, and how many steps its binary searches take."""

    source: Source[torch.Tensor]
    document_steps: int
    span_steps: int


def on_device(source: Source[AnyArray], device: torch.device) -> DeviceSource:
    """Return a copy of the pool and the plan on the device."""
    arrays = [torch.from_numpy(np.array(array)).to(device) for array in source[:-1]]
    fields = dict(zip(Source._fields, arrays, strict=False))
    most_spans = int(np.diff(source.span_offsets).max())
    return DeviceSource(
        Source(**fields, pad_token=source.pad_token),
        document_steps=_steps(source.docs.shape[1]),
        span_steps=_steps(most_spans),
    )


def _steps(number: int) -> int:
    """Return how many halvings leave one of `number` places."""
    return max(number - 1, 0).bit_length()


def collate(on: DeviceSource, pack: int, out: Batch[torch.Tensor]) -> None:
    """Write a pack into `out` on the device; pack -1 is an empty one."""
    source = on.source
    rows, max_docs = source.docs.shape
    capacity, max_supervised = len(out.input_ids), len(out.targets)
    blocks = triton.cdiv(max(capacity, max_supervised, max_docs + 1), BLOCK)
    _collate[(blocks,)](
        *source[:-1],
        *out,
        pack % rows,
        source.pad_token,
        capacity,
        max_docs,
        max_supervised,
        on.document_steps,
        on.span_steps,
        BLOCK,
    )


# Specialised, some numbers of packs would compile kernels of their own.
@triton.jit(do_not_specialize=["pack"])  # type: ignore[untyped-decorator]
def _collate(
    tokens: tl.tensor,
    offsets: tl.tensor,
    span_offsets: tl.tensor,
    spans: tl.tensor,
    span_starts: tl.tensor,
    docs: tl.tensor,
    cu_seqlens: tl.tensor,
    target_starts: tl.tensor,
    input_ids: tl.tensor,
    labels: tl.tensor,
    position_ids: tl.tensor,
    targets: tl.tensor,
    target_labels: tl.tensor,
    cu_seqlens_out: tl.tensor,
    pack: tl.tensor,
    pad_token: tl.tensor,
    capacity: tl.tensor,
    max_docs: tl.tensor,
    max_supervised: tl.tensor,
    DOCUMENT_STEPS: tl.constexpr,  # noqa: N803
    SPAN_STEPS: tl.constexpr,  # noqa: N803
    BLOCK: tl.constexpr,  # noqa: N803
) -> None:
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    is_inside = place < capacity
    docs += pack.to(tl.int64) * max_docs
    cu_seqlens += pack.to(tl.int64) * (max_docs + 1)
    target_starts += pack.to(tl.int64) * (max_docs + 1)

    # The last slot that begins at or before the place.
    slot = tl.full([BLOCK], 0, tl.int32)
    beyond = slot + max_docs
    for _ in tl.static_range(DOCUMENT_STEPS):
        middle = (slot + beyond) // 2
        is_right = tl.load(cu_seqlens + middle) <= place
        slot = tl.where(is_right, middle, slot)
        beyond = tl.where(is_right, beyond, middle)
    document = tl.load(docs + slot)
    is_real = is_inside & (document >= 0)
    position = place - tl.load(cu_seqlens + slot)
    token_at = tokens + tl.load(offsets + document, mask=is_real, other=0) + position
    token = tl.load(token_at, mask=is_real, other=0).to(tl.int32)

    # The last span that begins at or before the next token.
    span = tl.load(span_offsets + document, mask=is_real, other=0)
    last = tl.load(span_offsets + document + 1, mask=is_real, other=0)
    has_spans = span < last
    for _ in tl.static_range(SPAN_STEPS):
        middle = (span + last) // 2
        begin = tl.load(spans + 2 * middle, mask=has_spans, other=0)
        is_right = begin <= position + 1
        span = tl.where(is_right, middle, span)
        last = tl.where(is_right, last, middle)
    begin = tl.load(spans + 2 * span, mask=has_spans, other=0)
    end = tl.load(spans + 2 * span + 1, mask=has_spans, other=0)
    is_target = has_spans & (begin <= position + 1) & (position + 1 < end)
    label = tl.load(token_at + 1, mask=is_target, other=0).to(tl.int32)

    tl.store(input_ids + place, tl.where(is_real, token, pad_token), mask=is_inside)
    tl.store(labels + place, tl.where(is_target, label, _IGNORED), mask=is_inside)
    tl.store(position_ids + place, position, mask=is_inside)
    before = tl.load(target_starts + slot) + tl.load(span_starts + span, mask=is_target, other=0)
    found = before + position + 1 - begin
    tl.store(targets + found, place, mask=is_target)
    tl.store(target_labels + found, label, mask=is_target)

    num_targets = tl.load(target_starts + max_docs)
    is_rest = (place >= num_targets) & (place < max_supervised)
    tl.store(targets + place, capacity - 1, mask=is_rest)
    tl.store(target_labels + place, _IGNORED, mask=is_rest)
    bound = tl.load(cu_seqlens + place, mask=place <= max_docs, other=0)
    tl.store(cu_seqlens_out + place, bound, mask=place <= max_docs)
