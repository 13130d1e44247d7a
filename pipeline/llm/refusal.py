"""Tells whether a text is a model's refusal in prose rather than the work that it was asked for."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_PATTERNS = "refusals.yaml"


def is_refusal(text: str, language: str) -> bool:
    """Tell whether a text begins as a refusal, in its language or in English.

    A source text may say the same: judge a translation by it only where the source is none.
    """
    return any(_pattern(one).match(text) is not None for one in {language, "en"})


@cache
def _pattern(language: str) -> re.Pattern[str]:
    said = _patterns()[language]
    tasks = "|".join(task.replace("{unable}", said["unable"]) for task in said["tasks"])
    apology = rf"(?:(?:{said['apology']})[\s,.;:!，。、；！]*(?:{said['but']})?[\s,，、]*)?"
    return re.compile(rf"\W*{apology}(?:{said['machine']}|{tasks})", re.IGNORECASE)


@cache
def _patterns() -> Any:  # noqa: ANN401 - of YAML
    return yaml.safe_load(files(__package__).joinpath(_PATTERNS).read_text(encoding="utf-8"))
