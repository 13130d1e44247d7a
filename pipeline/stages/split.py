"""Splits rows into train, validation and test by whole groups, and parts with the other roles.

Groups are taken in the order of their id, which is a hash. Test (multiple choice only) is filled
first, then validation; what is left is train. A group goes whole to one split, in every language
and in both subsets.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from math import ceil
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from pipeline.decisions import DECISIONS
from pipeline.stages.stage import GlobalStage, StageSettings
from schemas.release import SUBSETS

Cell = tuple[str, str]  # language and subset


class SplitSettings(StageSettings):
    """The size of a held-out split per language and subset."""

    share: float = Field(0.01, gt=0, lt=0.5)
    min_rows: int = Field(50, ge=1)
    max_share: float = Field(0.05, gt=0, lt=0.5)

    def target(self, rows: int) -> int:
        """Return how many of these rows to hold out."""
        wanted = max(ceil(self.share * rows), self.min_rows)
        return max(1, min(wanted, int(self.max_share * rows)))


class Split(GlobalStage[SplitSettings]):
    """Sets `split` on train-role rows and drops the others by their role."""

    name: ClassVar[str] = "split"
    Settings: ClassVar[type[StageSettings]] = SplitSettings

    def features(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return per row its group, cell and role, and whether it must stay in train."""
        names = pl.col("flags").list.eval(pl.element().struct.field("name"))
        return shard.select(
            "id",
            "role",
            "language",
            group=pl.coalesce("group_id", "root_id"),
            subset=pl.col("task").replace_strict(SUBSETS, return_dtype=pl.String),
            stays=names.list.contains("oversized_group"),
        )

    def decide(self, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:  # noqa: ARG002
        """Give every train-role row a split; drop the rows of the other roles."""
        train = features.filter(pl.col("role") == "train")
        splits = assign(train, self.settings)
        rows = train.select("id", "group", "subset").iter_rows()
        decisions = [_place(one, splits[group], subset) for one, group, subset in rows]
        others = features.filter(pl.col("role") != "train").select("id", "role")
        decisions += [
            {"id": one, "decision": "drop", "reason": f"role_{role}", "evidence": ""}
            for one, role in others.iter_rows()
        ]
        return pl.DataFrame(decisions, schema=DECISIONS)


def _place(record_id: str, split: str, subset: str) -> dict[str, Any]:
    if split == "test" and subset == SUBSETS["qa"]:
        # The open twin of a test question would give its answer away in any other split.
        return {"id": record_id, "decision": "drop", "reason": "test_sibling", "evidence": ""}
    return {"id": record_id, "decision": "keep", "split": split}


def assign(train: pl.DataFrame, settings: SplitSettings) -> dict[str, str]:
    """Return the split of every group."""
    groups: dict[str, Counter[Cell]] = defaultdict(Counter)
    totals: Counter[Cell] = Counter()
    counted = train.group_by("group", "language", "subset").len().sort("group")
    for group, language, subset, rows in counted.iter_rows():
        groups[group][language, subset] = rows
        totals[language, subset] += rows
    stays = set(train.filter("stays")["group"])
    splits = dict.fromkeys(groups, "train")
    for split, subsets in (("test", {SUBSETS["mcq"]}), ("validation", set(SUBSETS.values()))):
        cells = {cell: rows for cell, rows in totals.items() if cell[1] in subsets}
        free = {g: c for g, c in groups.items() if splits[g] == "train" and g not in stays}
        left = sum((c for g, c in groups.items() if splits[g] == "train"), Counter[Cell]())
        splits |= dict.fromkeys(_held_out(free, cells, left, settings), split)
    return splits


def _held_out(
    groups: dict[str, Counter[Cell]],
    totals: dict[Cell, int],
    left: Counter[Cell],
    settings: SplitSettings,
) -> list[str]:
    """Return groups, in hash order, until every cell has its target or no group fits any more.

    `left` are the rows in train; of every cell, however small, one stays there.
    """
    targets = {cell: settings.target(rows) for cell, rows in totals.items()}
    ceilings = {cell: max(1, int(settings.max_share * rows)) for cell, rows in totals.items()}
    taken: Counter[Cell] = Counter()
    chosen: list[str] = []
    for group, rows in sorted(groups.items()):
        cells = [cell for cell in rows if cell in totals]
        is_wanted = any(taken[cell] < targets[cell] for cell in cells)
        is_within = all(taken[cell] + rows[cell] <= ceilings[cell] for cell in cells)
        if is_wanted and is_within and _can_leave(rows, left):
            chosen.append(group)
            taken.update(rows)
            left.subtract(rows)
    gone = set(chosen)
    free = {group: rows for group, rows in groups.items() if group not in gone}
    return chosen + _at_least_one(free, totals, left, taken)


def _can_leave(rows: Counter[Cell], left: Counter[Cell]) -> bool:
    return all(left[cell] > rows[cell] for cell in rows)


def _at_least_one(
    groups: dict[str, Counter[Cell]],
    totals: dict[Cell, int],
    left: Counter[Cell],
    taken: Counter[Cell],
) -> list[str]:
    """Return, for each cell that got nothing, its smallest group that train can do without."""
    chosen: list[str] = []
    for cell in sorted(totals):
        if taken[cell]:
            continue
        fitting = [g for g, rows in groups.items() if cell in rows and _can_leave(rows, left)]
        if fitting:
            group = min(fitting, key=lambda one: (groups[one].total(), one))
            chosen.append(group)
            taken.update(groups[group])
            left.subtract(groups[group])
    return chosen
