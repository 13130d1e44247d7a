"""Removes train rows that are, or descend from, a benchmark or an upstream validation item.

Ways to be caught: the same root (translations and explanations of the item, in any language; a
parallel family's key is part of the root), the same question, a question that contains the item's,
and one that nearly repeats it, options counted in, by a loose measure and without any guard: a
test question with another number is not for training either. What is caught takes its whole group
along, so a translation of a copy of a test item leaves too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from pipeline.decisions import DECISIONS
from pipeline.keys import letters_of, protected_key
from pipeline.overlap import Questions, question_letters, question_shingles
from pipeline.stages.stage import PIPELINE, Context, GlobalStage, StageSettings
from pipeline.text.minhash import BANDS, band_hashes
from pipeline.text.normalize import comparison_key
from pipeline.text.shingles import jaccard

ROLES = ("benchmark", "validation")  # in this order: the graver reason is the one that is told
PAIRS = pl.Schema({"id": pl.String, "item": pl.String, "value": pl.Float64})


class DecontaminateSettings(StageSettings):
    """How alike a question and its options may be to a protected one."""

    jaccard: float = Field(0.8, gt=0, le=1)


class Decontaminate(GlobalStage[DecontaminateSettings]):
    """Drops train rows that touch protected ones; protected rows themselves always stay."""

    name: ClassVar[str] = "decontaminate"
    Settings: ClassVar[type[StageSettings]] = DecontaminateSettings
    partitions: ClassVar[int] = 4

    def code(self) -> tuple[Path, ...]:
        """Return the modules that decide when two questions are the same."""
        return (PIPELINE / "keys.py", PIPELINE / "overlap.py")

    def features(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return ids, groups, roots, question keys and bands; reference rows protect nothing."""
        rows = shard.filter(pl.col("role") != "reference")
        texts: list[tuple[str, str]] = []

        def shingle_sets() -> Iterator[set[str]]:
            # Row by row, so that the comparison key of a text is made once and still remembered.
            for row in rows.iter_rows(named=True):
                texts.append((protected_key(row), _letters(row)))
                yield question_shingles(row)

        bands = pl.Series("bands", band_hashes(shingle_sets()), pl.List(pl.UInt64))
        keys = pl.DataFrame(texts, {"question_key": pl.String, "letters": pl.String}, orient="row")
        chosen = rows.select("id", "root_id", "role", "source", "language", group=_group())
        return chosen.hstack([*keys, bands])

    def pairs(self, number: int, features: pl.DataFrame, context: Context) -> pl.DataFrame:
        """Return train rows that contain or nearly repeat a protected question."""
        train = features.filter(pl.col("role") == "train")
        items = features.filter(pl.col("role").is_in(ROLES))
        share = train.filter(pl.int_range(pl.len()) % self.partitions == number)
        found = [*_contained(share, items), *self._similar(number, train, items, context)]
        return pl.DataFrame(found, schema=PAIRS, orient="row")

    def _similar(
        self, number: int, train: pl.DataFrame, items: pl.DataFrame, context: Context
    ) -> Iterator[tuple[str, str, float]]:
        threshold = self.settings.jaccard
        width = BANDS // self.partitions
        bands = range(number * width, (number + 1) * width)
        candidates = sorted({pair for band in bands for pair in _sharing(band, train, items)})
        ids = pl.Series(sorted({one for pair in candidates for one in pair}), dtype=pl.String)
        rows = context.texts(ids).iter_rows(named=True)
        sets = {row["id"]: question_shingles(row) for row in rows}
        for one, item in candidates:
            if (value := jaccard(sets[one], sets[item])) >= threshold:
                yield one, item, value

    def decide(self, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
        """Drop every train row whose group holds a match."""
        found = reversed(list(_matches(features, pairs)))
        matches = {match["group"]: match for match in found}
        train = features.filter(pl.col("role") == "train")
        touched = train.filter(pl.col("group").is_in(list(matches)))
        decisions = [
            {"id": one, "decision": "drop", **_reason(matches[group])}
            for one, group in touched.select("id", "group").iter_rows()
        ]
        return pl.DataFrame(decisions, schema=DECISIONS)


def _group() -> pl.Expr:
    return pl.coalesce("group_id", "root_id")


def _letters(row: dict[str, Any]) -> str:
    """Return what is searched in of a train row, and what is searched for of a protected one."""
    if row["role"] == "train":
        return question_letters(row)
    return letters_of(comparison_key(row["question"], row["language"]))


def _contained(rows: pl.DataFrame, items: pl.DataFrame) -> Iterator[tuple[str, str, float]]:
    questions = Questions(items.sort("role", "id").select("id", "language", "letters").iter_rows())
    for one, letters in rows.select("id", "letters").iter_rows():
        if (item := questions.inside(letters)) is not None:
            yield one, item, 1.0


def _sharing(band: int, train: pl.DataFrame, items: pl.DataFrame) -> Iterator[tuple[str, str]]:
    key = pl.col("bands").list.get(band).alias("key")
    left, right = (frame.select("id", "language", key) for frame in (train, items))
    same = left.join(right, on=("language", "key"), suffix="_item")
    yield from same.select("id", "id_item").iter_rows()


def _matches(features: pl.DataFrame, pairs: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield matches of train groups with protected rows, gravest reason first."""
    train = features.filter(pl.col("role") == "train").select(
        "id", "group", "root_id", "question_key"
    )
    resembling = train.join(pairs, on="id")
    for role in ROLES:
        protected = features.filter(pl.col("role") == role).select(
            "root_id", "question_key", "source", "language", item="id"
        )
        kinds = (
            ("root", train.join(protected, on="root_id")),
            ("question", train.join(protected, on="question_key")),
            ("similar", resembling.join(protected, on="item")),
        )
        for kind, same in kinds:
            ordered = same.sort("group", "source", "item", "id")
            for row in ordered.iter_rows(named=True):
                yield {**row, "reason": f"{role}_{kind}"}


def _reason(match: dict[str, Any]) -> dict[str, Any]:
    return {
        "reason": match["reason"],
        "evidence": f"{match['source']} ({match['language']})",
        "value": match.get("value"),
        "other_id": match["item"],
    }
