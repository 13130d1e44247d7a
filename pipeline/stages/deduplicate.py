"""Finds exact and near duplicates among train rows, keeps the best of each, and forms groups.

Similar rows that a guard tells apart (another number, a negation, another drug) are kept and
flagged `near_duplicate`; they share a `group_id`, so that no split separates them. Candidates come
from MinHash bands and are verified by exact Jaccard. Clusters are stars around the kept row: a row
is dropped only for a row that it resembles itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from pipeline.decisions import DECISIONS
from pipeline.errors import InputError
from pipeline.guard import difference
from pipeline.keys import (
    answer_keys,
    context_key,
    exact_key,
    question_key,
    record_shingles,
    text_digest,
)
from pipeline.stages.groups import groups_of
from pipeline.stages.stage import PIPELINE, Context, GlobalStage, StageSettings
from pipeline.text.minhash import BANDS, band_hashes
from pipeline.text.shingles import jaccard

PAIRS = pl.Schema(
    {"left": pl.String, "right": pl.String, "jaccard": pl.Float64, "difference": pl.String}
)
KEYS = pl.Schema(
    {
        "exact_key": pl.String,
        "asked_key": pl.String,
        "context_key": pl.String,
        "answer_key": pl.String,
        "rank": pl.Int32,
    }
)
# A bucket of a template ("What is (are) X?") can hold thousands; each is compared with this many.
BUCKET_PARTNERS = 50
LOSS_CHECKED_FROM = 500  # rows of a source; a share of fewer says little


class DeduplicateSettings(StageSettings):
    """What counts as similar, and how much of a source may go."""

    jaccard: float = Field(0.8, gt=0, le=1)
    max_group_rows: int = Field(200, ge=2)
    max_loss: float = Field(0.5, gt=0, le=1)  # of a source; a recipe's source can set its own


class Deduplicate(GlobalStage[DeduplicateSettings]):
    """Drops duplicates, flags near-duplicates, sets `group_id`."""

    name: ClassVar[str] = "deduplicate"
    Settings: ClassVar[type[StageSettings]] = DeduplicateSettings
    partitions: ClassVar[int] = 4

    def code(self) -> tuple[Path, ...]:
        """Return the modules that decide what a duplicate is."""
        return (PIPELINE / "keys.py", PIPELINE / "guard.py", PIPELINE / "stages" / "groups.py")

    def inputs(self) -> Mapping[str, str]:
        """Return the loss limits that the recipe's sources set."""
        return {e.name: str(e.max_loss) for e in self.recipe.sources if e.max_loss is not None}

    def features(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return per train row: keys, band hashes, and its rank in the order of preference."""
        train = shard.filter(pl.col("role") == "train")
        found: list[dict[str, Any]] = []

        def shingle_sets() -> Iterator[set[str]]:
            # Row by row, so that the comparison key of a text is made once and still remembered.
            for row in train.iter_rows(named=True):
                found.append(_keys(row))
                yield record_shingles(row)

        bands = pl.Series("bands", band_hashes(shingle_sets()), pl.List(pl.UInt64))
        keys = pl.DataFrame(found, schema=KEYS)
        return train.select("id", "root_id", "language", "source").hstack([*keys, bands])

    def pairs(self, number: int, features: pl.DataFrame, context: Context) -> pl.DataFrame:
        """Return similar pairs among rows that share one of this partition's bands."""
        threshold = self.settings.jaccard
        share = BANDS // self.partitions
        bands = range(number * share, (number + 1) * share)
        candidates = sorted(set(_candidates(features, bands)))
        ids = pl.Series("id", sorted({one for pair in candidates for one in pair}), pl.String)
        rows = {row["id"]: row for row in context.texts(ids).iter_rows(named=True)}
        sets = {record_id: record_shingles(row) for record_id, row in rows.items()}
        found = []
        for left, right in candidates:
            similarity = jaccard(sets[left], sets[right])
            if similarity >= threshold:
                found.append((left, right, similarity, difference(rows[left], rows[right])))
        return pl.DataFrame(found, schema=PAIRS, orient="row")

    def decide(self, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
        """Drop exact duplicates, then near ones star by star, then flag what the guard kept."""
        settings = self.settings
        pairs = pairs.unique(["left", "right"]).sort("left", "right")
        drops = dict(_exact_drops(features))
        drops |= _conflicting_relatives(features, drops)
        drops = _around_kept_rows(drops | _near_drops(features, pairs, drops))
        self._check_loss(features, drops)
        decisions = [{"id": one, "decision": "drop", **drop} for one, drop in drops.items()] + list(
            _flags(pairs, drops)
        )
        groups, oversized = groups_of(features, _edges(features, pairs), settings.max_group_rows)
        decisions += [{"id": one, "decision": "keep", "group_id": g} for one, g in groups.items()]
        decisions += [
            {"id": one, "decision": "flag", "reason": "oversized_group", "evidence": ""}
            for one in oversized
            if one not in drops
        ]
        return pl.DataFrame(decisions, schema=DECISIONS)

    def _check_loss(self, features: pl.DataFrame, drops: Mapping[str, Any]) -> None:
        settings = self.settings
        limits = {e.name: e.max_loss for e in self.recipe.sources if e.max_loss is not None}
        lost = features.with_columns(is_lost=pl.col("id").is_in(list(drops)))
        shares = lost.group_by("source").agg(pl.len(), pl.col("is_lost").mean()).sort("source")
        for source, rows, share in shares.iter_rows():
            limit = limits.get(source.partition(".")[0], settings.max_loss)
            if rows >= LOSS_CHECKED_FROM and share > limit:
                raise InputError(
                    f"deduplicate: source {source} would lose {share:.0%} of its {rows} rows, more "
                    f"than {limit:.0%}. Look at it with `mmed sources check {source}`, or set "
                    "`max_loss` for it in the recipe."
                )


def _keys(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "exact_key": exact_key(row),
        "asked_key": text_digest(row["language"], question_key(row)),
        "context_key": context_key(row),
        "answer_key": text_digest(*answer_keys(row)),
        "rank": rank(row),
    }


def rank(row: dict[str, Any]) -> int:
    """Return a record's place in the order of preference, lower is better; ids break ties.

    The order: a gold explanation, a licence that allows publication, native before translated
    before generated, more context.
    """
    has_no_rationale = not row["rationale"]
    is_restricted = row["redistributable"] != "yes"
    origin = ("native", "translated", "generated").index(row["origin"])
    has_no_context = not row["context"]
    return int(100 * has_no_rationale + 20 * is_restricted + 2 * origin + has_no_context)


def _candidates(features: pl.DataFrame, bands: range) -> Iterator[tuple[str, str]]:
    for band in bands:
        keyed = features.select("id", "language", key=pl.col("bands").list.get(band))
        buckets = keyed.group_by("language", "key").agg(pl.col("id").sort())
        for ids in buckets.filter(pl.col("id").list.len() > 1)["id"]:
            members = ids.to_list()
            for place, left in enumerate(members[:BUCKET_PARTNERS]):
                yield from ((left, right) for right in members[place + 1 :])


def _exact_drops(features: pl.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    ordered = features.sort("exact_key", "rank", "id")
    repeated = ordered.filter(pl.col("exact_key").is_duplicated())
    groups = repeated.group_by("exact_key", maintain_order=True)
    for ids, answers in groups.agg("id", "answer_key").select("id", "answer_key").iter_rows():
        best = ids[0]
        if len(set(answers)) > 1:
            for one in ids:
                other = best if one != best else ids[1]
                yield one, {"reason": "conflicting_key", "other_id": other}
        else:
            for one in ids[1:]:
                yield one, {"reason": "exact_duplicate", "other_id": best}


def _conflicting_relatives(
    features: pl.DataFrame, drops: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the translations and the open twin of a question whose key is in doubt."""
    root = dict(features.select("id", "root_id").iter_rows())
    doubtful = {
        root[one]: one for one in sorted(drops) if drops[one]["reason"] == "conflicting_key"
    }
    for one, its_root in root.items():
        if its_root in doubtful and one not in drops:
            yield one, {"reason": "conflicting_key", "other_id": doubtful[its_root]}


def _near_drops(
    features: pl.DataFrame, pairs: pl.DataFrame, gone: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    similar = pairs.filter(pl.col("difference") == "")
    partners: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for left, right, similarity, _ in similar.iter_rows():
        partners[left].append((right, similarity))
        partners[right].append((left, similarity))
    drops: dict[str, dict[str, Any]] = {}
    for kept in features.sort("rank", "id")["id"]:
        if kept in gone or kept in drops:
            continue
        for other, similarity in sorted(partners[kept]):
            if other not in gone and other not in drops:
                drops[other] = {
                    "reason": "near_duplicate",
                    "evidence": "",
                    "value": similarity,
                    "other_id": kept,
                }
    return drops


def _around_kept_rows(drops: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Point the exact twins of a near-duplicate at the row that is kept instead of it."""
    return {
        one: drops[drop["other_id"]]
        if drop["reason"] == "exact_duplicate" and drop["other_id"] in drops
        else drop
        for one, drop in drops.items()
    }


def _flags(pairs: pl.DataFrame, drops: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for left, right, similarity, reason in pairs.filter(pl.col("difference") != "").iter_rows():
        for one, other in ((left, right), (right, left)):
            if one not in drops and other not in drops:
                yield {
                    "id": one,
                    "decision": "flag",
                    "reason": "near_duplicate",
                    "evidence": reason,
                    "value": similarity,
                    "other_id": other,
                }


def _edges(features: pl.DataFrame, pairs: pl.DataFrame) -> Iterable[tuple[str, str, float]]:
    yield from pairs.select("left", "right", "jaccard").iter_rows()
    # One question with two answers, or two on one passage, give each other away; where a group
    # must be cut, it is cut there first.
    for column, weight in (("exact_key", 1.0), ("asked_key", 0.1), ("context_key", 0.0)):
        named = features.filter(pl.col(column) != "").sort(column, "id")
        for ids in named.group_by(column, maintain_order=True).agg("id")["id"]:
            first, *rest = ids.to_list()
            yield from ((first, other, weight) for other in rest)
