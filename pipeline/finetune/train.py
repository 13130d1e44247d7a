"""A training run: its stages one after another, from the last checkpoint on.

The same command goes on wherever it was cut off, also between stages and with another number of
processes. On the CPU, with the same processes and threads, a run that was killed gives the same
losses and weights as an unbroken one, bit for bit.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.errors import InputError
from pipeline.finetune import checkpoint, journal
from pipeline.finetune.checkpoint import Cursor
from pipeline.finetune.feed import feed
from pipeline.finetune.flops import work_of
from pipeline.finetune.journal import Journal
from pipeline.finetune.mixture import Items, items_of, tokens_per_language, weighted, with_replay
from pipeline.finetune.model import check_vocabulary
from pipeline.finetune.parallel import World, join_world, leave_world
from pipeline.finetune.plan import EMPTY, Plan, join, plan
from pipeline.finetune.pool import Pool, open_pool
from pipeline.finetune.result import write_model
from pipeline.finetune.run_card import has_card, make_card, read_card, write_card
from pipeline.finetune.schedule import learning_rate
from pipeline.finetune.settings import RunSettings, StageSettings, read_settings
from pipeline.finetune.step import Stepper, make_stepper
from pipeline.finetune.trainee import Trainee, make_trainee

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage with what it trains on."""

    settings: StageSettings
    pool: Pool
    items: Items
    plan: Plan
    num_steps: int
    languages: dict[str, dict[str, int]]  # items, tokens and supervised ones that the plan takes

    def cursor(self, number: int, step: int, run: RunSettings) -> Cursor:
        """Return the place in the run after so many steps."""
        digest = _digest(run, self.settings, self.pool)
        name = self.settings.name
        return Cursor(number, name, step, self.num_steps, self.plan.digest, digest)

    def divisor(self, step: int) -> int:
        """Return what the loss of a step is divided by: supervised tokens, or documents."""
        if self.settings.loss == "token":
            return int(self.plan.supervised[step])
        packs = self.plan.steps[step]
        return int(self.plan.num_docs[packs[packs != EMPTY]].sum())


def train(path: Path) -> dict[str, Any]:
    """Run, or go on with, what run.json says; return the run card."""
    settings = read_settings(path)
    world = join_world(settings.device)
    try:
        with _locked(settings.folder, world):
            return _run(settings, world)
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"{path}: out of GPU memory at capacity {settings.capacity:,} "
            f"({str(error).splitlines()[0].rstrip('.')}). Set `checkpointing: true`, lower "
            "`capacity`, or use `lora` in place of `full`."
        ) from error
    finally:
        leave_world()


def plan_stages(settings: RunSettings) -> list[StagePlan]:
    """Return every stage with its plan; an `InputError` names the pool that does not fit."""
    stages: list[StagePlan] = []
    for one in settings.stages:
        pool = open_pool(settings.folder / one.pool)
        items = items_of(pool)
        if one.replay:
            items = with_replay(pool, stages[-1].pool, one.replay, settings.seed)
        stages.append(_planned(settings, one, pool, items))
    return stages


def _planned(run: RunSettings, stage: StageSettings, pool: Pool, items: Items) -> StagePlan:
    every = np.arange(len(items.lengths), dtype=np.int32)
    taken = [weighted(items, stage.temperature, run.seed, epoch) for epoch in range(stage.epochs)]
    plans = [
        plan(
            items.lengths,
            items.supervised,
            seed=run.seed,
            epoch=epoch,
            capacity=run.capacity,
            packs_per_step=run.packs_per_step,
            order=run.order,
            indices=indices,
        )
        for epoch, indices in enumerate(taken)
    ]
    whole = join(plans)
    num_steps = min(whole.num_steps, stage.max_steps or whole.num_steps)
    languages = tokens_per_language(
        items, np.concatenate([every if one is None else one for one in taken])
    )
    return StagePlan(stage, pool, items, whole, num_steps, languages)


def _run(settings: RunSettings, world: World) -> dict[str, Any]:
    stages = plan_stages(settings)
    first, step = _start(settings, stages)
    if (first, step) == (len(stages) - 1, stages[-1].num_steps) and has_card(settings.folder):
        return read_card(settings.folder)
    trainee, errors = make_trainee(settings, world, [stage.plan for stage in stages])
    for stage in stages:
        check_vocabulary(trainee.model, stage.pool.facts["vocabulary"], settings.tokenizer)
    for number in range(first, len(stages)):
        start = step if number == first else 0
        _run_stage(settings, stages, number, start, trainee, world)
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
    if not is_known or replace(cursor, step=0) != stages[cursor.stage].cursor(
        cursor.stage, 0, settings
    ):
        raise InputError(
            f"{place}: a checkpoint of another plan, pool or recipe. Give another --out, or delete "
            f"{place.parent} to start anew."
        )
    return cursor.stage, cursor.step


def _run_stage(
    run: RunSettings,
    stages: Sequence[StagePlan],
    number: int,
    start: int,
    trainee: Trainee,
    world: World,
) -> None:
    stage, name = stages[number], stages[number].settings.name
    trainee.enter(stage.plan, stage.settings.loss)
    stepper = make_stepper(trainee, run, world)
    folder = run.folder / CHECKPOINTS
    found = checkpoint.latest(folder)
    if start and found:
        checkpoint.load_weights(found[0], stepper.trained)
        checkpoint.load_optimizer(found[0], stepper.trained, stepper.optimizer)
    if world.is_first:
        journal.cut_back(run.folder, [one.settings.name for one in stages], name, start)
    told = Journal(
        run.folder, name, stage.plan, stage.items, world, work_of(trainee.model), stage.num_steps
    )
    for step in _steps(stage, start, stepper, told, world):
        if step % run.save_every == 0 or step == stage.num_steps:
            told.flush()  # a loss that is no number must not be saved
            cursor = stage.cursor(number, step, run)
            checkpoint.save(folder, cursor, stepper.trained, stepper.optimizer, world)


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


def _digest(run: RunSettings, stage: StageSettings, pool: Pool) -> str:
    """Return the digest of what decides a stage's numbers, beside its plan."""
    told = {
        "model": run.model,
        "lora": None if run.lora is None else asdict(run.lora),
        "weight_decay": run.weight_decay,
        "clip": run.clip,
        "dtype": run.dtype,
        "seed": run.seed,
        "stage": {name: value for name, value in asdict(stage).items() if name != "pool"},
        "pool": pool.facts["digest"],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@contextmanager
def _locked(folder: Path, world: World) -> Iterator[None]:
    """Keep a second run out of the folder."""
    if not world.is_first:
        yield
        return
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{folder}: another run is training here. Wait for it, or give another --out."
            ) from error
        yield
