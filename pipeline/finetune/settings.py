"""What a training run is told: `run.json`, as `mmed train` resolves it from a recipe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from pipeline.errors import InputError
from pipeline.finetune.plan import Order

FILE = "run.json"
TOKENIZER = "pools/tokenizer"  # as transformers reads it, with the template trained in
# Every linear layer of a Llama-shaped block, by name: "all-linear" would follow a model's naming.
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_AGAIN = "`mmed train RECIPE` writes it."
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """One stage; it starts from the weights that the stage before has left."""

    name: str
    pool: str  # folder, relative to that of run.json
    pool_digest: str | None = None  # of its contents; None: any
    epochs: int = 1
    max_steps: int | None = None
    lr: float
    warmup: float = 0.03
    loss: Literal["token", "sample"] = "token"
    replay: float = 0.0
    temperature: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSettings:
    """LoRA: an update is scaled by alpha / rank, and nothing is dropped out."""

    rank: int = 16
    alpha: int = 32
    targets: tuple[str, ...] = TARGETS  # linear layers, by the last part of their name


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Everything that decides a run, beside the bytes of pools and model."""

    folder: Path  # where run.json stands, and where results go
    model: str
    tokenizer: str
    stages: tuple[StageSettings, ...]
    lora: AdapterSettings | None = None
    capacity: int
    packs_per_step: int
    order: Order = "mixed"
    weight_decay: float = 0.0
    clip: float = 1.0
    dtype: str | None = None
    compile: bool | None = None
    graphs: bool = False
    merge: bool = False
    checkpointing: int | bool = False
    save_every: int = 200
    seed: int = 0
    device: str = "auto"
    tensorboard: bool = False


def read_settings(path: Path) -> RunSettings:
    """Read run.json; an `InputError` says what is missing in it."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). {_AGAIN}") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}). {_AGAIN}") from error
    if not isinstance(values, dict) or not values.get("stages"):
        raise InputError(f"{path}: without `stages`, of which a run has at least one. {_AGAIN}")
    stages = tuple(_made(StageSettings, stage, path) for stage in values["stages"])
    lora = values.get("lora")
    adapters = None if lora is None else _made(AdapterSettings, _as_tuples(lora), path)
    given = {**values, "folder": path.parent, "stages": stages, "lora": adapters}
    return _made(RunSettings, given, path)


def _as_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}


def _made(kind: type[Made], values: Mapping[str, Any], path: Path) -> Made:
    """Return the settings among the values; others in the file tell how the pools were made."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    try:
        return kind(**{name: value for name, value in values.items() if name in known})
    except TypeError as error:
        raise InputError(f"{path}: {error}. {_AGAIN}") from error
