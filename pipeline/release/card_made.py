"""What the card tells of rows that a language model worked on: models, prompts, settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import yaml

from pipeline.llm.prompts import prompt
from pipeline.recipe import Recipe

_CALLING = ("translate", "augment")
_SENT = ("temperature", "extra")  # of the recipe's `llm`: what goes into each request


@dataclass(frozen=True, slots=True)
class MadeBy:
    """Rows of all languages that one prompt of one model worked on."""

    stage: str
    model: str
    prompt: str
    digest: str  # of the prompt and its examples; empty where this version has another prompt
    rows: int


def made_by(written: pl.DataFrame) -> Iterator[MadeBy]:
    """Yield a line per stage, model and prompt."""
    by = ["stage", "model", "prompt"]
    for stage, model, name, rows in (
        written.group_by(by).agg(pl.col("rows").sum()).sort(by).iter_rows()
    ):
        yield MadeBy(stage, model, name or "", prompt_digest(name or ""), rows)


def prompt_digest(name: str) -> str:
    """Return the digest of a prompt by its name, such as `translate/en-ja@1`, in 12 digits."""
    path, _, _ = name.partition("@")
    prompt_id, _, languages = path.rpartition("/")
    source, _, target = languages.rpartition("-")
    try:
        found = prompt(prompt_id or path, source=source, target=target if prompt_id else "")
    except (FileNotFoundError, ValueError, KeyError):
        return ""
    return found.digest[:12] if found.name == name else ""


def settings(recipe: Recipe) -> str:
    """Return the settings that the model was asked with, as YAML; empty where none was asked."""
    stages = {entry.instance: entry.settings for entry in recipe.stages if entry.stage in _CALLING}
    if recipe.llm is None or not stages:
        return ""
    sent = recipe.llm.model_dump(mode="json", include=set(_SENT))
    values = {"llm": sent, **{name: dict(own) for name, own in stages.items()}}
    stated = _stated(values)
    return yaml.safe_dump(stated, sort_keys=False, allow_unicode=True, default_flow_style=None)


def _stated(value: Any) -> Any:  # noqa: ANN401 - any YAML value
    """Return a value without keys that hold nothing."""
    if isinstance(value, Mapping):
        return {key: _stated(one) for key, one in value.items() if one not in (None, {})}
    return [_stated(one) for one in value] if isinstance(value, list | tuple) else value
