"""What a finished run leaves to be used: an adapter in PEFT's format, or a model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from pipeline.finetune.lora import export_merged, save_adapters
from pipeline.finetune.model import causal_model
from pipeline.finetune.parallel import World, gathered
from pipeline.finetune.settings import TOKENIZER, RunSettings
from pipeline.finetune.trainee import Trainee

ADAPTER, MODEL = "adapter", "model"


def has_result(settings: RunSettings) -> bool:
    """Tell whether all is there that `write_model` leaves."""
    wanted = [] if settings.lora is None else [ADAPTER]
    if settings.merge or settings.lora is None:
        wanted.append(MODEL)
    return all((settings.folder / name).is_dir() for name in wanted)


def write_model(settings: RunSettings, trainee: Trainee, world: World) -> None:
    """Write `adapter/`, with `merge` also `model/`; after full fine-tuning `model/`.

    Each with the tokenizer, where it was kept with the pools.
    Every process calls, the first one writes. A merged model in memory has lost its adapters.
    """
    model: Any = trainee.model
    if settings.lora is None:
        weights = {name: gathered(one).cpu() for name, one in model.state_dict().items()}
        if world.is_first:
            save = partial(causal_model(model).save_pretrained, state_dict=weights)
            _replace(settings.folder, MODEL, save)
    elif world.is_first:
        _replace(settings.folder, ADAPTER, lambda to: save_adapters(cast(Any, model), to))
        if settings.merge:
            _replace(settings.folder, MODEL, lambda to: export_merged(cast(Any, model), to))


def _replace(run: Path, name: str, write: Callable[[Path], object]) -> None:
    """Write a folder of a run under another name and put it in place when it is whole."""
    folder, partial = run / name, run / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    write(partial)
    if (run / TOKENIZER).is_dir():
        shutil.copytree(run / TOKENIZER, partial, dirs_exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
