"""LoRA through PEFT: adapters kept in float32, computed in the dtype of the base.

PEFT's default casts the *activations* of every adapted layer to its float32 adapters, and autograd
keeps those copies: 76 GiB more at 8B and 8192 tokens. Adapters kept in bfloat16 cost nothing, but
lose most updates, as AdamW's steps are below what bfloat16 can add (after 60 steps of a tiny model
the loss is off by 7e-4 of itself, with PEFT's default and with ours by 3e-5). So the float32
parameters stay what the optimiser steps, and each forward rounds them (0.5 % of the model) to the
base's dtype: what master copies in an optimiser would give, without the copies. In float32 and
float64 nothing is rounded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch.nn.functional as F  # noqa: N812 -- the customary name
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from pipeline.errors import InputError
from pipeline.finetune.settings import AdapterSettings


class _RoundedLinear(nn.Linear):
    """A linear layer that computes in the dtype of what comes in."""

    def forward(self, states: Tensor) -> Tensor:
        return F.linear(states, self.weight.to(states.dtype))


def add_adapters(model: PreTrainedModel, settings: AdapterSettings, source: str) -> PeftModel:
    """Freeze a model and add adapters that change nothing yet; `source` names the base in files.

    Raises InputError where a target names no layer.
    """
    _check_targets(model, settings.targets)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=0.0,
        target_modules=list(settings.targets),
    )
    adapted = cast(PeftModel, get_peft_model(model, config))
    # get_peft_model writes the place the model was read from, a path of this machine.
    config.base_model_name_or_path = source
    _compute_in_base_dtype(adapted)
    return adapted


def save_adapters(model: PeftModel, folder: Path) -> None:
    """Write adapter_config.json and adapter_model.safetensors (float32), as PEFT reads them."""
    # Anything but False makes PEFT ask the Hub for the config of the base.
    model.save_pretrained(str(folder), save_embedding_layers=False)


def export_merged(model: PeftModel, folder: Path) -> None:
    """Write base plus adapters as one model in safetensors; the model in memory loses its adapters.

    The sum is made in float32 and rounded once, to the dtype of the base.
    """
    merged = cast(Any, model).merge_and_unload(safe_merge=False)
    merged.save_pretrained(folder)


def _check_targets(model: nn.Module, targets: tuple[str, ...]) -> None:
    """Refuse a target without a layer: PEFT does so only when all of them are without."""
    linear = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    unknown = [target for target in targets if target not in linear]
    if unknown:
        raise InputError(
            f"{type(model).__name__} has no layer called {', '.join(unknown)}; name its linear "
            "layers in lora.targets."
        )


def _compute_in_base_dtype(model: nn.Module) -> None:
    for layer in model.modules():
        if not isinstance(layer, LoraLayer):
            continue
        # What peft.helpers.disable_input_dtype_casting sets, for good.
        cast(Any, layer).cast_input_dtype_enabled = False
        for linear in [*layer.lora_A.values(), *layer.lora_B.values()]:
            linear.__class__ = _RoundedLinear
