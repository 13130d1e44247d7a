"""The arms of a fine-tuning measurement that are ours, and what every arm has in common.

An arm is a model with adapters and an optimiser, made anew from the same seed, that takes
optimiser steps of a case one after another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from benchmarks.finetune_case import SEED, Case
from pipeline.finetune.feed import feed
from pipeline.finetune.flops import Work, work_of
from pipeline.finetune.parallel import World
from pipeline.finetune.settings import TARGETS, AdapterSettings, RunSettings
from pipeline.finetune.step import make_stepper
from pipeline.finetune.trainee import make_trainee

Made = TypeVar("Made")


@dataclass(slots=True)
class Stopwatch:
    """Adds up what collation takes: the host's seconds, and the device's where it works there."""

    device: torch.device
    is_on_device: bool = False
    host_s: float = 0.0
    _events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = field(default_factory=list)

    def __call__(self, make: Callable[[], Made]) -> Made:
        """Return what is made, timed."""
        if self.is_on_device:
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            self._events.append((begin, end))
            begin.record()
        since = time.perf_counter()
        made = make()
        self.host_s += time.perf_counter() - since
        if self.is_on_device:
            end.record()
        return made

    def restart(self) -> None:
        """Forget what was timed."""
        self.host_s = 0.0
        self._events.clear()

    def seconds(self) -> float:
        """Return the longer of both; a device that waits for the host is timed as working."""
        on_device = float(sum(begin.elapsed_time(end) for begin, end in self._events)) / 1000
        return max(self.host_s, on_device)


class Arm(Protocol):
    """Takes the steps of a case in order."""

    watch: Stopwatch
    work: Work  # what the model's mathematics costs

    def take(self, step: int) -> Tensor:
        """Train on a step; return its loss, still on the device."""


class Ours:
    """The training loop of `pipeline.finetune`, as a run takes its steps."""

    def __init__(
        self,
        case: Case,
        device: torch.device,
        *,
        is_compiled: bool = False,
        is_captured: bool = False,
        is_recomputing: bool = False,
    ) -> None:
        settings = RunSettings(
            folder=Path(),
            model=case.model,
            tokenizer="",
            stages=(),
            lora=AdapterSettings(rank=case.rank, alpha=case.alpha, targets=TARGETS),
            capacity=case.plan.capacity,
            packs_per_step=case.packs_per_step,
            clip=case.clip,
            dtype=case.dtype,
            compile=is_compiled,
            graphs=is_captured,
            checkpointing=is_recomputing,
            seed=SEED,
        )
        world = World(0, 1, device)
        trainee, _ = make_trainee(settings, world, [case.plan])
        trainee.enter(case.plan, "token")
        self._stepper = make_stepper(trainee, settings, world)
        self._case = case
        self.work = work_of(trainee.model)
        self.watch = Stopwatch(device, is_on_device=device.type == "cuda")
        packs = feed(case.items, case.plan, device)
        self._packs = iter(lambda: self.watch(lambda: next(packs)), None)

    def take(self, step: int) -> Tensor:
        """Train on a step; return its loss, still on the device."""
        case = self._case
        num_targets = int(case.plan.supervised[step])
        taken = self._stepper.take(step, self._packs, case.packs_per_step, num_targets, case.rate)
        return taken.loss
