"""Removes train rows that are, or descend from, a benchmark or an upstream validation item.

Ways to be caught: the same root (translations and explanations of the item, in any language; a
parallel family's key is part of the root), the same question, and a question that holds nearly the
whole of the item's, by a loose measure and without any guard: neither misprints of a scan nor
another number make a test question one for training. What is caught takes its whole group along,
so a translation of a copy of a test item leaves too. A row that shares 64 letters and digits in a
row with an item is flagged, since the formulas of exams do so too; a setting drops it. The reason
is the gravest way in which a group was found; the evidence names the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from pipeline.contamination.find import CONTAINMENT, MATCHES, Protected
from pipeline.contamination.texts import question_keys, same_questions
from pipeline.decisions import DECISIONS
from pipeline.stages.stage import PIPELINE, Context, GlobalStage, StageSettings

ROLES = ("benchmark", "validation")  # in this order: the graver reason is the one that is told
HELD = ("similar", "run")  # what `pairs` finds
ROWS_AT_ONCE = 1 << 17  # whose texts are in memory


class DecontaminateSettings(StageSettings):
    """How much of an item a row may hold."""

    containment: float = Field(CONTAINMENT, gt=0, le=1)  # share of the item's n-grams
    drop_runs: bool = False  # rows with 64 letters and digits of an item; else they are flagged


class Decontaminate(GlobalStage[DecontaminateSettings]):
    """Drops train rows that touch protected ones; protected rows themselves always stay."""

    name: ClassVar[str] = "decontaminate"
    Settings: ClassVar[type[StageSettings]] = DecontaminateSettings
    partitions: ClassVar[int] = 2  # each indexes all protected items, in a second for 30,000

    def code(self) -> tuple[Path, ...]:
        """Return the modules that decide when two questions are the same."""
        return (PIPELINE / "contamination", PIPELINE / "dedup" / "records.py")

    def features(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return ids, groups, roots and question keys; reference rows protect nothing."""
        rows = shard.filter(pl.col("role") != "reference")
        group = pl.coalesce("group_id", "root_id")
        chosen = rows.select("id", "root_id", "role", "source", "language", group=group)
        return chosen.hstack(question_keys(rows))

    def pairs(self, number: int, features: pl.DataFrame, context: Context) -> pl.DataFrame:
        """Return train rows that hold a protected question or 64 letters and digits of one."""
        items = features.filter(pl.col("role").is_in(ROLES))["id"]
        train = features.filter(pl.col("role") == "train")["id"]
        share = train.gather_every(self.partitions, number)
        if not len(items) or not len(share):
            return pl.DataFrame(schema=MATCHES)
        protected = Protected(context.texts(items), self.settings.containment)
        batches = (share.slice(n, ROWS_AT_ONCE) for n in range(0, len(share), ROWS_AT_ONCE))
        return pl.concat([protected.matches(context.texts(ids)) for ids in batches])

    def decide(self, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
        """Drop every train row whose group holds a match; flag the rest that share a run."""
        found = list(_matches(features, pairs))
        matches: dict[str, dict[str, Any]] = {}
        for match in found:
            if match["kind"] != "run" or self.settings.drop_runs:
                matches.setdefault(match["group"], match)
        ways = _ways(found)
        train = features.filter(pl.col("role") == "train")
        touched = train.filter(pl.col("group").is_in(list(matches)))
        decisions = [
            {"id": one, "decision": "drop", **_reason(matches[group], ways[group])}
            for one, group in touched.select("id", "group").iter_rows()
        ]
        decisions += _flags(features, pairs.join(touched, on="id", how="anti"))
        return pl.DataFrame(decisions, schema=DECISIONS)


def _matches(features: pl.DataFrame, pairs: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield matches of train groups with protected rows, gravest reason first."""
    keys = ("root_id", "question_key", "option_keys")
    train = features.filter(pl.col("role") == "train").select("id", "group", *keys)
    found = {kind: train.join(pairs.filter(pl.col("kind") == kind), on="id") for kind in HELD}
    for role in ROLES:
        protected = features.filter(pl.col("role") == role)
        protected = protected.select(*keys, "source", "language", item="id")
        same = {
            "root": train.join(protected, on="root_id"),
            "question": same_questions(train, protected),
            **{kind: held.join(protected, on="item") for kind, held in found.items()},
        }
        for kind, joined in same.items():
            for row in joined.sort("group", "source", "item", "id").iter_rows(named=True):
                yield {**row, "kind": kind, "reason": f"{role}_{kind}"}


def _ways(found: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return every way in which a group was found, once each, the gravest first."""
    ways: dict[str, list[str]] = {}
    for match in found:
        known = ways.setdefault(match["group"], [])
        if match["kind"] not in known:
            known.append(match["kind"])
    return ways


def _reason(match: Mapping[str, Any], ways: Iterable[str]) -> dict[str, Any]:
    others = ", ".join(way for way in ways if way != match["kind"])
    evidence = match.get("evidence") or f"{match['source']} ({match['language']})"
    return {
        "reason": match["reason"],
        "evidence": f"{evidence}; also {others}" if others else evidence,
        "value": match.get("value"),
        "other_id": match["item"],
    }


def _flags(features: pl.DataFrame, pairs: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Flag the rows that share a run of letters with an item."""
    roles = features.select("role", item="id")
    runs = pairs.filter(pl.col("kind") == "run").join(roles, on="item")
    for row in runs.iter_rows(named=True):
        yield {
            "id": row["id"],
            "decision": "flag",
            "reason": f"{row['role']}_run",
            "evidence": row["evidence"],
            "value": row["value"],
            "other_id": row["item"],
        }
