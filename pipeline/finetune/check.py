"""Before training: prove that documents in a pack do not see each other.

A contaminated pack trains without an error and with a falling loss; two known ways are a cache
left on and a mask of ones. So two documents go through the very path of training, and each alone
through the model's own forward with an attention of transformers: the logits must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.errors import InputError
from pipeline.finetune.attention import NAME
from pipeline.finetune.model import Packed, causal_model, forward_hidden, head_weight

# Relative error of a row of logits that rounding explains, the worst of all rows. Measured on CPU
# with SmolLM2-135M: 0 in float32, 0.035 in bfloat16; 1.4 to 2.4 with contaminated packs.
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3, torch.bfloat16: 0.2, torch.float16: 0.05}

NUM_COMPARED = 64  # positions of each document: the head of 8B times all of them fills memory

Forward = Callable[[nn.Module, Packed, int], Tensor]


@dataclass(frozen=True, slots=True)
class Probe:
    """One pack full of documents of random tokens."""

    input_ids: Tensor
    position_ids: Tensor
    cu_seqlens: Tensor


def self_check(
    model: nn.Module,
    *,
    capacity: int,
    max_docs: int,
    max_length: int,
    forward: Forward = forward_hidden,
) -> float:
    """Return the worst relative error of packed logits, or raise InputError where it is too large.

    The shapes are those of the plan, so that what is compiled here is what training runs.
    """
    probe = make_probe(model, capacity, max_docs, max_length)
    # With gradients, as in training: without them a compiled model would compile once more.
    hidden = forward(model, probe, max_length).detach()
    first, second = (_document_error(model, hidden, probe, document) for document in range(2))
    error, limit = max(first, second), TOLERANCE[head_weight(model).dtype]
    # Not `error > limit`, which NaN passes.
    if not error <= limit:
        raise InputError(
            f"{type(causal_model(model)).__name__}: two documents give other logits packed than "
            f"apart (relative error {first:.2g} and {second:.2g}, at most {limit:.2g} expected). "
            "Training would mix documents up; choose another model, or report this one."
        )
    return error


def make_probe(model: nn.Module, capacity: int, max_docs: int, max_length: int) -> Probe:
    """Fill a pack with random documents, two of equal length first; repeatable."""
    # As long as can be, so that they and the rest fit into max_docs.
    length = min(max_length, max(1, capacity // 2))
    ends = [*range(0, capacity, length), *[capacity] * max_docs][: max_docs + 1]
    weight = head_weight(model)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(weight.shape[0], (capacity,), generator=generator)
    columns = ids, torch.arange(capacity) % length, torch.tensor(ends)
    return Probe(*(column.to(weight.device, torch.int32) for column in columns))


@torch.no_grad()
def _document_error(model: nn.Module, hidden: Tensor, probe: Probe, document: int) -> float:
    """Return the worst relative error over positions of one document of the pack."""
    begin, end = probe.cu_seqlens[document : document + 2].tolist()
    count = min(NUM_COMPARED, end - begin)
    positions = torch.linspace(0, end - begin - 1, count, device=hidden.device).long()
    packed = (hidden[begin + positions] @ head_weight(model).t()).double()
    apart = _logits_apart(model, probe.input_ids[begin:end], positions).double()
    return float(((packed - apart).norm(dim=-1) / apart.norm(dim=-1)).max())


def _logits_apart(model: nn.Module, ids: Tensor, positions: Tensor) -> Tensor:
    """Return the logits of one document alone, by nothing of ours and nothing compiled."""
    causal = causal_model(model)
    causal.set_attn_implementation("sdpa")
    try:
        with torch.compiler.set_stance("force_eager"):
            logits = causal(ids.unsqueeze(0), use_cache=False, logits_to_keep=positions).logits
    finally:
        causal.set_attn_implementation(NAME)
    result: Tensor = logits[0]
    return result
