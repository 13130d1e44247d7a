"""Duplicates to browse, from tables of stages that compared records."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipeline.frames import polars_schema
from pipeline.report.clusters import make_clusters, read_twins
from pipeline.report.tables import Tables
from schemas.ledger import LEDGER
from tests.pipeline.report.test_write import drop
from tests.pipeline.stages.rows import frame, sample_mcq


def test_row_that_a_later_comparison_dropped_as_well_is_not_called_kept(tmp_path: Path) -> None:
    one, other = (sample_mcq("fr", id=letter * 32, answer_indices=[0]) for letter in "ab")
    frame(one, other).write_parquet(tmp_path / "kept.parquet")
    frame(one, other).write_parquet(tmp_path / "dropped.parquet")
    tables = Tables(
        tmp_path,
        {
            "first": {"kept": ["kept.parquet"], "dropped": []},
            "again": {"kept": [], "dropped": ["dropped.parquet"]},
        },
    )
    ids = [(one["id"], other["id"]), (other["id"], one["id"])]
    drops = [drop(1, "fr", "conflicting_key", "again", id=a, kept_instead=b) for a, b in ids]
    ledger = pl.DataFrame(drops, schema=polars_schema(LEDGER))
    facts = read_twins(tables, {"first": "deduplicate", "again": "deduplicate"}, ledger)
    clusters = make_clusters(facts, "fr")
    assert clusters is not None
    [shown] = clusters.shown
    assert not shown.is_kept
    assert [twin.reason for twin in shown.twins] == ["conflicting_key"]
