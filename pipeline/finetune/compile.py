"""Compile a model layer by layer, and trade memory for time by recomputing activations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from pipeline.errors import InputError
from pipeline.finetune.loss import Kernel, softmax_gradient
from pipeline.finetune.model import causal_model


def decoder_layers(model: nn.Module) -> nn.ModuleList:
    """Return the blocks of a model, in order."""
    layers = getattr(causal_model(model).base_model, "layers", None)
    if not isinstance(layers, nn.ModuleList):
        kind = type(causal_model(model)).__name__
        raise InputError(f"{kind} has no list of layers; set compile and checkpointing off.")
    return layers


def compile_layers(model: nn.Module, backend: str | Callable[..., Any] = "inductor") -> None:
    """Compile each block in place; state dicts keep their names.

    One block at a time costs the compile time of one, as all share their code. Packs have one shape
    whatever they hold, so nothing compiles twice, and a graph break is an error, not a slow run.
    """
    for layer in decoder_layers(model):
        layer.compile(backend=backend, fullgraph=True, dynamic=False)


def compiled_kernel(backend: str | Callable[..., Any] = "inductor") -> Kernel:
    """Return the loss's kernel with its passes over the logits fused."""
    return torch.compile(softmax_gradient, backend=backend, fullgraph=True, dynamic=False)


def checkpoint_layers(model: nn.Module, num_layers: int) -> None:
    """Keep only the inputs of the first `num_layers` blocks, and run those again going back.

    Call it before compiling, and train in `model.train()` mode, the only one that recomputes.
    """
    layers = decoder_layers(model)
    if not 0 <= num_layers <= len(layers):
        raise InputError(f"checkpointing {num_layers} layers: the model has {len(layers)}.")
    # Nothing in a block is random, and a captured pass may not ask for the random state.
    again = partial(checkpoint, use_reentrant=False, preserve_rng_state=False)
    switched: list[Any] = list(layers)
    for index, layer in enumerate(switched):
        # What transformers sets for all layers alike, under names that differ with its version.
        layer._gradient_checkpointing_func = again
        layer.gradient_checkpointing = index < num_layers
