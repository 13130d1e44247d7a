"""One process or several: who am I, and how gradients of all come together.

Adapters are replicated and their gradients summed. Full fine-tuning shards weights, gradients and
optimiser over the GPUs (FSDP2). Either way the sum over all ranks of a step is what one process
would have.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from pipeline.finetune.compile import decoder_layers
from pipeline.finetune.model import find_device


@dataclass(frozen=True, slots=True)
class World:
    """This process among those that train together."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Tell whether this process writes files and talks."""
        return self.rank == 0


def join_world(device: str) -> World:
    """Return this process's place, from what `torchrun` sets; alone without it.

    `device` is cpu, cuda or auto; an `InputError` says that a GPU is asked for and none is there.
    """
    size, local = int(os.environ.get("WORLD_SIZE", "1")), os.environ.get("LOCAL_RANK", "0")
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    place = find_device(f"cuda:{local}" if name == "cuda" else name)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    return World(int(os.environ.get("RANK", "0")), size, place)


def leave_world() -> None:
    """End the connection to other processes, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def shard(trainee: nn.Module, model: nn.Module, compute_dtype: torch.dtype) -> None:
    """Shard a module over all processes: parts of its own dtype, computed in `compute_dtype`."""
    if not dist.is_initialized():  # one GPU alone is a group too
        backend = "nccl" if next(model.parameters()).is_cuda else "gloo"
        store = dist.HashStore()  # type: ignore[attr-defined]
        dist.init_process_group(backend, store=store, rank=0, world_size=1)
    sums = next(model.parameters()).dtype
    policy = MixedPrecisionPolicy(param_dtype=compute_dtype, reduce_dtype=sums)
    for layer in decoder_layers(model):
        fully_shard(layer, mp_policy=policy)
    # What the root takes is a pack's integers and the divisor, which must keep its digits.
    root = replace(policy, cast_forward_inputs=False)
    fully_shard(trainee, mp_policy=root)


def gradient_factor(trainee: nn.Module, world: World) -> int:
    """Return what a loss is multiplied by, as sharding averages gradients where a sum is wanted."""
    return world.size if isinstance(trainee, FSDPModule) else 1


def sync_after_this_pack(trainee: nn.Module, is_last: bool) -> None:
    """Exchange sharded gradients with the last pack of a step only."""
    if isinstance(trainee, FSDPModule):
        cast(FSDPModule, trainee).set_requires_gradient_sync(is_last)


def sum_gradients(parameters: Iterable[nn.Parameter], trainee: nn.Module, world: World) -> None:
    """Add up the gradients of replicated parameters over all processes."""
    if world.size == 1 or isinstance(trainee, FSDPModule):
        return
    gradients = [one.grad for one in parameters if one.grad is not None]
    # One message: adapters are hundreds of small tensors.
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, _parts(flat, gradients), strict=True):
        gradient.copy_(part.view_as(gradient))


def _parts(flat: Tensor, shapes: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return torch.split(flat, [one.numel() for one in shapes])


def summed(value: Tensor, world: World) -> Tensor:
    """Return a scalar added up over all processes."""
    if world.size > 1:
        dist.all_reduce(value)
    return value


def gathered(value: Tensor) -> Tensor:
    """Return the whole of a tensor that may be sharded; every process must ask."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def placed(whole: Tensor, like: Tensor) -> Tensor:
    """Return a whole tensor laid out as another one is."""
    if isinstance(like, DTensor):
        return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)
    return whole.to(like.device)
