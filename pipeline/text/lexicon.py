"""Word lists that lie beside the code as YAML, read once each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any


@cache
def lexicon(name: str) -> dict[str, Any]:
    """Return the word list `pipeline/text/<name>.yaml`; treat it as read-only."""
    import yaml

    content = files("pipeline.text").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    # Every scalar stays text: YAML would read the English cue "no" as false. It builds no objects.
    # Of the two loaders the one in C, where it is, takes a tenth of the time.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    table: dict[str, Any] = yaml.load(content, Loader=loader)  # noqa: S506
    return table
