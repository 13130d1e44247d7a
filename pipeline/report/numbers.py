"""The numbers of the page for programs: `report.json`, from the same values, without any text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from pipeline.report.answers import Answers, KeyBalance
from pipeline.report.clusters import Clusters
from pipeline.report.lengths import Lengths
from pipeline.report.values import (
    LanguageView,
    MadeView,
    Page,
    ReasonView,
    SourceView,
    StageView,
)

# Texts of records, drawings, and what the manifest tells anyway.
_LEFT_OUT: Mapping[type, frozenset[str]] = {
    Page: frozenset({"browser", "files", "missing_files", "versions"}),
    LanguageView: frozenset({"matches"}),
    MadeView: frozenset({"kept", "quarantined"}),
    ReasonView: frozenset({"examples"}),
    Clusters: frozenset({"chart", "shown"}),
    Answers: frozenset({"options_chart"}),
    **dict.fromkeys((KeyBalance, Lengths), frozenset({"chart"})),
    **dict.fromkeys((SourceView, StageView), frozenset({"bar"})),
}


def to_json(page: Page) -> str:
    """Return the page's numbers as JSON; languages are in the page's order, the worst first."""
    return json.dumps(_plain(page), indent=1, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of the page
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in _names(value)}
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value


def _names(value: Any) -> list[str]:  # noqa: ANN401
    """Return the fields to tell, and the properties that are numbers derived from them."""
    kind = type(value)
    named = [field.name for field in fields(value) if field.name not in _LEFT_OUT.get(kind, ())]
    derived = [name for name, one in vars(kind).items() if isinstance(one, property)]
    return named + [name for name in derived if isinstance(getattr(value, name), (int, float))]
