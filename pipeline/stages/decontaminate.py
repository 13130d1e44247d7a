"""Removes train rows that are, or descend from, a benchmark or an upstream validation item.

Three ways to be caught: the same root (translations and explanations of the item, in any
language), the same parallel family key (part of the root), and the same question. What is caught
takes its whole group along, so a translation of a copy of a test item leaves too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from pipeline.keys import protected_key
from pipeline.stages.stage import DECISIONS, PIPELINE, GlobalStage

ROLES = ("benchmark", "validation")  # in this order: the graver reason is the one that is told


class Decontaminate(GlobalStage):
    """Drops train rows that touch protected ones; protected rows themselves always stay."""

    name: ClassVar[str] = "decontaminate"

    def code(self) -> tuple[Path, ...]:
        """Return the module that decides when two questions are the same."""
        return (PIPELINE / "keys.py",)

    def features(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return ids, groups, roots and question keys; reference rows protect nothing."""
        rows = shard.filter(pl.col("role") != "reference")
        keys = [protected_key(row) for row in rows.iter_rows(named=True)]
        return rows.select(
            "id", "root_id", "role", "source", "language", group=_group()
        ).with_columns(pl.Series("question_key", keys, dtype=pl.String))

    def decide(self, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:  # noqa: ARG002
        """Drop every train row whose group holds a match."""
        matches = {match["group"]: match for match in reversed(list(_matches(features)))}
        train = features.filter(pl.col("role") == "train")
        touched = train.filter(pl.col("group").is_in(list(matches)))
        decisions = [
            {"id": one, "decision": "drop", **_reason(matches[group])}
            for one, group in touched.select("id", "group").iter_rows()
        ]
        return pl.DataFrame(decisions, schema=DECISIONS)


def _group() -> pl.Expr:
    return pl.coalesce("group_id", "root_id")


def _matches(features: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield matches of train groups with protected rows, gravest reason first."""
    train = features.filter(pl.col("role") == "train")
    for role in ROLES:
        protected = features.filter(pl.col("role") == role).sort("source", "id")
        for column, kind in (("root_id", "root"), ("question_key", "question")):
            same = train.select("group", column).join(
                protected.select(column, "id", "source", "language"),
                on=column,
                maintain_order="left_right",
            )
            for row in same.sort("group", "source", "id").iter_rows(named=True):
                yield {**row, "reason": f"{role}_{kind}"}


def _reason(match: dict[str, Any]) -> dict[str, Any]:
    evidence = f"{match['source']} ({match['language']})"
    return {"reason": match["reason"], "evidence": evidence, "other_id": match["id"]}
