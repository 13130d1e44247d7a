"""Bring packs to the device, in the order in which a rank trains on them; no loader processes.

On CUDA the pool lies on the device and one launch makes a pack there. A pool that would take more
than a share of the device's memory stays where it is: packs are made in page-locked buffers and
copied on a stream of their own while the model works. On the CPU they are made in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch

from pipeline.finetune import collate, collate_numba, jit
from pipeline.finetune.collate import AnyArray, Batch, Documents, Shape, Source
from pipeline.finetune.plan import Plan

NUM_SLOTS = 2  # of page-locked memory: one is copied while the next is filled
POOL_SHARE = 0.1  # of the device's memory; the model needs the rest


class Fed(NamedTuple):
    """A pack on the device; its batch is overwritten by the next one, at the same addresses."""

    step: int
    pack: int  # -1: an empty one
    batch: Batch[torch.Tensor]


class Packer(Protocol):
    """Brings one pack after another to a device."""

    def __call__(self, pack: int, coming: int | None) -> Batch[torch.Tensor]:
        """Return the pack; `coming` is the one that is asked for next, None after the last."""


def feed(
    pool: Documents,
    plan: Plan,
    device: torch.device,
    *,
    rank: int = 0,
    world: int = 1,
    start: int = 0,
    pad_token: int = 0,
    pool_share: float = POOL_SHARE,
) -> Iterator[Fed]:
    """Yield a rank's packs of every step from `start` on, as many in each step on every rank."""
    source = collate.source_of(pool, plan, pad_token)
    packer = _packer(source, collate.shape_of(plan), device, pool_share)
    places = [
        (step, int(pack))
        for step in range(start, plan.num_steps)
        for pack in plan.assign(step, rank, world)
    ]
    coming = [*(pack for _, pack in places[1:]), None]
    for (step, pack), following in zip(places, coming, strict=False):
        yield Fed(step, pack, packer(pack, following))


def _packer(source: Source[AnyArray], shape: Shape, device: torch.device, share: float) -> Packer:
    if device.type != "cuda":
        return OnHost(source, shape)
    num_bytes = sum(array.nbytes for array in source[:-1])
    if num_bytes <= share * torch.cuda.get_device_properties(device).total_memory:
        return Resident(source, shape, device)
    return Streamed(source, shape, device)


def fill(source: Source[AnyArray], pack: int, out: Batch[AnyArray]) -> None:
    """Write a pack by the faster of the ways that the CPU has."""
    (collate_numba if jit.IS_COMPILED else collate).collate(source, pack, out)


class OnHost:
    """Packs in main memory."""

    def __init__(self, source: Source[AnyArray], shape: Shape) -> None:
        self._source = source
        buffer = torch.empty(shape.num_numbers, dtype=torch.int32)
        self._batch = collate.batch_over(buffer, shape)
        self._arrays = collate.batch_over(buffer.numpy(), shape)

    def __call__(self, pack: int, coming: int | None) -> Batch[torch.Tensor]:  # noqa: ARG002
        """Make the pack in place."""
        fill(self._source, pack, self._arrays)
        return self._batch


class Resident:
    """Packs made on a device that holds the pool."""

    def __init__(self, source: Source[AnyArray], shape: Shape, device: torch.device) -> None:
        from pipeline.finetune import collate_triton  # Triton is no part of a torch for the CPU

        self._collate = collate_triton.collate
        self._source = collate_triton.on_device(source, device)
        buffer = torch.empty(shape.num_numbers, dtype=torch.int32, device=device)
        self._batch = collate.batch_over(buffer, shape)

    def __call__(self, pack: int, coming: int | None) -> Batch[torch.Tensor]:  # noqa: ARG002
        """Launch the kernel; it runs after all that was launched before, so nothing waits."""
        self._collate(self._source, pack, self._batch)
        return self._batch


class Streamed:
    """Packs made in page-locked memory and copied ahead on a stream of their own."""

    def __init__(self, source: Source[AnyArray], shape: Shape, device: torch.device) -> None:
        self._source = source
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._slots = [_Slot(shape, device) for _ in range(NUM_SLOTS)]
        self._number = 0
        self._is_sent = False
        buffer = torch.empty(shape.num_numbers, dtype=torch.int32, device=device)
        self._buffer, self._batch = buffer, collate.batch_over(buffer, shape)

    def __call__(self, pack: int, coming: int | None) -> Batch[torch.Tensor]:
        """Take over the pack that was sent before, and send the coming one."""
        if not self._is_sent:
            self._send(pack)
        slot = self._slots[self._number % NUM_SLOTS]
        current = torch.cuda.current_stream(self._buffer.device)
        current.wait_event(slot.has_arrived)
        self._buffer.copy_(slot.arrived, non_blocking=True)
        slot.is_free.record(current)
        self._number += 1
        self._is_sent = coming is not None
        if coming is not None:
            self._send(coming)
        return self._batch

    def _send(self, pack: int) -> None:
        slot = self._slots[self._number % NUM_SLOTS]
        slot.has_arrived.synchronize()  # its last copy, begun two packs ago, still reads the memory
        fill(self._source, pack, slot.arrays)
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(slot.is_free)
            slot.arrived.copy_(slot.locked, non_blocking=True)
            slot.has_arrived.record(self._stream)


class _Slot:
    """Page-locked memory, its copy on the device, and where both stand."""

    def __init__(self, shape: Shape, device: torch.device) -> None:
        self.locked = torch.empty(shape.num_numbers, dtype=torch.int32, pin_memory=True)
        self.arrays = collate.batch_over(self.locked.numpy(), shape)
        self.arrived = torch.empty(shape.num_numbers, dtype=torch.int32, device=device)
        self.has_arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self.is_free = torch.cuda.Event()  # type: ignore[no-untyped-call]
