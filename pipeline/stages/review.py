"""Applies reviewers' verdicts: rejected records leave, corrections replace their fields.

A verdict holds the digest of the text that the reviewer saw. Where the text has changed since, the
verdict is not applied and the record is flagged `review_outdated`. Descendants of a rejected record
leave with it, those of a corrected one are flagged `parent_corrected`. Verdicts come from the files
under the recipe's `review`, and from the folder of the build itself (`pipeline/verdicts.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from pipeline.frames import (
    ITEM_COLUMNS,
    StageResult,
    drop_by_reason,
    nothing_dropped,
)
from pipeline.stages.stage import PIPELINE, MapStage, StageSettings
from pipeline.text.mask import mask
from pipeline.verdicts import UNUSED, Followed, Row, Verdict, digest_of, follow, read_histories

OUTDATED = "review_outdated"  # the flag of a record whose text changed after it was judged
REFUSED = "review_refused"
STALE = "parent_corrected"
_OF_PARENT = "its parent was rejected"


class Review(MapStage[StageSettings]):
    """Drops rejected records and applies corrections."""

    name: ClassVar[str] = "review"

    def code(self) -> tuple[Path, ...]:
        """Return the modules that say what verdicts do, and make the digest of a judged text."""
        return PIPELINE / "verdicts.py", PIPELINE / "keys.py"

    def inputs(self) -> Mapping[str, str]:
        """Return the digests of the verdict files."""
        return {str(n): digest_of(path) for n, path in enumerate(self.recipe.review)}

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard without rejected records, corrected ones changed."""
        if not self.recipe.review:
            return StageResult(shard, nothing_dropped())
        histories = read_histories(self.recipe.review)
        reasons: dict[str, str] = {}
        corrected, judged = set(), set()
        rows = []
        for row in shard.iter_rows(named=True):
            history = histories.get(row["id"], ())
            if history and row["role"] == "train":
                done = follow(row, history)
                row = _told(row, done, history)
                if done.rejection is not None:
                    reasons[row["id"]] = _evidence(done.rejection, row["language"])
                if _corrections(done, history):
                    corrected.add(row["id"])
                if done.obeyed:
                    judged.add(row["id"])
            rows.append(row)
        reasons |= dict.fromkeys(_descendants(rows, reasons), _OF_PARENT)
        stale = _descendants(rows, corrected) - judged
        rows = [_flagged(row, STALE) if row["id"] in stale else row for row in rows]
        told = pl.col("id").replace_strict(reasons, default=None, return_dtype=pl.String)
        reviewed = pl.DataFrame(rows, schema=ITEM_COLUMNS)
        return drop_by_reason(reviewed, [(told.is_not_null(), "reviewer_rejected", told)])


def _told(before: Row, done: Followed, history: Sequence[Verdict]) -> Row:
    """Return a record with what was done to it written down: steps and flags."""
    row = done.row
    nothing = dict.fromkeys(("model", "prompt", "variant"))
    step: dict[str, Any] = {"stage": "review", **nothing, "cache_keys": []}
    row = {**row, "steps": [*before["steps"], *([step] * _corrections(done, history))]}
    if done.masked:
        row = _flagged(row, "personal_data", ", ".join(sorted(set(done.masked))))
    if done.refused:
        row = _flagged(row, REFUSED, UNUSED["refused"])
    # A record that was merely accepted once is as good as any other.
    if any(history[place]["decision"] != "accept" for place in done.changed):
        row = _flagged(row, OUTDATED)
    return row


def _corrections(done: Followed, history: Sequence[Verdict]) -> int:
    return sum(history[place]["decision"] == "correct" for place in done.obeyed)


def _flagged(row: Row, name: str, evidence: str = "") -> Row:
    flag = {"name": name, "other_id": None, "value": None, "evidence": evidence}
    return {**row, "flags": [*row["flags"], flag]}


def _evidence(rejection: Verdict, language: str) -> str:
    comment = mask(" ".join(rejection["comment"].split()), language).text
    said = f"{rejection['reason']}, {rejection['severity']}"
    return f"{said}: {comment}" if comment else said


def _descendants(rows: Iterable[Row], ids: Iterable[str]) -> set[str]:
    """Return the ids of what was made of the given records, and of what was made of that."""
    children = defaultdict(list)
    for row in rows:
        if row["role"] == "train":
            children[row["parent_id"]].append(row["id"])
    pending = list(ids)
    known = set(pending)
    found: set[str] = set()
    while pending:
        new = [one for one in children[pending.pop()] if one not in known]
        found.update(new)
        known.update(new)
        pending += new
    return found
