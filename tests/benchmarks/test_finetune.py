"""The arms take the same steps, and a comparison with one that trains otherwise fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import finetune, finetune_figures
from benchmarks.figures import Figure
from benchmarks.finetune_arms import Ours
from benchmarks.finetune_case import Case, Features, drawn_items, plan_of
from benchmarks.finetune_figures import figures
from benchmarks.finetune_peers import Flattened, Grouped, Padded
from benchmarks.finetune_runs import Make, Run
from pipeline.finetune.plan import EMPTY
from pipeline.train_recipe import Lora, Stage, TrainingRecipe

CPU = torch.device("cpu")
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def case() -> Case:
    items = drawn_items(40, 500, shorter=8, longest=96)
    made = plan_of(items, 256, 2)
    return Case("random:tiny", "float32", items, made, 1, 1, padded_docs=4, rate=1e-2)


def measured(case: Case, arms: dict[str, Make]) -> dict[str, Figure]:
    runs, failed = finetune.measure(case, arms, 1, CPU, 60)
    assert not failed
    return {figure.name: figure for figure in figures(case, runs, CPU)}


def test_every_arm_without_compiling_gives_the_losses_of_padded_training(case: Case) -> None:
    found = measured(case, dict(finetune.QUICK))
    differences = [name for name in found if name.endswith("_loss_difference")]
    assert {"flattened_loss_difference", "ours_eager_loss_difference"} <= {*differences}
    for name in differences:
        assert found[name].floor == 1e-5
        assert not found[name].is_worse_than_floor, found[name]


class Leaking(Flattened):
    """Flattened documents with a mask of ones, under which transformers sees one document."""

    def _collator(self) -> Callable[[Features], dict[str, Tensor]]:
        flatten = super()._collator()

        def leaking(rows: Features) -> dict[str, Tensor]:
            batch = flatten(rows)
            return {**batch, "attention_mask": torch.ones_like(batch["input_ids"])}

        return leaking


class SumOfMeans(Padded):
    """Averages each micro-batch by itself, as trainers did."""

    def _pass(self, rows: Features, num_targets: int) -> Tensor:
        own = sum(label != -100 for row in rows for label in row["labels"])
        mean: Tensor = super()._pass(rows, own)
        return mean * own / num_targets


@pytest.mark.parametrize(("wrong", "name"), [(Leaking, "leaking"), (SumOfMeans, "sum_of_means")])
def test_an_arm_that_trains_otherwise_is_worse_than_the_floor(
    case: Case, wrong: Make, name: str
) -> None:
    found = measured(case, {"padded_random": Padded, name: wrong})
    assert found[f"{name}_loss_difference"].is_worse_than_floor
    assert not found["padded_random_loss_difference"].is_worse_than_floor


@pytest.mark.parametrize("kind", [Padded, Grouped, Flattened])
def test_micro_batches_hold_the_documents_of_the_plan(case: Case, kind: type[Padded]) -> None:
    arm = kind(case, CPU)
    for step in range(case.num_steps):
        packs = case.plan.steps[step]
        documents = case.plan.docs[packs[packs != EMPTY]].ravel()
        bounds = [case.items.offsets[at : at + 2] for at in documents[documents != EMPTY]]
        expected = sorted(case.items.tokens[begin:end].tolist() for begin, end in bounds)
        rows = [*chain.from_iterable(arm._cut(case.packs(step), step))]
        assert sorted(row["input_ids"] for row in rows) == expected
        tokens, squares, num_targets = case.totals(step)
        lengths = np.array([len(row["input_ids"]) for row in rows])
        labels = [label for row in rows for label in row["labels"][1:]]
        assert (tokens, squares) == (lengths.sum(), (lengths**2).sum())
        assert num_targets == sum(label != -100 for label in labels)


class TooLarge(Ours):
    """Runs out of memory unless it recomputes."""

    def __init__(self, case: Case, device: torch.device, *, is_recomputing: bool = False) -> None:
        if not is_recomputing:
            raise torch.OutOfMemoryError("too large")
        super().__init__(case, device, is_recomputing=True)


def test_an_arm_out_of_memory_runs_again_recomputing_and_is_not_compared(case: Case) -> None:
    found = measured(case, {"flattened": Flattened, "ours_eager": TooLarge})
    assert found["ours_eager_out_of_memory"].value == 1
    assert found["ours_eager_recomputing_tokens"].value > 0
    assert not found["ours_eager_recomputing_loss_difference"].is_worse_than_floor
    assert not [name for name in found if name.startswith("times_")]


class Broken(Flattened):
    """Cannot take a step."""

    def take(self, step: int) -> Tensor:
        raise RuntimeError(f"step {step}")


def test_a_broken_arm_leaves_the_others_their_figures(case: Case) -> None:
    arms: dict[str, Make] = {"flattened": Broken, "ours_eager": Ours}
    runs, failed = finetune.measure(case, arms, 1, CPU, 60)
    assert [*runs] == ["ours_eager"]
    assert failed == {"flattened"}


def test_no_arm_starts_that_would_outlast_the_time(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    arms: dict[str, Make] = {"padded_random": Padded, "flattened": Flattened}
    runs, _ = finetune.measure(case, arms, 2, CPU, 0.01)
    assert [*runs] == ["padded_random"]
    assert "flattened: not measured, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "device", "floors"),
    [
        ("random:llama-3-8b", "NVIDIA H100 80GB HBM3", {"ours_compiled_tokens": 12_500}),
        ("random:smollm2-135m", "NVIDIA H100 80GB HBM3", {"times_trl_documented": 3}),
        ("random:llama-3-8b", "NVIDIA H200", {}),
        ("random:llama-3-8b", "cpu", {}),
    ],
)
def test_speed_has_floors_on_the_device_they_are_for(
    model: str, device: str, floors: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune_figures, "device_name", lambda _: device)
    items = drawn_items(90, 500, shorter=1, longest=8192)
    planned = plan_of(items, 8192, 1)
    case = Case(model, "bfloat16", items, planned, 1, 1, padded_docs=4)
    run = Run([2.0, 2.0], [1.0], 1.0, 0.01, 20.0, 0.4)
    names = ("trl_documented", "trl_tuned", "ours_compiled")
    found = {one.name: one for one in figures(case, {name: [run] for name in names}, CPU)}
    limited = {name for name, one in found.items() if one.floor is not None}
    assert bool(limited) == bool(floors)
    assert all(found[name].floor == floor for name, floor in floors.items())
    collation = found["ours_compiled_collation"]  # 1 % of the step
    assert collation.is_worse_than_floor == ("ours_compiled_tokens" in floors)
    if floors:
        assert found["times_best_tuned_peer"].is_worse_than_floor  # as fast, not faster


def test_it_starts_where_only_training_packages_are_installed() -> None:
    blocked = ("trl", "datasets", "numba", "polars", "pydantic", "typer", "rich")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "from benchmarks.finetune import has_trl\n"
        "assert not has_trl()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_guide_names_every_key_of_a_training_recipe() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "finetune.md").read_text(encoding="utf-8")
    tables = {line.split("`")[1] for line in guide.splitlines() if line.startswith("| `")}
    models = (TrainingRecipe, Stage)
    assert {name for model in models for name in model.model_fields} <= tables
    assert all(f"`{name}`" in guide for name in Lora.model_fields)
