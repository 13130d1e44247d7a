"""Cross-entropy over the supervised tokens of a pack, in chunks, never [capacity, vocabulary].

The sum over a pack is divided by a number of the whole optimiser step, so that any split of the
step over packs and ranks gives the same gradient. Gradients are made with the loss, while a chunk's
logits exist: the head is multiplied once forward and once back, and nothing is recomputed.
Nothing here waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

CHUNK_ROWS = 2048  # 1 GiB of float32 logits at a vocabulary of 128 k

Weighting = Literal["token", "sample"]
Kernel = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


class Supervised(Protocol):
    """The part of a pack that the loss reads; one fixed size for all packs of a plan."""

    @property
    def cu_seqlens(self) -> Tensor:
        """Document offsets, int32 [max_docs + 1]."""

    @property
    def targets(self) -> Tensor:
        """Positions that predict a supervised token, int32 [max_supervised]."""

    @property
    def target_labels(self) -> Tensor:
        """The token to predict at each of them, [max_supervised], -100 in the padding."""


def packed_loss(
    hidden: Tensor,
    head: Tensor,
    batch: Supervised,
    divisor: Tensor,
    weighting: Weighting = "token",
    kernel: Kernel | None = None,
) -> Tensor:
    """Return the pack's share of the step's loss, a scalar on the device.

    `hidden` is [capacity, width], `head` [vocabulary, width]. `divisor` is a scalar tensor, so that
    a captured step stays valid: the supervised tokens of the step (`token`), or its documents
    (`sample`), of all packs and ranks.
    """
    rows = hidden.index_select(0, batch.targets)
    weights = target_weights(batch, weighting, _wide(hidden.dtype))
    total = sum_cross_entropy(rows, head, batch.target_labels, weights, kernel=kernel)
    return total / divisor.to(total.dtype)


def target_weights(
    batch: Supervised, weighting: Weighting, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return [max_supervised]: 1 for a target, or 1 over the targets of its document; 0 for none.

    With `sample` a document counts once, however many tokens its language takes.
    """
    is_target = (batch.target_labels >= 0).to(dtype)
    if weighting == "token":
        return is_target
    documents = torch.searchsorted(batch.cu_seqlens, batch.targets, right=True) - 1
    # No bincount: it waits for the device to learn the size of its result.
    per_document = torch.zeros_like(batch.cu_seqlens, dtype=dtype)
    per_document.index_add_(0, documents, is_target)
    return is_target / per_document[documents].clamp(min=1)


def sum_cross_entropy(
    rows: Tensor,
    head: Tensor,
    labels: Tensor,
    weights: Tensor,
    *,
    chunk_rows: int = CHUNK_ROWS,
    kernel: Kernel | None = None,
) -> Tensor:
    """Return the weighted sum of the cross-entropies of `rows` [n, width], float32 at least.

    `labels` [n] may be negative where `weights` [n] is 0. `kernel` replaces `softmax_gradient`,
    by a compiled one for instance.
    """
    total: Tensor = _SumCrossEntropy.apply(  # type: ignore[no-untyped-call]
        rows, head, labels, weights, chunk_rows, kernel or softmax_gradient
    )
    return total


def softmax_gradient(logits: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weighted sum of cross-entropies, and its gradient in the dtype of the logits."""
    scores = logits.to(_wide(logits.dtype))
    index = labels.clamp(min=0).long()[:, None]
    norm = scores.logsumexp(-1, keepdim=True)
    log_likelihood = scores.gather(1, index) - norm
    # In place, as each of these is chunk times vocabulary.
    gradient = (scores - norm).exp_().mul_(weights[:, None]).to(logits.dtype)
    at_label = (log_likelihood.exp() - 1) * weights[:, None]
    gradient.scatter_(1, index, at_label.to(logits.dtype))
    return -(log_likelihood[:, 0] * weights).sum(), gradient


def _wide(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype that sums are made in: float32, or float64 for float64."""
    return torch.promote_types(dtype, torch.float32)


class _SumCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        rows: Tensor,
        head: Tensor,
        labels: Tensor,
        weights: Tensor,
        chunk_rows: int,
        kernel: Kernel,
    ) -> Tensor:
        needs_rows, needs_head = ctx.needs_input_grad[:2]
        wide = _wide(rows.dtype)
        total = torch.zeros((), dtype=wide, device=rows.device)
        d_rows = torch.empty_like(rows) if needs_rows else None
        # Summed wide: adding chunks up in bfloat16 loses what the later ones say.
        d_head = torch.zeros_like(head, dtype=wide) if needs_head else None
        for begin in range(0, rows.shape[0], chunk_rows):
            chunk = slice(begin, begin + chunk_rows)
            loss, d_logits = kernel(rows[chunk] @ head.t(), labels[chunk], weights[chunk])
            total += loss
            if d_rows is not None:
                torch.mm(d_logits, head, out=d_rows[chunk])
            if d_head is not None:
                d_head += d_logits.t() @ rows[chunk]
        ctx.save_for_backward(d_rows, None if d_head is None else d_head.to(head.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        # In bfloat16 the factor, one over a count, would be rounded: all gradients off by 0.3 %.
        d_rows, d_head = (
            None if saved is None else (saved.to(gradient.dtype) * gradient).to(saved.dtype)
            for saved in ctx.saved_tensors
        )
        return d_rows, d_head, None, None, None, None
