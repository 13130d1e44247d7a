"""Human translations that the benchmark of translation checks reads: our gold set and TICO-19.

An item holds the same fields in several languages: `text` alone, or `question` with `options`,
`answer` and `rationale` where it has them, named as `pipeline.translation.checks.check_item` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from pipeline.fetch import locate
from schemas.item import LANGUAGES, Item, Language
from sources import tico19

FOLDER = Path(__file__).parent / "translation_gold"
TICO19_TARGETS: tuple[Language, ...] = ("es", "fr", "ru", "zh")  # no Japanese sentences there

Fields = Mapping[str, Any]  # field name -> text, or a list of texts for `options`


@dataclass(frozen=True, slots=True)
class Flip:
    """A replacement in one field that turns a statement into its opposite."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Parallel:
    """One item in several languages, and where a translator's hand wrote its opposite."""

    id: str
    fields: Mapping[Language, Fields]
    flips: Mapping[Language, tuple[Flip, ...]] = field(default_factory=dict)
    key: str = ""  # letter of the right option


def read_gold(folder: Path = FOLDER) -> list[Parallel]:
    """Return the gold set, files and items in order."""
    return [
        _parallel(row)
        for path in sorted(folder.glob("*.yaml"))
        for row in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


def _parallel(row: dict[str, Any]) -> Parallel:
    names = [name for name in ("question", "options", "answer", "rationale") if name in row]
    fields: dict[Language, Fields] = {
        language: {name: row[name][language] for name in names} or {"text": row[language]}
        for language in LANGUAGES
    }
    first = "question" if names else "text"
    flips = {
        language: tuple(
            Flip(name, *row[given][language])
            for given, name in (("flip", first), ("flip_rationale", "rationale"))
            if given in row
        )
        for language in LANGUAGES
    }
    return Parallel(row["id"], fields, flips, row.get("key", ""))


def read_tico19(raw: Path) -> list[Parallel]:
    """Return every second sentence of TICO-19, from the second on: the others may tune checks.

    Some have no French, because another sentence stands there upstream.
    """
    files = [locate(raw, file) for file in tico19.SOURCE.files["sentences"]]
    sentences: dict[str, dict[Language, Fields]] = {}
    for item in tico19.parse({"sentences": [path for path in files if path is not None]}):
        if isinstance(item, Item):
            sentences.setdefault(item.key, {})[item.language] = {"text": item.question}
    return [Parallel(key, fields) for key, fields in list(sentences.items())[1::2]]


def following(items: Sequence[Parallel], index: int) -> Parallel:
    """Return the next item, the first one after the last, with all the languages and fields."""
    item = items[index]
    rest = chain(items[index + 1 :], items[:index])
    return next(other for other in rest if _shape(item) <= _shape(other))


def _shape(item: Parallel) -> set[str]:
    return {*item.fields, *item.fields["en"]}
