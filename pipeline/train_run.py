"""Runs a training recipe: its pools, its `run.json`, then the training itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.finetune.board import find_writer
from pipeline.finetune.launch import launch
from pipeline.finetune.model import find_device
from pipeline.finetune.run_card import read_card
from pipeline.finetune.settings import FILE
from pipeline.finetune.train import train
from pipeline.show import Shown, table
from pipeline.store import stopping_when_disk_is_full, write_atomically
from pipeline.train_pools import make_pools
from pipeline.train_recipe import TrainingRecipe, resolve


def run(recipe: TrainingRecipe, out: Path, processes: int) -> Shown:
    """Train what a recipe says in `out`, and return the run card."""
    _check(recipe, processes)
    pools, _ = make_pools(recipe, out)
    values = resolve(recipe)
    for stage in values["stages"]:
        stage["pool_digest"] = pools[str(out / stage["pool"])]["digest"]
    path = out / FILE
    with stopping_when_disk_is_full(out):
        write_atomically(path, (json.dumps(values, indent=1) + "\n").encode())
        if processes == 1:
            train(path)
        else:
            launch(path, processes)
    card = read_card(out)
    return card, _text(out, card)


def _check(recipe: TrainingRecipe, processes: int) -> None:
    """Refuse what training would refuse, before hours of tokenising."""
    if recipe.batch % processes:
        raise InputError(
            f"{processes} processes cannot share the {recipe.batch} packs of a step evenly. "
            f"Give `batch` a multiple of {processes}, or start fewer processes."
        )
    if recipe.device == "cuda":
        find_device(f"cuda:{processes - 1}")
    if recipe.tensorboard:
        find_writer()


def _text(out: Path, card: Mapping[str, Any]) -> str:
    columns = ("stage", "steps", "first loss", "last loss", "tokens/s", "seconds")
    rows = (
        (
            stage["name"],
            stage["steps"],
            f"{stage['first_loss']:.4f}",
            f"{stage['last_loss']:.4f}",
            f"{stage['tokens_per_second']:,.0f}",
            f"{stage['seconds']:,.0f}",
        )
        for stage in card["stages"]
    )
    result = out / ("adapter" if "rank" in card["trained"] else "model")
    head = f"{card['model']}, {card['trained']['what']}, {card['device']}"
    return f"{head}\n{table(columns, rows)}\n\n{result}\n{out / 'run_card.md'}"
