"""The main job on the real upstream files: what a curator is promised of `real.yaml`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.build import build
from pipeline.contamination.texts import item_digests, row_digests
from pipeline.recipe import load_recipe
from pipeline.release.verify import verify
from schemas.item import LANGUAGES, Item
from tests.sources.real import parse_real

pytestmark = [pytest.mark.real, pytest.mark.slow]

# Test sets of which no question may be in any split, in any language.
HELD_OUT = {
    "head_qa": ("es/test", "en/test"),
    "casimedicos": ("es/test", "en/test", "fr/test"),
    "frenchmedmcqa": ("test",),
    "rumed_danet": ("test",),
    "medqa": ("test",),
    "igakuqa": ("ja/116", "en/116"),
}


@pytest.fixture(scope="module")
def real_build(raw_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output folder of a build of `real.yaml`."""
    out = tmp_path_factory.mktemp("real")
    build(load_recipe("real.yaml"), raw_root, out, workers=2)
    return out


@pytest.fixture(scope="module")
def manifest(real_build: Path) -> dict[str, Any]:
    """Return the manifest of the build."""
    loaded: dict[str, Any] = json.loads((real_build / "manifest.json").read_bytes())
    return loaded


def published(out: Path) -> pl.DataFrame:
    """Return what every published row asks, its options as texts."""
    columns = ["language", "question", "options"]
    rows = pl.concat(
        pl.read_parquet(path, columns=columns) for path in (out / "release").glob("mmed_*/*/*")
    )
    texts = pl.col("options").list.eval(pl.element().struct.field("text"))
    return rows.with_columns(options=texts)


def test_every_language_has_what_can_be_had_without_translation(manifest: dict[str, Any]) -> None:
    configs = manifest["release"]
    assert {f"mmed_ift_mc.{code}" for code in LANGUAGES} <= configs.keys()
    assert {f"mmed_ift.{code}" for code in LANGUAGES} <= configs.keys()
    assert sum(configs["mmed_ift.ja"].values()) < 20  # the calculations of an exam alone
    rows = sum(sum(configs[name].values()) for name in ("mmed_ift", "mmed_ift_mc"))
    assert rows >= 25_000


def test_every_row_read_is_kept_or_dropped_for_every_source_and_language(
    manifest: dict[str, Any],
) -> None:
    kept_before: dict[tuple[str, str], int] | None = None
    for stage in manifest["stages"]:
        kept = {}
        for one in manifest["counts"][stage["name"]]:
            cell = (one["source"], one["language"])
            dropped = sum(one["dropped"].values())
            assert one["rows_in"] + one["rows_added"] == one["rows_kept"] + dropped, cell
            if kept_before is not None:
                assert one["rows_in"] == kept_before.get(cell, 0), cell
            if one["rows_kept"]:
                kept[cell] = one["rows_kept"]
        kept_before = kept


def test_ledger_holds_every_dropped_row(real_build: Path, manifest: dict[str, Any]) -> None:
    found = pl.read_parquet(real_build / "ledger.parquet").group_by("stage").len()
    told = {one["name"]: one["rows_dropped"] for one in manifest["stages"] if one["rows_dropped"]}
    assert dict(found.iter_rows()) == told


@pytest.mark.parametrize("name", HELD_OUT)
def test_no_question_of_a_test_set_is_in_any_split(
    real_build: Path, raw_root: Path, name: str
) -> None:
    digests = {one for own in row_digests(published(real_build)) for one in own}
    items = [row for row in parse_real(name, raw_root) if isinstance(row, Item)]
    tested = [item for item in items if item.split in HELD_OUT[name]]
    assert len(tested) > 250
    texts = {
        column: [getattr(item, column) for item in tested]
        for column in ("language", "question", "options")
    }
    shared = [
        item.question
        for item, own in zip(tested, item_digests(pl.DataFrame(texts)), strict=True)
        if not digests.isdisjoint(own)
    ]
    assert shared == []


def test_release_passes_every_check_also_against_the_benchmarks_texts(
    real_build: Path, raw_root: Path
) -> None:
    findings = verify(real_build / "release", raw_root)
    assert findings.passed, findings.to_text()
