"""The stages of a run, each with the items that it takes and the plan of its steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pipeline.finetune.checkpoint import Cursor
from pipeline.finetune.mixture import Items, items_of, tokens_per_language, weighted, with_replay
from pipeline.finetune.plan import EMPTY, Plan, join, plan
from pipeline.finetune.pool import Pool, check_digest, check_same_text, check_tokenizer, open_pool
from pipeline.finetune.settings import RunSettings, StageSettings

_OF_POOL = ("pool", "pool_digest")  # settings that say where the items lie, not what they are


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage with what it trains on."""

    number: int  # from 0
    settings: StageSettings
    pool: Pool
    items: Items
    plan: Plan
    num_steps: int
    languages: dict[str, dict[str, int]]  # items, tokens and supervised ones that its steps see
    digest: str  # of all that decides its numbers and those of earlier stages, beside its plan

    @property
    def name(self) -> str:
        """Return the name, of which a run has no two alike."""
        return self.settings.name

    def cursor(self, step: int) -> Cursor:
        """Return the place in the run after so many steps."""
        return Cursor(self.number, self.name, step, self.num_steps, self.plan.digest, self.digest)

    def divisor(self, step: int) -> int:
        """Return what the loss of a step is divided by: supervised tokens, or documents."""
        if self.settings.loss == "token":
            return int(self.plan.supervised[step])
        packs = self.plan.steps[step]
        return int(self.plan.num_docs[packs[packs != EMPTY]].sum())

    def headline(self) -> str:
        """Return in one line what the stage is going to see, repeats and replayed items counted."""
        num_items = sum(one["items"] for one in self.languages.values())
        tokens = ", ".join(f"{name} {one['tokens']:,}" for name, one in self.languages.items())
        return (
            f"{self.name}: {num_items:,} items in {self.num_steps:,} steps, efficiency "
            f"{self.plan.efficiency:.3f}; tokens: {tokens}"
        )


def plan_stages(run: RunSettings) -> list[StagePlan]:
    """Return every stage with its plan; an `InputError` names the pool that does not fit."""
    stages: list[StagePlan] = []
    for one in run.stages:
        pool = open_pool(run.folder / one.pool)
        check_tokenizer(pool, run.tokenizer)
        check_digest(pool, one.pool_digest)
        if stages:
            check_same_text(pool, stages[0].pool)
        items = items_of(pool)
        if one.replay:
            items = with_replay(pool, stages[-1].pool, one.replay, run.seed)
        stages.append(_planned(run, one, pool, items, stages))
    return stages


def _planned(
    run: RunSettings, stage: StageSettings, pool: Pool, items: Items, before: Sequence[StagePlan]
) -> StagePlan:
    whole = join([_epoch(run, stage, items, epoch) for epoch in range(stage.epochs)])
    num_steps = min(whole.num_steps, stage.max_steps or whole.num_steps)
    return StagePlan(
        number=len(before),
        settings=stage,
        pool=pool,
        items=items,
        plan=whole,
        num_steps=num_steps,
        languages=tokens_per_language(items, whole.documents(num_steps)),
        digest=_digest(run, stage, pool, before),
    )


def _epoch(run: RunSettings, stage: StageSettings, items: Items, epoch: int) -> Plan:
    return plan(
        items.lengths,
        items.supervised,
        seed=run.seed,
        epoch=epoch,
        capacity=run.capacity,
        packs_per_step=run.packs_per_step,
        order=run.order,
        indices=weighted(items, stage.temperature, run.seed, epoch),
    )


def _digest(run: RunSettings, stage: StageSettings, pool: Pool, before: Sequence[StagePlan]) -> str:
    """Return the digest of what decides a stage's numbers: it starts from those of the last."""
    told = {
        "before": [(one.digest, one.plan.digest) for one in before[-1:]],
        "model": run.model,
        "lora": None if run.lora is None else asdict(run.lora),
        "weight_decay": run.weight_decay,
        "clip": run.clip,
        "dtype": run.dtype,
        "seed": run.seed,
        "stage": {name: value for name, value in asdict(stage).items() if name not in _OF_POOL},
        "pool": pool.facts["digest"],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
