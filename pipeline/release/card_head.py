"""The YAML head of the card: what the Hub and `datasets` read of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.recipe import Recipe
from pipeline.release.card_tables import sum_rows
from pipeline.release.counting import Counted, Size
from pipeline.release.features import features
from schemas.item import LANGUAGES
from schemas.release import RELEASE
from sources.source import Source

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def head(recipe: Recipe, counted: Counted, sources: Mapping[str, Source]) -> str:
    """Return the head, counts and features made of what was written."""
    release = recipe.release
    rows = sum_rows(counted.totals)
    languages: list[str] = [
        code for code in LANGUAGES if code in set(counted.totals["language"].to_list())
    ]
    configs = counted.configs()
    value = {
        "pretty_name": release.name,
        "version": release.version,
        "license": "other",
        "license_name": "per-record",
        "license_link": "LICENSES.md",
        "language": languages,
        "task_categories": ["question-answering", "multiple-choice", "text-generation"],
        "tags": _tags(counted, languages),
        "size_categories": [size_category(rows)],
        **_upstream(sources),
        "mmed_ift": _choice(recipe),
        "configs": [_config(name, configs[name], is_first=not n) for n, name in enumerate(configs)],
        "dataset_info": _info(configs),
    }
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def size_category(rows: int) -> str:
    """Return the Hub's name for a set's size."""
    return next((name for limit, name in SIZES if rows < limit), "1M<n<10M")


def _choice(recipe: Recipe) -> dict[str, Any]:
    """Return what the recipe lets in, which `mmed verify` holds the rows against."""
    named = [entry.name for entry in recipe.sources if entry.allow_unknown_license]
    named += [table.name for table in recipe.tables]
    return {"licenses": recipe.licenses, "without_license": sorted(named)}


def _tags(counted: Counted, languages: list[str]) -> list[str]:
    is_made = not counted.written.is_empty()
    tags = ["medical", "instruction-tuning"]
    return tags + ["multilingual"] * (len(languages) > 1) + ["synthetic"] * is_made


def _upstream(sources: Mapping[str, Source]) -> dict[str, list[str]]:
    """Return the repositories of the Hub that rows were read from, where there are any."""
    found = {
        file.hub.repo
        for source in sources.values()
        for files in source.files.values()
        for file in files
        if file.hub
    }
    return {"source_datasets": sorted(found)} if found else {}


def _config(name: str, splits: Mapping[str, Size], *, is_first: bool) -> dict[str, Any]:
    subset, _, language = name.partition(".")
    folder = f"{subset}/{language or '*'}"
    files = [{"split": split, "path": f"{folder}/{split}-*.parquet"} for split in splits]
    return {"config_name": name, **({"default": True} if is_first else {}), "data_files": files}


def _info(configs: Mapping[str, Mapping[str, Size]]) -> list[dict[str, Any]]:
    columns = features(RELEASE)  # one object: YAML writes it once and refers to it afterwards
    return [
        {
            "config_name": name,
            "features": columns,
            "splits": [
                {"name": split, "num_bytes": size.num_bytes, "num_examples": size.rows}
                for split, size in splits.items()
            ],
        }
        for name, splits in configs.items()
    ]
