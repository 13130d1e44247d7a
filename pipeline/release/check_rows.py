"""Checks of a release's rows: identifiers, splits, answers, values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, get_args

import polars as pl

from pipeline.release.contents import CARD, LICENSES, Contents
from pipeline.release.findings import Finding
from schemas.item import FORMS, LETTERS, Origin
from schemas.release import RELEASE, SUBSETS

EXCERPT = 60  # characters of a text that a finding shows

_VALUES: dict[str, tuple[str, ...]] = {
    "form": FORMS,
    "origin": get_args(Origin),
    "redistributable": ("yes", "no", "unknown"),
    "egress": ("any", "local"),
}
_NULLABLE = ("group_id", "parent_id", "year", "scores")
_IS_MCQ = pl.col("subset") == SUBSETS["mcq"]


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= EXCERPT else text[:EXCERPT] + "…")


def _found(
    rows: pl.DataFrame, condition: pl.Expr, found: pl.Expr | str, expected: str
) -> Iterator[Finding]:
    """Yield one finding per row that meets a condition."""
    text = pl.lit(found) if isinstance(found, str) else found
    hits = rows.filter(condition).select("file", "row", text.alias("found"))
    for file, row, value in hits.sort("file", "row").iter_rows():
        yield Finding(file, str(value), expected, row)


def _holds_null(name: str, dtype: pl.DataType) -> pl.Expr:
    """Tell of each row whether a column, or anything inside it, is null."""
    column = pl.col(name)
    if not isinstance(dtype, pl.List):
        return column.is_null()
    element = pl.element()
    is_null = element.is_null()
    if isinstance(dtype.inner, pl.Struct) and name in ("messages", "options"):
        for field in dtype.inner.fields:
            is_null = is_null | element.struct.field(field.name).is_null()
    return column.is_null() | column.list.eval(is_null).list.any().fill_null(value=False)


def _nulls(rows: pl.DataFrame) -> dict[str, pl.Expr]:
    known = {name: rows.schema[name] for name in RELEASE.names if name not in _NULLABLE}
    return {name: _holds_null(name, dtype) for name, dtype in known.items()}


def nulls(contents: Contents) -> Iterator[Finding]:
    """Find nulls where a release has none."""
    for name, condition in _nulls(contents.rows).items():
        yield from _found(contents.rows, condition, f"null in column {name!r}", "a value")


def whole(contents: Contents) -> pl.DataFrame:
    """Return the rows without nulls; `nulls` names the others."""
    return contents.rows.filter(~pl.any_horizontal(_nulls(contents.rows).values()))


def identifiers(contents: Contents) -> Iterator[Finding]:
    """Find identifiers that are missing or stand twice, in whatever subset, language or split."""
    for name in ("id", "root_id"):
        is_empty = pl.col(name) == ""
        yield from _found(contents.rows, is_empty, f"no {name}", "one in every row")
    is_other = ~pl.col("id").str.contains(r"^[0-9a-f]{32}$") & (pl.col("id") != "")
    yield from _found(
        contents.rows,
        is_other,
        pl.format("id {}", pl.col("id")),
        "a digest of 32 hexadecimal digits",
    )
    repeated = contents.rows.filter(pl.col("id").is_duplicated() & (pl.col("id") != ""))
    for (record,), rows in repeated.sort("file", "row").group_by(["id"], maintain_order=True):
        (first_file, first_row), *others = rows.select("file", "row").iter_rows()
        for file, row in others:
            found = f"id {record!r} again, first in {first_file}, row {first_row}"
            yield Finding(file, found, "each id once in the release", row)


def order(contents: Contents) -> Iterator[Finding]:
    """Find the first row of each file that stands before its place by source and id.

    A stable order is what lets a rebuild with few changes change few bytes.
    """
    for file, rows in contents.rows.group_by("file", maintain_order=True):
        places = rows.select(pl.struct("source", "id")).to_series().to_list()
        keys = [(str(one["source"]), str(one["id"])) for one in places]
        for row, (before, after) in enumerate(pairwise(keys), 1):
            if after < before:
                yield Finding(str(file[0]), f"id {after[1]!r}", f"it before {before[1]!r}", row)
                break


def splits(contents: Contents) -> Iterator[Finding]:
    """Find roots and groups that stand in two splits, over both subsets and all languages."""
    rows = contents.rows.with_columns(group_id=pl.coalesce("group_id", "root_id"))
    for name in ("root_id", "group_id"):
        several = rows.filter(
            (pl.col("split").n_unique().over(name) > 1) & pl.col(name).is_not_null()
        )
        for (one,), members in several.sort("file", "row").group_by([name], maintain_order=True):
            yield _divided(name, str(one), members)
    is_lost = pl.col("flags").list.contains("near_duplicate")
    yield from _found(
        contents.rows,
        is_lost & pl.col("group_id").is_null(),
        "flagged near_duplicate without a group_id",
        "the group that keeps it in one split with its likes",
    )


def _divided(name: str, value: str, members: pl.DataFrame) -> Finding:
    """Name one row of each split, the first of a held-out split where there is one."""
    first = members.unique("split", keep="first", maintain_order=True).sort("split")
    (file, row), *others = first.select("file", "row").iter_rows()
    elsewhere = " and ".join(f"{file}, row {row}" for file, row in others)
    return Finding(file, f"{name} {value!r} also in {elsewhere}", "one split for all its rows", row)


def answers(contents: Contents) -> Iterator[Finding]:
    """Compare letters, options and answer texts of multiple choice; open rows have an answer."""
    columns = ("file", "row", "options", "answer_letters", "answer", "several_allowed")
    rows = whole(contents)
    for row in rows.filter(_IS_MCQ).select(columns).iter_rows(named=True):
        yield from (Finding(row["file"], *fault, row["row"]) for fault in _mcq_faults(row))
    has_letters = ~_IS_MCQ & (pl.col("answer_letters").list.len() > 0)
    found = pl.format("answer letters {}", pl.col("answer_letters").list.join(", "))
    yield from _found(rows, has_letters, found, "an empty list in an open row")
    is_empty = ~_IS_MCQ & (pl.col("answer").str.strip_chars() == "")
    yield from _found(rows, is_empty, "no answer", "a text")


def _mcq_faults(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    options = {one["letter"]: one["text"] for one in row["options"]}
    keyed = row["answer_letters"]
    if "".join(options) != LETTERS[: len(row["options"])] or len(options) < 2:
        yield f"options lettered {', '.join(options)}", "two or more, from A on"
    if not keyed or len(set(keyed)) < len(keyed):
        yield f"answer letters {keyed}", "one or more, each once"
    for letter in keyed:
        if letter not in options:
            yield f"answer letter {letter!r}", f"one of {', '.join(options)}"
    if len(keyed) > 1 and not row["several_allowed"]:
        yield f"answer letters {keyed} where one is allowed", "one letter"
    texts = "\n".join(str(options.get(letter)) for letter in keyed)
    if row["answer"] != texts:
        yield f"answer {_excerpt(row['answer'])}", f"the keyed options, {_excerpt(texts)}"


def values(contents: Contents) -> Iterator[Finding]:
    """Check licences, languages and the columns that hold one of a few known values."""
    rows = contents.rows
    for name, known in _VALUES.items():
        found = pl.format(f"{name} {{}}", pl.col(name))
        is_other = ~pl.col(name).is_in(known)
        yield from _found(rows, is_other, found, f"one of {', '.join(known)}")
    is_elsewhere = pl.col("language") != pl.col("folder_language")
    found = pl.format("language {}", pl.col("language"))
    yield from _found(rows, is_elsewhere, found, "that of its folder")
    is_unlicensed = pl.col("license").str.strip_chars() == ""
    yield from _found(rows, is_unlicensed, "no licence", "one in every row")
    yield from _unlisted(rows, CARD, contents.card)
    yield from _unlisted(rows, LICENSES, contents.licenses)


def _unlisted(rows: pl.DataFrame, name: str, text: str) -> Iterator[Finding]:
    used: Sequence[str] = rows["license"].drop_nulls().unique().sort().to_list()
    for license_id in filter(None, used):
        if not re.search(rf"\| *{re.escape(license_id)} *\|", text):
            yield Finding(name, f"no line for the licence {license_id!r}", "one, as rows carry it")
