"""One run of an arm: its steps one after another, timed without waiting for the device."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.finetune_arms import Arm
from benchmarks.finetune_case import Case
from pipeline.finetune.flops import utilisation
from pipeline.finetune.parallel import World

Make = Callable[..., Arm]
AGAIN = "_recomputing"  # ends the name of an arm that runs again to take less memory


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of an arm gave."""

    losses: list[float]  # of all steps
    seconds: list[float]  # of the measured steps
    first_s: float  # from nothing to the end of the first step
    collating_s: float  # in the measured steps
    peak_gib: float | None
    mfu: float | None


def run(name: str, make: Make, case: Case, device: torch.device) -> list[Run]:
    """Return what a run of an arm gave; nothing where memory did not do."""
    _clear(device)
    try:
        found = _run(make, case, device, is_recomputing=name.endswith(AGAIN))
    except torch.OutOfMemoryError:
        say(f"{name}: out of memory")
        return []
    say(f"{name}: {statistics.median(found.seconds):.4f} s a step, loss {found.losses[-1]:.4f}")
    return [found]


def _run(make: Make, case: Case, device: torch.device, *, is_recomputing: bool) -> Run:
    begin = time.perf_counter()
    arm = make(case, device, **({"is_recomputing": True} if is_recomputing else {}))
    losses, clock = [arm.take(0)], Clock(device)
    first_loss = float(losses[0])  # waits for the device
    first_s = time.perf_counter() - begin
    for step in range(1, case.num_steps):
        if step == case.warm_up:
            arm.watch.restart()
            clock.mark()
        losses.append(arm.take(step))
        if step >= case.warm_up:
            clock.mark()
    seconds = clock.seconds()
    steps = range(case.warm_up, case.num_steps)
    operations = sum(arm.work.of(*case.totals(step)) for step in steps)
    is_gpu = device.type == "cuda"
    return Run(
        losses=[first_loss, *map(float, losses[1:])],
        seconds=seconds,
        first_s=first_s,
        collating_s=arm.watch.seconds(),
        peak_gib=torch.cuda.max_memory_allocated(device) / 2**30 if is_gpu else None,
        mfu=utilisation(operations, sum(seconds), World(0, 1, device)),
    )


class Clock:
    """Times steps without making the host wait for the device between them."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._events: list[torch.cuda.Event] = []
        self._times: list[float] = []

    def mark(self) -> None:
        """Note that a step has ended."""
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self._events.append(event)
        else:
            self._times.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Return the seconds between marks."""
        if self._device.type != "cuda":
            return np.diff(self._times).tolist()
        torch.cuda.synchronize(self._device)
        pairs = zip(self._events, self._events[1:], strict=False)
        return [begin.elapsed_time(end) / 1000 for begin, end in pairs]


def _clear(device: torch.device) -> None:
    """Leave nothing of the arm before."""
    gc.collect()
    torch.compiler.reset()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def say(text: str) -> None:
    """Tell how far the measurement is."""
    print(text, file=sys.stderr, flush=True)
