"""One module per stage. The table below is the registry; modules load when a recipe names them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.recipe import Recipe, StageEntry
    from pipeline.stages.stage import Stage

STAGES: dict[str, str] = {
    "ingest": "Ingest",
    "normalize": "Normalize",
    "mask": "Mask",
    "language": "IdentifyLanguage",
    "review": "Review",
    "score": "Score",
    "select": "Select",
    "deduplicate": "Deduplicate",
    "decontaminate": "Decontaminate",
    "translate": "Translate",
    "augment": "Augment",
    "mix": "Mix",
    "split": "Split",
    "emit": "Emit",
}


def stage_class(name: str) -> type[Stage[Any]]:
    """Return the class of a registered stage."""
    module = importlib.import_module(f"pipeline.stages.{name}")
    found: type[Stage[Any]] = getattr(module, STAGES[name])
    return found


def make_stage(entry: StageEntry, recipe: Recipe) -> Stage[Any]:
    """Return the stage of a recipe's entry, with its settings."""
    cls = stage_class(entry.stage)
    return cls(cls.Settings.model_validate(entry.settings), recipe)
