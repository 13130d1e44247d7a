"""How many operations a step's mathematics takes, and what a device could do at most.

Attention counts the squared lengths of documents, not of packs, and the head counts supervised
tokens alone: work that exact packing does not need is not credited to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from pipeline.finetune.compile import decoder_layers
from pipeline.finetune.model import causal_model, head_weight
from pipeline.finetune.parallel import World

# Dense bfloat16 operations per second that the vendor states, by a part of the device's name.
_PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "B200": 2250e12}


@dataclass(frozen=True, slots=True)
class Work:
    """Operations of forward and backward pass; recomputed activations are not counted."""

    per_token: float
    per_squared_length: float
    per_target: float

    def of(self, num_tokens: int, squares: int, num_targets: int) -> float:
        """Return the operations of some documents."""
        return (
            self.per_token * num_tokens
            + self.per_squared_length * squares
            + self.per_target * num_targets
        )


def work_of(model: nn.Module) -> Work:
    """Return what a model costs; frozen weights need no gradient of their own."""
    config = causal_model(model).config
    layers = decoder_layers(model)
    matrices = [one for one in layers.parameters() if one.dim() == 2]
    frozen = sum(one.numel() for one in matrices if not one.requires_grad)
    learning = sum(one.numel() for one in matrices if one.requires_grad)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    head = head_weight(model)
    return Work(
        per_token=4.0 * frozen + 6.0 * learning,
        # q k^T and its product with v, half of each by causality, once forward and twice back.
        per_squared_length=6.0 * config.num_attention_heads * width * len(layers),
        per_target=(6.0 if head.requires_grad else 4.0) * head.numel(),
    )


def utilisation(operations: float, seconds: float, world: World) -> float | None:
    """Return the share of what all devices could do (MFU); None where that is not known here."""
    if world.device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(world.device)
    peak = next((peak for part, peak in _PEAKS.items() if part in name), None)
    return None if peak is None else operations / seconds / (peak * world.size)
