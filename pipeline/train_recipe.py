"""The training recipe: which model learns what, from which release, and how.

`mmed tokenize` makes the pools that it names, `mmed train` resolves it to `run.json`. A recipe is
a frozen model over YAML that refuses unknown keys, like the recipe of a build.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline.errors import InputError
from pipeline.finetune.settings import TARGETS
from pipeline.recipe import RECIPES, Model, find_recipe, read_yaml


class Stage(Model):
    """A stage of training; it starts from the model that the stage before has left."""

    name: Literal["ift", "mc", "both"]  # open items, multiple choice, or one mix of the two
    split: str = "train"
    epochs: int = Field(1, ge=1)
    max_steps: int | None = Field(None, ge=1)  # ends the stage early; the schedule knows
    lr: float = Field(gt=0, description="the highest learning rate")
    warmup: float = Field(0.03, ge=0, lt=1)  # share of the steps; a cosine falls to 0 after it
    loss: Literal["token", "sample"] = "token"  # what weighs the same: a token, or an item
    replay: float = Field(0.0, ge=0, lt=1)  # share of items taken from the stage before
    temperature: float = Field(1.0, ge=1)  # a language's share is that of tokens^(1/temperature)
    rationale: bool = False  # multiple choice: also supervise the rationale, after the answer

    @model_validator(mode="after")
    def _check(self) -> Stage:
        if self.rationale and self.name == "ift":
            raise ValueError("`rationale` belongs to multiple choice, so to `mc` or `both`")
        return self


class Lora(Model):
    """Adapters beside frozen weights; without dropout."""

    rank: int = Field(16, ge=1)
    alpha: int = Field(32, gt=0)  # adapters count alpha / rank
    targets: tuple[str, ...] = Field(TARGETS, min_length=1)  # names of linear layers


class TrainingRecipe(Model):
    """Everything that decides a training run, except the bytes of release and model."""

    model: str = Field(description="`smollm2`, a folder, or a Hub id with or without @revision")
    tokenizer: str | None = None  # as `model`, which it is when left out
    template: Literal["model", "llama3", "alpaca"] = "model"  # the model's own chat template
    data: Path = Field(description="the folder of a release")
    stages: tuple[Stage, ...] = Field(min_length=1, description="stages in order")
    lora: Lora | None = None
    full: bool = False  # train every weight; either this or `lora`
    capacity: int = Field(8192, ge=16)  # tokens of a pack
    overlong: Literal["drop", "cut_prompt"] = "drop"  # what becomes of longer items
    batch: int = Field(8, ge=1)  # packs of an optimiser step, on all ranks together
    order: Literal["mixed", "exact"] = "mixed"  # how packs are filled: from shuffled items, or full
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, gt=0)  # norm of the gradient
    dtype: Literal["bfloat16", "float32"] | None = None  # by default bfloat16 on a GPU
    compile: bool | None = None  # by default on a GPU
    graphs: bool = False  # on a GPU, replay a pack's work as one graph: for models below 1B
    checkpointing: bool = False  # compute activations twice, to keep fewer of them
    merge: bool = False  # also leave a model with the adapters added to its weights
    save_every: int = Field(200, ge=1)  # steps between checkpoints
    seed: int = Field(0, ge=0, lt=2**63)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    tensorboard: bool = False  # also draw losses, rates, gradient norms and tokens/s for it

    @model_validator(mode="after")
    def _check(self) -> TrainingRecipe:
        if self.full == (self.lora is not None):
            raise ValueError("give either `lora` with its settings (or `{}`), or `full: true`")
        names = [stage.name for stage in self.stages]
        if len({*names}) < len(names):
            raise ValueError(f"a stage is listed twice among {', '.join(names)}")
        if self.stages[0].replay:
            raise ValueError(f"`replay` of {names[0]!r} has no stage before it to take items from")
        return self


def load_training_recipe(
    name: str | Path, data: Path | None = None, device: str | None = None
) -> TrainingRecipe:
    """Read and check a training recipe; an `InputError` names the key and what is expected.

    Folders inside a recipe are taken from the recipe's own, and from the present one for a recipe
    that comes with the project. `data` and `device` stand before the recipe's.
    """
    path = find_recipe(name, of_training=True)
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: a recipe is a mapping of keys, found {type(values).__name__}.")
    if {"sources", "tables"} & {*values}:
        raise InputError(
            f"{path}: a recipe of `mmed build`. Give a training recipe, such as train-demo.yaml."
        )
    if data is not None:
        values = {**values, "data": str(data.absolute())}
    if device is not None:
        values = {**values, "device": device}
    base = Path.cwd() if path.parent == RECIPES else path.parent.absolute()
    try:
        return TrainingRecipe.model_validate(_with_absolute_paths(values, base))
    except ValidationError as error:
        raise InputError(f"{path}: {_first_error(error)}") from error


def _with_absolute_paths(values: Mapping[str, Any], base: Path) -> dict[str, Any]:
    places = {
        key: base / str(values[key]) for key in ("model", "tokenizer", "data") if key in values
    }
    # A name that is no folder here is one of the Hub, or of a packaged model.
    found = {key: str(place) for key, place in places.items() if key == "data" or place.is_dir()}
    return {**values, **found}


def _first_error(error: ValidationError) -> str:
    # A misspelt key also misses under its right name; the spelling is what is wrong.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"]) or "recipe"
    inner: dict[str, type[Model]] = {"stages": Stage, "lora": Lora}
    outer = str(first["loc"][0]) if len(first["loc"]) > 1 else ""
    known = inner.get(outer, TrainingRecipe).model_fields
    key = str(first["loc"][-1]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(key, known, 1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Known keys: {', '.join(known)}."
        return f"{where}: unknown key. {hint}"
    if first["type"] == "missing":
        return f"{where}: missing; {known[key].description}."
    message = first["msg"].removeprefix("Value error, ")
    found = f", found {first['input']!r}" if not isinstance(first["input"], dict) else ""
    return f"{where}: {message}{found}."


def resolve(recipe: TrainingRecipe) -> dict[str, Any]:
    """Return the recipe as the values of `run.json`, which `pipeline.finetune` runs.

    Pools are named relative to the folder in which `run.json` stands, so that it can be moved.
    """
    values = recipe.model_dump(mode="json", exclude={"data", "batch"})
    stages = [{**stage, "pool": pool_path(recipe, at)} for at, stage in enumerate(values["stages"])]
    return {
        **values,
        "tokenizer": recipe.tokenizer or recipe.model,
        "stages": stages,
        "packs_per_step": recipe.batch,
    }


def pool_path(recipe: TrainingRecipe, stage: int) -> str:
    """Return where the pool of a stage lies, below the folder of the run."""
    return f"pools/{recipe.stages[stage].name}-{recipe.stages[stage].split}"
