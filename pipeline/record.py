"""Records a recipe's pack: asks only for what the pack lacks, then writes what the build used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.build import build
from pipeline.errors import InputError
from pipeline.llm.cache import Cache
from pipeline.llm.pack import unpack
from pipeline.llm.session import CallOptions
from pipeline.llm.tables import pack_text
from pipeline.recipe import Recipe


def record(
    recipe: Recipe, raw: Path, out: Path, workers: int | None, options: CallOptions
) -> tuple[dict[str, Any], str]:
    """Build a recipe live and write its pack anew; return a summary, and it as text."""
    if recipe.llm is None or recipe.llm.pack is None:
        raise InputError("the recipe names no `llm.pack` that could be recorded.")
    pack = recipe.llm.pack
    if pack.exists():
        with Cache(options.cache) as cache:
            unpack(pack, cache)
    live = recipe.model_copy(update={"llm": recipe.llm.model_copy(update={"pack": None})})
    build(live, raw, out, workers, options)
    return pack_text(options.cache, pack, out)
