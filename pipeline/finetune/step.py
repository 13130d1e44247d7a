"""One optimiser step: every pack of this rank forward and back, then one update.

The loss of a step is a sum over all its packs on all ranks, divided by a count that the plan knows
beforehand, so nothing is averaged twice. Rate and divisor are tensors on the device: neither they
nor the loss make the host wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from pipeline.errors import InputError
from pipeline.finetune.collate import Batch
from pipeline.finetune.feed import Fed
from pipeline.finetune.parallel import (
    World,
    gathered,
    gradient_factor,
    sum_gradients,
    summed,
    sync_after_this_pack,
)
from pipeline.finetune.settings import RunSettings
from pipeline.finetune.trainee import Trainee

BETAS = (0.9, 0.999)
WARM_UPS = 3  # passes before a graph is captured: libraries choose and allocate in them


@dataclass(slots=True)
class Outcome:
    """What a step left, still on the device."""

    step: int
    packs: list[int]
    losses: Tensor  # [packs of this rank], shares of the step's loss
    loss: Tensor  # of all ranks
    norm: Tensor  # of the gradient, before it is clipped


@dataclass(slots=True)
class Stepper:
    """Takes optimiser steps of one stage."""

    trainee: Trainee
    trained: dict[str, nn.Parameter]
    world: World
    clip: float
    optimizer: torch.optim.Optimizer
    rate: Tensor
    divisor: Tensor
    is_captured: bool
    _graph: Callable[[], Tensor] | None = field(default=None, init=False)
    _captured: Batch[Tensor] | None = field(default=None, init=False)

    def take(
        self, step: int, packs: Iterator[Fed], num_packs: int, divisor: int, rate: float
    ) -> Outcome:
        """Train on the next `num_packs` packs, of which all ranks together divide by `divisor`."""
        self.rate.fill_(rate)
        self.divisor.fill_(divisor / gradient_factor(self.trainee, self.world))
        losses = torch.zeros(num_packs, dtype=self.divisor.dtype, device=self.world.device)
        numbers = []
        for at in range(num_packs):
            fed = next(packs)
            sync_after_this_pack(self.trainee, at == num_packs - 1)
            losses[at] = self._pass(fed.batch)
            numbers.append(fed.pack)
        losses /= gradient_factor(self.trainee, self.world)
        return Outcome(step, numbers, losses, summed(losses.sum(), self.world), self._update())

    def _pass(self, batch: Batch[Tensor]) -> Tensor:
        """Add a pack's gradients; return its share of the loss."""
        if not self.is_captured:
            return forward_backward(self.trainee, batch, self.divisor)
        if self._graph is None:
            self._graph = _capture(self.trainee, self.trained, batch, self.divisor)
            self._captured = batch
        # A replay reads the buffers of the first pack, whatever it is given.
        assert batch is self._captured, "packs must come in the same buffers"
        return self._graph()

    def _update(self) -> Tensor:
        parameters = list(self.trained.values())
        sum_gradients(parameters, self.trainee, self.world)
        norm = nn.utils.clip_grad_norm_(parameters, self.clip)
        self.optimizer.step()
        # A captured pass adds to gradients at fixed addresses.
        self.optimizer.zero_grad(set_to_none=not self.is_captured)
        return gathered(norm)


def make_stepper(trainee: Trainee, settings: RunSettings, world: World) -> Stepper:
    """Return what takes the steps of a stage, with a fresh optimiser."""
    is_captured = settings.graphs and world.device.type == "cuda"
    if is_captured and isinstance(trainee, FSDPModule):
        # Whether a pass exchanges shards changes from pack to pack; a graph would freeze the first.
        raise InputError(
            "`graphs` cannot capture full fine-tuning, whose weights are sharded. Set "
            "`graphs: false`, or train `lora`."
        )
    trained = trainee.trained()
    wide = torch.promote_types(next(iter(trained.values())).dtype, torch.float32)
    rate = torch.zeros((), dtype=torch.float32, device=world.device)
    optimizer = torch.optim.AdamW(
        trained.values(), lr=rate, betas=BETAS, weight_decay=settings.weight_decay, fused=True
    )
    return Stepper(
        trainee=trainee,
        trained=trained,
        world=world,
        clip=settings.clip,
        optimizer=optimizer,
        rate=rate,
        divisor=torch.ones((), dtype=wide, device=world.device),
        is_captured=is_captured,
    )


def forward_backward(trainee: nn.Module, batch: Batch[Tensor], divisor: Tensor) -> Tensor:
    """Add a pack's gradients; return its share of the loss, detached."""
    loss: Tensor = trainee(batch, divisor)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def _capture(
    trainee: Trainee, trained: dict[str, nn.Parameter], batch: Batch[Tensor], divisor: Tensor
) -> Callable[[], Tensor]:
    """Return a replay of forward and backward pass over whatever lies in the batch's buffers.

    Gradients are added to in place, so they must lie where they are when the graph is made.
    """
    for one in trained.values():
        one.grad = torch.zeros_like(one)
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            forward_backward(trainee, batch, divisor)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = forward_backward(trainee, batch, divisor)
    for one in trained.values():  # capturing runs nothing, but the warm-up did
        assert one.grad is not None
        one.grad.zero_()

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay
