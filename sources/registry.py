"""The registry: every module or package of this folder that declares a `SOURCE`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import cast

import sources
from sources.source import Parser, Source

_NOT_SOURCES = frozenset({"source", "reading", "registry", "rumedbench", "explanation", "table"})


@cache
def names() -> tuple[str, ...]:
    """Return the names of all registered sources, sorted."""
    found = (module.name for module in pkgutil.iter_modules(sources.__path__))
    return tuple(sorted(name for name in found if name not in _NOT_SOURCES))


def load(name: str) -> Parser:
    """Return the module of a source; `ValueError` names the nearest known ones."""
    if name not in names():
        raise ValueError(
            f"source {name!r} is not registered; the registry has {', '.join(names())}. "
            "Run `mmed sources` for the list."
        )
    return cast(Parser, importlib.import_module(f"sources.{name}"))


def all_sources() -> list[Source]:
    """Return every declared source, by name."""
    return [load(name).SOURCE for name in names()]
