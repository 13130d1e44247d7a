"""A training run: its stages one after another, from the last checkpoint on.

The same command goes on wherever it was cut off, also between stages and with another number of
processes. On the CPU, with the same processes and threads, a run that was killed gives the same
losses and weights as an unbroken one, bit for bit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import InputError
from pipeline.finetune import checkpoint, journal
from pipeline.finetune.board import Board, find_writer
from pipeline.finetune.feed import feed
from pipeline.finetune.flops import work_of
from pipeline.finetune.journal import Journal
from pipeline.finetune.model import check_vocabulary
from pipeline.finetune.parallel import World, join_world, leave_world
from pipeline.finetune.quiet import quiet
from pipeline.finetune.result import has_result, write_model
from pipeline.finetune.run_card import has_card, make_card, read_card, write_card
from pipeline.finetune.schedule import learning_rate
from pipeline.finetune.settings import RunSettings, read_settings
from pipeline.finetune.stages import StagePlan, plan_stages
from pipeline.finetune.step import Stepper, make_stepper
from pipeline.finetune.trainee import Trainee, make_trainee
from pipeline.lock import locked

CHECKPOINTS = "checkpoints"


def train(path: Path) -> dict[str, Any]:
    """Run, or go on with, what run.json says; return the run card."""
    settings = read_settings(path)
    world = join_world(settings.device)
    try:
        with quiet(), locked(settings.folder) if world.is_first else nullcontext():
            return _run(settings, world)
    except RuntimeError as error:
        cause = _lack_of_memory(error)
        if cause is None:
            raise
        raise InputError(
            f"{path}: out of GPU memory at capacity {settings.capacity:,} "
            f"({str(cause).splitlines()[0].rstrip('.')}). Set `checkpointing: true` or "
            "`graphs: false`, lower `capacity`, or use `lora` in place of `full`."
        ) from error
    finally:
        leave_world()


def _lack_of_memory(error: BaseException | None) -> BaseException | None:
    """Return the error that tells of too little memory; capturing a graph ends in another one."""
    while error is not None:
        if isinstance(error, torch.OutOfMemoryError) or "ALLOC_FAILED" in str(error):
            return error
        error = error.__cause__ or error.__context__
    return None


def _run(settings: RunSettings, world: World) -> dict[str, Any]:
    if settings.tensorboard:
        find_writer()  # told now, not when the model is loaded
    stages = plan_stages(settings)
    first, step = _start(settings, stages)
    is_trained = (first, step) == (len(stages) - 1, stages[-1].num_steps)
    if is_trained and has_result(settings) and has_card(settings.folder):
        _say(f"{settings.folder}: trained already, nothing to do.", world)
        return read_card(settings.folder)
    _say("Loading the model, and proving that packed documents do not see each other.", world)
    trainee, errors = make_trainee(settings, world, [stage.plan for stage in stages])
    for stage in stages:
        check_vocabulary(trainee.model, stage.pool.facts["vocabulary"], settings.tokenizer)
    for stage in stages[first:]:
        _run_stage(settings, stages, stage, step if stage.number == first else 0, trainee, world)
    card = make_card(settings, stages, errors, trainee.model, world)
    write_model(settings, trainee, world)
    if world.is_first:
        write_card(settings.folder, card)  # last: it says that the run is finished
    return card


def _start(settings: RunSettings, stages: Sequence[StagePlan]) -> tuple[int, int]:
    """Return the stage and the step to go on from."""
    found = checkpoint.latest(settings.folder / CHECKPOINTS)
    if found is None:
        return 0, 0
    place, cursor = found
    is_known = cursor.stage < len(stages)
    if not is_known or replace(cursor, step=0) != stages[cursor.stage].cursor(0):
        raise InputError(
            f"{place}: a checkpoint of another plan, pool or recipe. Give another --out, or delete "
            f"{place.parent} to start anew."
        )
    return cursor.stage, cursor.step


def _run_stage(
    run: RunSettings,
    stages: Sequence[StagePlan],
    stage: StagePlan,
    start: int,
    trainee: Trainee,
    world: World,
) -> None:
    _say(stage.headline(), world)
    trainee.enter(stage.plan, stage.settings.loss)
    stepper = make_stepper(trainee, run, world)
    folder = run.folder / CHECKPOINTS
    found = checkpoint.latest(folder)
    if start and found:
        checkpoint.load_weights(found[0], stepper.trained)
        checkpoint.load_optimizer(found[0], stepper.trained, stepper.optimizer)
    if world.is_first:
        journal.cut_back(run.folder, [one.name for one in stages], stage.name, start)
    is_drawn = run.tensorboard and world.is_first
    board = Board(run.folder, stage.name, start) if is_drawn else None
    told = Journal(run.folder, stage, world, work_of(trainee.model), board)
    for step in _steps(stage, start, stepper, told, world):
        if step % run.save_every == 0 or step == stage.num_steps:
            told.flush()  # a loss that is no number must not be saved
            checkpoint.save(folder, stage.cursor(step), stepper.trained, stepper.optimizer, world)


def _steps(
    stage: StagePlan, start: int, stepper: Stepper, told: Journal, world: World
) -> Iterator[int]:
    """Take the steps that are left, and yield how many are done."""
    pad = stage.pool.facts.get("pad_token") or 0
    packs = feed(
        stage.items,
        stage.plan,
        world.device,
        rank=world.rank,
        world=world.size,
        start=start,
        pad_token=pad,
    )
    per_rank = stage.plan.steps.shape[1] // world.size
    for step in range(start, stage.num_steps):
        one = stage.settings
        rate = learning_rate(step, stage.num_steps, one.lr, one.warmup)
        told.note(stepper.take(step, packs, per_rank, stage.divisor(step), rate), rate)
        yield step + 1


def _say(line: str, world: World) -> None:
    if world.is_first:
        sys.stderr.write(f"{line}\n")
