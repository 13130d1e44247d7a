"""The model that is trained, with its loss: a pack in, its share of the step's loss out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from pipeline.finetune.check import make_probe, self_check
from pipeline.finetune.collate import Batch
from pipeline.finetune.compile import checkpoint_layers, compile_layers, compiled_kernel
from pipeline.finetune.lora import add_adapters
from pipeline.finetune.loss import Kernel, Weighting, packed_loss
from pipeline.finetune.model import causal_model, forward_hidden, head_weight, load_model
from pipeline.finetune.parallel import World, shard
from pipeline.finetune.plan import Plan
from pipeline.finetune.settings import RunSettings


class Trainee(nn.Module):
    """A model and its loss; `max_length` and `weighting` are those of the present stage."""

    def __init__(self, model: nn.Module, kernel: Kernel | None = None) -> None:
        super().__init__()
        self.model = model
        self.kernel = kernel
        self.max_length = 0
        self.weighting: Weighting = "token"

    def forward(self, batch: Batch[Tensor], divisor: Tensor) -> Tensor:
        """Return the pack's share of the loss, a scalar."""
        hidden = forward_hidden(self.model, batch, self.max_length)
        head = head_weight(self.model)
        return packed_loss(hidden, head, batch, divisor, self.weighting, self.kernel)

    def enter(self, plan: Plan, weighting: Weighting) -> None:
        """Take over the shapes and the loss of a stage."""
        self.max_length, self.weighting = plan.max_length, weighting

    def trained(self) -> dict[str, nn.Parameter]:
        """Return the parameters that learn, by name."""
        return {name: one for name, one in self.model.named_parameters() if one.requires_grad}


def make_trainee(
    settings: RunSettings, world: World, plans: Sequence[Plan]
) -> tuple[Trainee, list[float]]:
    """Load the model, add adapters or shard it, and compile it, as a run asks for.

    Returns, too, by how much logits of packed documents differ from those apart, per plan; an
    `InputError` says that it is too much to train.
    """
    dtype = compute_dtype(settings, world)
    is_sharded = settings.lora is None and (world.size > 1 or dtype == "bfloat16")
    model = _prepared(settings, world, dtype)
    is_compiled = _is_compiled(settings, world)
    # A sharded model has no logits to look at.
    errors = [_check(model, plan, is_compiled) for plan in plans]
    if is_sharded and dtype == "bfloat16":
        # Its parts are kept in float32, in which attention would be another kernel to check.
        del model
        model = _prepared(settings, world, "float32")
    trainee = Trainee(model, compiled_kernel() if is_compiled else None)
    if is_sharded:
        shard(trainee, model, getattr(torch, dtype))
    return trainee, errors


def _prepared(settings: RunSettings, world: World, dtype: str) -> nn.Module:
    """Return the model with its adapters, recomputing and compiled as asked for."""
    device = world.device.type
    model: Any = load_model(settings.model, dtype=dtype, device=device, seed=settings.seed)
    if settings.lora is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            model = add_adapters(model, settings.lora, settings.model)
    model.train()
    if settings.checkpointing:
        checkpoint_layers(model, _num_checkpointed(model, settings.checkpointing))
    if _is_compiled(settings, world):
        compile_layers(model)
    return cast(nn.Module, model)


def _is_compiled(settings: RunSettings, world: World) -> bool:
    return world.device.type == "cuda" if settings.compile is None else settings.compile


def _check(model: nn.Module, plan: Plan, is_compiled: bool) -> float:
    if is_compiled:
        # What attention refuses it tells in one line; a compiler would show where it was.
        probe = make_probe(model, plan.capacity, plan.max_docs, plan.max_length)
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            forward_hidden(model, probe, plan.max_length)
    return self_check(
        model, capacity=plan.capacity, max_docs=plan.max_docs, max_length=plan.max_length
    )


def compute_dtype(settings: RunSettings, world: World) -> str:
    """Return the dtype that the model computes in."""
    return settings.dtype or ("bfloat16" if world.device.type == "cuda" else "float32")


def _num_checkpointed(model: nn.Module, asked: int) -> int:
    num_layers = int(causal_model(model).config.num_hidden_layers)
    return num_layers if asked is True else min(int(asked), num_layers)
