"""Rows in the shape that questions are compared in, and the check that none is asked twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from pipeline.keys import option_keys, protected_key, question_key, text_digest
from pipeline.release.findings import Finding
from schemas.item import LANGUAGES
from schemas.release import SUBSETS

Row = dict[str, Any]

_TASKS = {subset: task for task, subset in SUBSETS.items()}
_TEXTS = ("file", "root_id", "subset", "split", "language", "question", "context", "answer")


def comparable_rows(rows: pl.DataFrame) -> list[Row]:
    """Return published rows in the shape that keys and shingles are made of."""
    options = pl.col("options").list.eval(pl.element().struct.field("text")).fill_null([])
    texts = [pl.col(name).fill_null("") for name in _TEXTS]
    known = rows.filter(pl.col("language").is_in(LANGUAGES))  # `values` names the others
    read = known.select("row", *texts, options=options.list.drop_nulls()).iter_rows(named=True)
    return [{**row, "task": _TASKS[row["subset"]], "key": protected_key(row)} for row in read]


def questions(rows: Iterable[Row]) -> Iterator[Finding]:
    """Find questions that are asked, with the same options, in two splits."""
    asked: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        key = text_digest(row["language"], row["task"], question_key(row), *option_keys(row))
        asked[key].setdefault(row["split"], row)
    for by_split in asked.values():
        (_, held_out), *others = sorted(by_split.items())  # test before train before validation
        for split, row in others:
            found = f"its question stands in {split} too, {row['file']}, row {row['row']}"
            yield Finding(held_out["file"], found, "each question in one split", held_out["row"])
