"""The demo build that tests of the pipeline share: real code, the starter corpus, one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.build import build
from pipeline.recipe import load_recipe


@pytest.fixture(scope="session")
def demo_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `--out` folder of a finished demo build; never write into it, copy it first."""
    out = tmp_path_factory.mktemp("demo") / "out"
    # The starter corpus is package data, so the raw folder need not exist.
    build(load_recipe("demo.yaml"), raw=tmp_path_factory.mktemp("raw"), out=out, workers=1)
    return out
