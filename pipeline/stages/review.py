"""Applies reviewers' verdicts: rejected records leave, corrections replace the field.

A verdict holds the digest of the text that the reviewer saw. Where the text has changed since, the
verdict is not applied and the record is flagged `review_outdated`. Descendants of a rejected record
leave with it. Verdicts come from the files under the recipe's `review`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from pipeline.errors import InputError
from pipeline.frames import (
    ITEM_COLUMNS,
    StageResult,
    drop_by_reason,
    nothing_dropped,
    polars_schema,
)
from pipeline.keys import text_digest
from pipeline.stages.stage import PIPELINE, MapStage, StageSettings
from pipeline.text.mask import mask
from pipeline.text.normalize import published
from schemas.review import CORRECTABLE, REVIEW
from schemas.review import DECISIONS as REVIEW_DECISIONS

OUTDATED = "review_outdated"  # the flag of a record whose text changed after it was judged
REFUSED = "review_refused"


class Review(MapStage[StageSettings]):
    """Drops rejected records and applies corrections."""

    name: ClassVar[str] = "review"

    def code(self) -> tuple[Path, ...]:
        """Return the module that makes the digest of a judged text."""
        return (PIPELINE / "keys.py",)

    def inputs(self) -> Mapping[str, str]:
        """Return the digests of the verdict files."""
        return {str(n): _digest(path) for n, path in enumerate(self.recipe.review)}

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard without rejected records, corrected ones changed."""
        if not self.recipe.review:
            return StageResult(shard, nothing_dropped())
        verdicts = {v["id"]: v for v in self._verdicts().iter_rows(named=True)}
        rows = [_judged(row, verdicts.get(row["id"])) for row in shard.iter_rows(named=True)]
        reasons = _rejections(rows, verdicts)
        judged = pl.DataFrame(rows, schema=ITEM_COLUMNS)
        told = pl.col("id").replace_strict(reasons, default=None, return_dtype=pl.String)
        return drop_by_reason(judged, [(told.is_not_null(), "reviewer_rejected", told)])

    def _verdicts(self) -> pl.DataFrame:
        return pl.concat([read_verdicts(path) for path in self.recipe.review]).unique(
            "id", keep="last", maintain_order=True
        )


def read_verdicts(path: Path) -> pl.DataFrame:
    """Read a file of verdicts; an `InputError` names what does not fit."""
    try:
        verdicts = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: no readable Parquet file of verdicts ({error}).") from error
    expected = polars_schema(REVIEW)
    if verdicts.schema != expected:
        raise InputError(f"{path}: columns {verdicts.columns}, expected {list(expected)}.")
    unknown = set(verdicts["decision"]) - set(REVIEW_DECISIONS)
    if unknown:
        raise InputError(f"{path}: decision {min(unknown)!r} is none of {REVIEW_DECISIONS}.")
    fields = set(verdicts.filter(decision="correct")["field"]) - set(CORRECTABLE)
    if fields:
        raise InputError(f"{path}: field {min(fields)!r} is none of {CORRECTABLE}.")
    return verdicts


def judged_digest(row: dict[str, Any]) -> str:
    """Return the digest of what a reviewer sees of a record."""
    options = [*row["options"], *(str(index) for index in row["answer_indices"])]
    return text_digest(*(row[name] for name in CORRECTABLE), *options)


def _judged(row: dict[str, Any], verdict: dict[str, Any] | None) -> dict[str, Any]:
    if verdict is None or verdict["decision"] == "accept" or row["role"] != "train":
        return row
    if verdict["text_digest"] != judged_digest(row):
        return _flagged(row, OUTDATED)
    if verdict["decision"] == "reject":
        return row
    if verdict["field"] == "answer" and row["task"] == "mcq":
        return _flagged(row, REFUSED, "the answer of a multiple-choice record follows from its key")
    return _corrected(row, verdict)


def _corrected(row: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
    # What a reviewer typed has passed neither `normalize` nor `mask`.
    correction = mask(published(verdict["correction"]), row["language"])
    nothing = dict.fromkeys(("model", "prompt", "variant"))
    step: dict[str, Any] = {"stage": "review", **nothing, "cache_keys": []}
    new = {**row, verdict["field"]: correction.text, "steps": [*row["steps"], step]}
    kinds = ", ".join(sorted(set(correction.found)))
    return _flagged(new, "personal_data", kinds) if kinds else new


def _flagged(row: dict[str, Any], name: str, evidence: str = "") -> dict[str, Any]:
    flag = {"name": name, "other_id": None, "value": None, "evidence": evidence}
    return {**row, "flags": [*row["flags"], flag]}


def _rejections(
    rows: Iterable[dict[str, Any]], verdicts: Mapping[str, dict[str, Any]]
) -> dict[str, str]:
    """Return why rows leave, by id: rejected themselves, or descendants of one that was."""
    train = [row for row in rows if row["role"] == "train"]
    outdated = {row["id"] for row in train if any(f["name"] == OUTDATED for f in row["flags"])}
    reasons = {
        one: verdict["reason"]
        for one, verdict in verdicts.items()
        if verdict["decision"] == "reject" and one not in outdated
    }
    children = defaultdict(list)
    for row in train:
        children[row["parent_id"]].append(row["id"])
    pending = list(reasons)
    while pending:
        new = [one for one in children[pending.pop()] if one not in reasons]
        reasons |= dict.fromkeys(new, "its parent was rejected")
        pending += new
    return {row["id"]: reasons[row["id"]] for row in train if row["id"] in reasons}


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: the file of verdicts cannot be read ({error}).") from error
