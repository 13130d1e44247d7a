"""The word lists of the translation checks, which lie beside the code as YAML, read once each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any


@cache
def wordlist(name: str) -> dict[str, Any]:
    """Return the list `pipeline/translation/<name>.yaml`; treat it as read-only."""
    import yaml

    content = files("pipeline.translation").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    # Every scalar stays text: YAML would read the word "no" as false. It builds no objects.
    table: dict[str, Any] = yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506
    return table
