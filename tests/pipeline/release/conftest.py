"""Releases to be altered by hand, and the means to alter them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.build import build
from pipeline.recipe import load_recipe
from pipeline.release.write import CHECKSUMS, checksums
from tests.pipeline.engine.commands import WARD, stages, table, write_csv, write_recipe

Rows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def demo_release(demo_build: Path) -> Path:
    """Return the demo release; never write into it, copy it first."""
    return demo_build / "release"


@pytest.fixture(scope="module")
def release(demo_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the demo release that the tests of a module alter together."""
    return shutil.copytree(demo_release, tmp_path_factory.mktemp("copy") / "release")


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the release of three open questions in French; never write into it, copy it first."""
    folder = tmp_path_factory.mktemp("ward")
    write_csv(folder / "ward.csv", WARD)
    recipe = write_recipe(
        folder,
        tables=[table("ward", redistributable="yes", egress="any")],
        release={"name": "ward-questions"},
        stages=stages(split={"share": 0.02, "min_rows": 20, "max_share": 0.1}),
    )
    build(load_recipe(recipe), folder / "raw", folder / "out", workers=1)
    return folder / "out" / "release"


def parquet(subset: str, language: str, split: str = "train") -> str:
    """Return the path of a Parquet file below a release."""
    return f"{subset}/{language}/{split}-00000-of-00001.parquet"


def read(release: Path, path: str) -> Rows:
    """Return the rows of a Parquet file."""
    rows: Rows = pq.ParquetFile(release / path).read().to_pylist()
    return rows


def alter(release: Path, path: str, change: Callable[[Rows], object]) -> None:
    """Change rows of a Parquet file in place; its schema stays."""
    table = pq.ParquetFile(release / path).read()
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), release / path)


def renew_checksums(release: Path) -> None:
    """Cover an alteration up, as somebody would who knows of the checksums."""
    (release / CHECKSUMS).write_text(checksums(release), encoding="utf-8")
