"""Records a recipe's pack: asks only for what the pack lacks, then writes what the build used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.build import build
from pipeline.errors import InputError
from pipeline.llm.cache import Cache
from pipeline.llm.pack import unpack, write_pack
from pipeline.llm.session import CallOptions
from pipeline.llm.tables import pack_text
from pipeline.recipe import Recipe


def record(
    recipe: Recipe, raw: Path, out: Path, workers: int | None, options: CallOptions
) -> tuple[dict[str, Any], str]:
    """Build a recipe live and write its pack anew; return a summary, and it as text."""
    if recipe.llm is None or recipe.llm.pack is None:
        raise InputError("the recipe names no `llm.pack` that could be recorded.")
    if options.pilot is not None:
        raise InputError("`--record` asks for all that the pack lacks. Leave `--pilot` out.")
    pack = recipe.llm.pack
    with Cache(options.cache) as cache:
        if pack.exists():
            unpack(pack, cache)
        else:
            write_pack(cache, pack, keys=[])
    # The recipe keeps its pack: rows that may not leave this machine are no jobs, as in a replay.
    build(recipe, raw, out, workers, replace(options, is_recording=True))
    return pack_text(options.cache, pack, out)
