"""Rows in the shape that questions are compared in, and the checks that splits share none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from pipeline.dedup.candidates import candidate_pairs
from pipeline.dedup.records import fold_rows, of_items, sign
from pipeline.dedup.similarity import jaccard_of_pairs
from pipeline.dedup.whole import JACCARD
from pipeline.release.findings import Finding
from pipeline.text.minhash import ASKED, EXACT, NO_BAND
from schemas.item import LANGUAGES
from schemas.release import SUBSETS

Row = dict[str, Any]

_TASKS = {subset: task for task, subset in SUBSETS.items()}


def as_items(rows: pl.DataFrame) -> pl.DataFrame:
    """Return published rows in the shape of a build's records, with their places."""
    task = pl.col("subset").replace_strict(_TASKS)
    option, turn = pl.element().struct.field("text"), pl.element().struct.field("role")
    known = rows.filter(pl.col("language").is_in(LANGUAGES))
    # Before the question that is asked and its answer; a system's turn is no part of the dialogue.
    before = pl.col("messages").list.head((pl.col("messages").list.len() - 2).clip(0))
    return known.select(
        *("id", "file", "row", "split", "root_id", "group_id", "language"),
        *(pl.col(name).fill_null("") for name in ("question", "context", "answer", "rationale")),
        task=task,
        history=before.list.filter(turn != "system").fill_null([]),
        options=pl.col("options").list.eval(option).list.drop_nulls().fill_null([]),
        answer_indices=pl.lit([], pl.List(pl.Int8)),  # options are compared, not which is keyed
    )


def near_duplicates(items: pl.DataFrame) -> Iterator[Finding]:
    """Find rows of two splits that resemble each other as near-duplicates do."""
    records = fold_rows(of_items(items))
    bands = sign(records).bands
    candidates = candidate_pairs(bands, np.flatnonzero(bands[:, 0] != NO_BAND))
    splits = items["split"].rank("dense").to_numpy()
    is_apart = splits[candidates.left] != splits[candidates.right]
    left, right = candidates.left[is_apart], candidates.right[is_apart]
    similar = jaccard_of_pairs(records, left, right)
    for one, other, value in zip(left.tolist(), right.tolist(), similar.tolist(), strict=True):
        if value >= JACCARD:
            yield _divided(items.row(one, named=True), items.row(other, named=True), value)


def _divided(one: Row, other: Row, value: float) -> Finding:
    held_out, kept = sorted((one, other), key=lambda row: str(row["split"]))  # test before train
    found = f"{value:.2f} like {kept['file']}, row {kept['row']}"
    return Finding(held_out["file"], found, "near-duplicates in one split", held_out["row"])


def questions(items: pl.DataFrame) -> Iterator[Finding]:
    """Find questions that are asked, with the same options, in two splits."""
    keys = sign(fold_rows(of_items(items))).keys
    # An open question is the same one whatever its answer.
    columns = 2 * np.where(items["task"] == "mcq", EXACT, ASKED)
    numbers = np.arange(len(items))
    asked = items.select("file", "row", "split", "task").with_columns(
        low=keys[numbers, columns], high=keys[numbers, columns + 1]
    )
    alike = ("task", "low", "high")
    divided = asked.filter(pl.col("split").n_unique().over(alike) > 1)
    first = divided.sort("file", "row").unique((*alike, "split"), keep="first")
    # Of test, train and validation the first is named, with each of the others.
    ordered = first.sort("split").group_by(alike, maintain_order=True).agg("file", "row", "split")
    for files, rows, splits in ordered.select("file", "row", "split").sort("file").iter_rows():
        for file, row, split in zip(files[1:], rows[1:], splits[1:], strict=True):
            found = f"its question stands in {split} too, {file}, row {row}"
            yield Finding(files[0], found, "each question in one split", rows[0])
