"""Finds exact and near duplicates among train rows, keeps the best of each, and forms groups.

Similar rows that the guard tells apart (another number, a negation, another drug) are kept and
flagged `near_duplicate`; they share a `group_id`, so that no split separates them. Candidates come
from MinHash bands and are verified by exact Jaccard. Clusters are stars around the kept row: a row
is dropped only for a row that it resembles itself. The steps are those of `pipeline/dedup`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from pipeline.decisions import DECISIONS
from pipeline.dedup.candidates import (
    candidate_pairs,
    capped_records,
    likely_pairs,
    shared_bands,
)
from pipeline.dedup.clusters import stars
from pipeline.dedup.features import (
    bands_of,
    count_words,
    features_of,
    is_empty,
    new_vocabulary,
    sketches_of,
)
from pipeline.dedup.pairs import similar_pairs
from pipeline.dedup.records import of_items
from pipeline.dedup.whole import first_of_each
from pipeline.errors import InputError
from pipeline.recipe import SourceEntry
from pipeline.stages.groups import groups_of
from pipeline.stages.stage import PIPELINE, Context, GlobalStage, StageSettings
from pipeline.text.minhash import BANDS
from sources.table import TableSettings

PAIRS = pl.Schema(
    {
        "left": pl.String,
        "right": pl.String,
        "jaccard": pl.Float64,
        "bands": pl.Int64,
        "difference": pl.String,
    }
)
NO_CONTEXT = bytes(16)  # the key of a record without context
ALL_BANDS = f"{BANDS} of {BANDS} bands"
CLUSTERS_NAMED = 3  # when a source would lose too much


class DeduplicateSettings(StageSettings):
    """What counts as similar, and how much of a source may go."""

    jaccard: float = Field(0.8, gt=0, le=1)
    max_group_rows: int = Field(200, ge=2)
    max_loss: float = Field(0.5, gt=0, le=1)  # of a source; a recipe's source can set its own
    loss_checked_from: int = Field(500, ge=1)  # rows of a source; the same


class Deduplicate(GlobalStage[DeduplicateSettings]):
    """Drops duplicates, flags near-duplicates, sets `group_id`."""

    name: ClassVar[str] = "deduplicate"
    Settings: ClassVar[type[StageSettings]] = DeduplicateSettings
    partitions: ClassVar[int] = 4

    def code(self) -> tuple[Path, ...]:
        """Return the modules that decide what a duplicate is."""
        return (PIPELINE / "dedup", PIPELINE / "stages" / "groups.py")

    def inputs(self) -> Mapping[str, str]:
        """Return the loss limits that the recipe's sources set."""
        limits = {e.name: (e.max_loss, e.loss_checked_from) for e in self._entries()}
        return {name: str(limit) for name, limit in limits.items() if limit != (None, None)}

    def features(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return, per train row, keys, bands and counted words, and its rank in the preference."""
        train = shard.filter(pl.col("role") == "train")
        found = features_of(of_items(train))
        return train.select("id", "root_id", "language", "source", *rank()).hstack(found)

    def pairs(self, number: int, features: pl.DataFrame, context: Context) -> pl.DataFrame:
        """Return similar pairs of one partition of those that share a band."""
        features = _preferred_first(features)
        ids, bands, firsts = features["id"], bands_of(features), first_of_each(features)
        vocabulary = new_vocabulary()
        count_words(vocabulary, features["words"])

        def texts(numbers: NDArray[np.int64]) -> pl.DataFrame:
            wanted = ids.gather(numbers)
            records = context.texts(wanted)
            return of_items(wanted.to_frame().join(records, on="id", maintain_order="left"))

        threshold = self.settings.jaccard
        numbers = np.unique(firsts[firsts >= 0])
        candidates = candidate_pairs(bands, numbers, number, self.partitions)
        likely = likely_pairs(candidates, sketches_of(features), threshold)
        found = similar_pairs(likely, texts, threshold, vocabulary)
        return pl.DataFrame(
            {
                "left": ids.gather(found.left),
                "right": ids.gather(found.right),
                "jaccard": found.jaccard,
                "bands": shared_bands(bands, found.left, found.right),
                "difference": found.difference,
            },
            schema=PAIRS,
        )

    def decide(self, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
        """Drop exact duplicates, then near ones star by star, then flag what the guard kept."""
        settings = self.settings
        features = _preferred_first(features)
        pairs = pairs.sort("left", "right")
        drops = dict(_exact_drops(features))
        drops |= _conflicting_relatives(features, drops)
        drops = _around_kept_rows(drops | _near_drops(features, pairs, drops))
        self._check_loss(features, drops)
        decisions = [{"id": one, "decision": "drop", **drop} for one, drop in drops.items()]
        decisions += [*_flags(pairs, drops), *_capped(features, drops)]
        groups, oversized = groups_of(features, _edges(features, pairs), settings.max_group_rows)
        decisions += [{"id": one, "decision": "keep", "group_id": g} for one, g in groups.items()]
        decisions += [
            {"id": one, "decision": "flag", "reason": "oversized_group", "evidence": ""}
            for one in oversized
            if one not in drops
        ]
        return pl.DataFrame(decisions, schema=DECISIONS)

    def _entries(self) -> tuple[SourceEntry | TableSettings, ...]:
        return *self.recipe.sources, *self.recipe.tables

    def _check_loss(self, features: pl.DataFrame, drops: Mapping[str, Any]) -> None:
        entries = {entry.name: entry for entry in self._entries()}
        lost = features.with_columns(is_lost=pl.col("id").is_in(list(drops)))
        shares = lost.group_by("source").agg(pl.len(), pl.col("is_lost").mean()).sort("source")
        for source, rows, share in shares.iter_rows():
            entry = entries.get(source.partition(".")[0])
            limit = (entry and entry.max_loss) or self.settings.max_loss
            fewest = (entry and entry.loss_checked_from) or self.settings.loss_checked_from
            if rows >= fewest and share > limit:
                gone = lost.filter(pl.col("is_lost"), pl.col("source") == source)["id"]
                raise InputError(
                    f"deduplicate: source {source} would lose {share:.0%} of its {rows} rows, more "
                    f"than {limit:.0%}. {_largest_clusters(gone, drops)} Look at it with `mmed "
                    f"sources check {source}`, or set `max_loss` for it in the recipe."
                )


def rank() -> list[pl.Expr]:
    """Return a record's place in the order of preference, lower is better; ids break ties.

    The order: a gold explanation, which no model wrote, a licence that allows publication, native
    before translated before generated, more context, longer texts.
    """
    prompts = pl.element().struct.field("prompt").str.starts_with("rationale/")
    is_gold = (pl.col("rationale") != "") & ~pl.col("steps").list.eval(prompts).list.any()
    origin = pl.col("origin").replace_strict({"native": 0, "translated": 1, "generated": 2})
    place = (
        100 * (~is_gold).cast(pl.Int32)
        + 20 * (pl.col("redistributable") != "yes").cast(pl.Int32)
        + 2 * origin.cast(pl.Int32)
        + (pl.col("context") == "").cast(pl.Int32)
    )
    # Letters and digits, each in its usual width: more punctuation is no more text.
    texts = (
        pl.col(name).str.normalize("NFKC").str.count_matches(r"[\p{L}\p{N}]")
        for name in ("rationale", "answer", "context")
    )
    return [place.alias("rank"), pl.sum_horizontal(texts).cast(pl.Int64).alias("length")]


def _preferred_first(features: pl.DataFrame) -> pl.DataFrame:
    return features.sort("rank", pl.col("length").neg(), "id")


def _largest_clusters(gone: pl.Series, drops: Mapping[str, Mapping[str, Any]]) -> str:
    around = Counter(drops[one]["other_id"] for one in gone)
    largest = sorted(around.items(), key=lambda item: (-item[1], item[0]))[:CLUSTERS_NAMED]
    named = ", ".join(f"{rows} around {kept}" for kept, rows in largest)
    return f"The largest clusters drop {named}."


def _exact_drops(features: pl.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    repeated = features.filter(~is_empty(features), pl.col("exact_key").is_duplicated())
    groups = repeated.group_by("exact_key", maintain_order=True)
    for ids, answers in groups.agg("id", "answer_key").select("id", "answer_key").iter_rows():
        best = ids[0]
        if len(set(answers)) > 1:
            for one, answer in zip(ids, answers, strict=True):
                other = next(i for i, a in zip(ids, answers, strict=True) if a != answer)
                yield one, {"reason": "conflicting_key", "value": 1.0, "other_id": other}
        else:
            same = {"reason": "exact_duplicate", "evidence": ALL_BANDS, "value": 1.0}
            yield from ((one, {**same, "other_id": best}) for one in ids[1:])


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
    place = {one: number for number, one in enumerate(features["id"])}
    similar = {
        (place[left], place[right]): (jaccard, bands)
        for left, right, jaccard, bands, _ in pairs.filter(pl.col("difference") == "").iter_rows()
        if left not in gone and right not in gone
    }
    ids = features["id"]
    drops = {}
    for dropped, kept in stars(similar):
        jaccard, bands = similar[min(dropped, kept), max(dropped, kept)]
        drops[ids[dropped]] = {
            "reason": "near_duplicate",
            "evidence": f"{bands} of {BANDS} bands",
            "value": jaccard,
            "other_id": ids[kept],
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
    apart = pairs.filter(pl.col("difference") != "")
    for left, right, similarity, _, reason in apart.iter_rows():
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


def _capped(features: pl.DataFrame, drops: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Flag the records that share a bucket with so many that not all of those were compared."""
    firsts = first_of_each(features)
    numbers, sizes = capped_records(bands_of(features), np.unique(firsts[firsts >= 0]))
    for number, size in zip(numbers.tolist(), sizes.tolist(), strict=True):
        if (one := features["id"][number]) not in drops:
            yield {"id": one, "decision": "flag", "reason": "capped_bucket",
                   "evidence": "", "value": float(size)}  # fmt: skip


def _edges(features: pl.DataFrame, pairs: pl.DataFrame) -> Iterable[tuple[str, str, float]]:
    yield from pairs.select("left", "right", "jaccard").iter_rows()
    # One question with two answers, or two on one passage, give each other away; where a group
    # must be cut, it is cut there first.
    texts = features.filter(~is_empty(features))
    for column, weight in (("exact_key", 1.0), ("asked_key", 0.1), ("context_key", 0.0)):
        named = texts.filter(pl.col(column) != NO_CONTEXT).sort(column, "id")
        for ids in named.group_by(column, maintain_order=True).agg("id")["id"]:
            first, *rest = ids.to_list()
            yield from ((first, other, weight) for other in rest)
