"""The commands of `mmed` that concern training; `cli.py` takes them in."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_options import Json, show
from pipeline.errors import InputError

_PACKAGES = ("torch", "transformers", "peft", "safetensors")  # of the extra `train`

TrainingRecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A training recipe: a file, or train-demo.yaml, …")
]
RunFolder = Annotated[Path, typer.Option(help="Folder of the run.")]
Data = Annotated[
    Path | None, typer.Option(help="Folder of a release; before the recipe's.", show_default=False)
]


def tokenize(
    recipe: TrainingRecipeName, out: RunFolder, data: Data = None, as_json: Json = False
) -> None:
    """Make the token pools that a training recipe names, under OUT/pools; a killed run goes on.

    Only from a release that passes `mmed verify`.
    """
    from pipeline.train_recipe import load_training_recipe

    loaded = load_training_recipe(recipe, data)
    check_extra()
    from pipeline.train_pools import make_pools

    value, text = make_pools(loaded, out)
    show(value, as_json, text)


def train(
    recipe: TrainingRecipeName,
    out: RunFolder,
    data: Data = None,
    processes: Annotated[int, typer.Option(min=1, help="One per GPU, by torchrun.")] = 1,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu or cuda; before the recipe's.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the pools, then train stage by stage; a killed run goes on from its last checkpoint.

    Leaves adapter/ or model/, run_card.md and losses.jsonl in OUT.
    """
    from pipeline.train_recipe import load_training_recipe

    loaded = load_training_recipe(recipe, data, device)
    check_extra()
    from pipeline.train_run import run

    value, text = run(loaded, out, processes)
    show(value, as_json, text)


def check_extra() -> None:
    """Refuse to go on where the packages of the extra `train` are missing."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"not installed: {', '.join(missing)}. Run `make train`, or "
            "`pip install 'mmed-ift[train]'` in the environment of `mmed`."
        )
