"""Checkpoints of a run: what learns, the optimiser, and the place in the plan, written at once.

A checkpoint is a folder that is renamed into place when it is whole, so a kill leaves the one
before. It holds full tensors whatever the number of processes, and no random state: every random
choice of a run is keyed by (seed, epoch), so that any number of ranks goes on from it.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.errors import InputError
from pipeline.finetune.parallel import World, gathered, placed

WEIGHTS, OPTIMIZER, CURSOR = "trained.safetensors", "optimizer.safetensors", "cursor.json"
KEPT = 2  # checkpoints of the present stage


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a run is: `step` steps of a stage's plan are done."""

    stage: int
    name: str
    step: int
    num_steps: int
    plan: str  # digest
    settings: str  # digest of what decides the numbers of the stage


def latest(folder: Path) -> tuple[Path, Cursor] | None:
    """Return the checkpoint that is furthest, or None where there is none."""
    found = sorted(folder.glob("[0-9]*"))
    return (found[-1], _read_cursor(found[-1])) if found else None


def _read_cursor(checkpoint: Path) -> Cursor:
    """Return where a checkpoint stands; an `InputError` says that it is no whole one."""
    path = checkpoint / CURSOR
    try:
        return Cursor(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path}: no cursor of a checkpoint ({error}). Delete {checkpoint} to go on from the "
            "one before."
        ) from error


def save(
    folder: Path,
    cursor: Cursor,
    trained: dict[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    world: World,
) -> None:
    """Write a checkpoint; every process calls, the first one writes."""
    weights = {name: _whole(one) for name, one in trained.items()}
    moments = {
        f"{key}:{name}": _whole(value)
        for name, one in trained.items()
        for key, value in optimizer.state[one].items()
    }
    if not world.is_first:
        return
    place = folder / f"{cursor.stage}-{cursor.name}-{cursor.step:08d}"
    partial = folder / f".{place.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(weights, partial / WEIGHTS)
    save_file(moments, partial / OPTIMIZER)
    (partial / CURSOR).write_text(json.dumps(asdict(cursor), indent=1) + "\n", encoding="utf-8")
    for path in partial.iterdir():
        _sync(path)
    shutil.rmtree(place, ignore_errors=True)
    partial.replace(place)
    _sync(folder)
    for older in sorted(folder.glob(f"{cursor.stage}-*"))[:-KEPT]:
        shutil.rmtree(older)


def load_weights(checkpoint: Path, trained: dict[str, nn.Parameter]) -> None:
    """Set what learns to the values of a checkpoint."""
    weights = _read(checkpoint / WEIGHTS)
    if missing := sorted({*trained} ^ {*weights}):
        raise InputError(
            f"{checkpoint}: it is of another model or other adapters ({missing[0]} is in one of "
            "them only). Give another --out, or the recipe that it was made with."
        )
    with torch.no_grad():
        for name, one in trained.items():
            one.copy_(placed(weights[name], one))


def load_optimizer(
    checkpoint: Path, trained: dict[str, nn.Parameter], optimizer: torch.optim.Optimizer
) -> None:
    """Set the optimiser to the state of a checkpoint."""
    for entry, whole in _read(checkpoint / OPTIMIZER).items():
        key, _, name = entry.partition(":")
        one = trained[name]
        is_moment = whole.shape == one.shape
        optimizer.state[one][key] = placed(whole, one) if is_moment else whole.to(one.device)


def _whole(value: Tensor) -> Tensor:
    return gathered(value.detach()).cpu().contiguous()


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path}: it cannot be read ({error}). Delete {path.parent} to go on from the "
            "checkpoint before."
        ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
