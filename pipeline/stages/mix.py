"""Caps what the release takes of a source, form, label, template or root, by id hash.

Caps are applied in the order of the recipe; each sees what the ones before it left. A cap with
`rows` takes at most so many rows per group; a cap with `share` leaves no group more than that share
of what remains, all groups of the cap counted together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import floor
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field, model_validator

from pipeline.decisions import DECISIONS
from pipeline.stages.stage import GlobalStage, StageSettings
from pipeline.text.normalize import comparison_key
from schemas.item import Form, Language
from schemas.release import SUBSETS

Column = Literal["language", "source", "form", "label", "template", "topic", "subset"]


class Cap(StageSettings):
    """A limit on groups of rows: which rows it looks at, how they are grouped, and how many."""

    source: str | None = None
    language: Language | None = None
    subset: Literal["mmed_ift", "mmed_ift_mc"] | None = None
    form: Form | None = None
    except_languages: tuple[Language, ...] = ()
    has_rationale: bool | None = None  # None: rows with and without one
    per: tuple[Column, ...] = ()
    rows: int | None = Field(None, ge=0)
    share: float | None = Field(None, gt=0, lt=1)
    of: tuple[Column, ...] | None = None  # rows equal in these are the whole; None: see `_whole`

    @model_validator(mode="after")
    def _one_limit(self) -> Cap:
        if (self.rows is None) == (self.share is None):
            raise ValueError("a cap has either `rows` or `share`")
        if self.of is not None and self.share is None:
            raise ValueError("`of` says what a `share` is taken of; `rows` needs none")
        return self


class MixSettings(StageSettings):
    """Caps, and the rows per language and subset that the mix aims at (shown, never enforced)."""

    rows_per_root_and_language: int = Field(2, ge=1)
    added_per_root: int = Field(4, ge=0)
    caps: tuple[Cap, ...] = ()
    goals: Mapping[Language, Mapping[Literal["mmed_ift", "mmed_ift_mc"], int]] = {}


class Mix(GlobalStage[MixSettings]):
    """Drops rows over a cap as `over_quota`."""

    name: ClassVar[str] = "mix"
    Settings: ClassVar[type[StageSettings]] = MixSettings

    def inputs(self) -> Mapping[str, str]:
        """Return the label caps that the recipe's sources set."""
        return {e.name: str(e.label_cap) for e in self.recipe.sources if e.label_cap is not None}

    def features(self, shard: pl.DataFrame) -> pl.DataFrame:
        """Return per train row the columns that caps look at."""
        train = shard.filter(pl.col("role") == "train")
        templates = [template(row) for row in train.iter_rows(named=True)]
        return train.select(
            "id",
            "root_id",
            "language",
            "source",
            "form",
            "topic",
            subset=pl.col("task").replace_strict(SUBSETS, return_dtype=pl.String),
            is_added=pl.col("parent_id").is_not_null(),
            has_rationale=pl.col("rationale") != "",
            label=pl.when(pl.col("form") == "classification").then("answer").otherwise(pl.lit("")),
            template=pl.Series(templates, dtype=pl.String),
        )

    def decide(self, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:  # noqa: ARG002
        """Apply the caps of roots, then of labels, then the recipe's, in order."""
        left = features.sort("id")  # an id is a hash: the order is a fair sample
        decisions: list[dict[str, Any]] = []
        for name, over, limit in self._overs():
            ids = over(left)
            decisions += [
                {
                    "id": one,
                    "decision": "drop",
                    "reason": "over_quota",
                    "evidence": name,
                    "threshold": limit,
                }
                for one in ids
            ]
            left = left.filter(~pl.col("id").is_in(ids))
        return pl.DataFrame(decisions, schema=DECISIONS)

    def _overs(self) -> Iterator[tuple[str, Any, float]]:
        settings = self.settings
        per_root, added = settings.rows_per_root_and_language, settings.added_per_root
        yield "rows per root and language", _Over(("root_id", "language"), per_root), per_root
        is_added = pl.col("is_added")
        yield "added rows per root", _Over(("root_id",), added, is_added), added
        for entry in self.recipe.sources:
            if entry.label_cap is not None:
                is_source = _is_source(entry.name)
                over = _Over(("label",), entry.label_cap, is_source & (pl.col("label") != ""))
                yield f"rows of one label of {entry.name}", over, entry.label_cap
        for cap in settings.caps:
            yield (
                _cap_name(cap),
                _cap(cap),
                float(cap.rows if cap.rows is not None else cap.share or 0),
            )


def template(row: dict[str, Any]) -> str:
    """Return an open question with its topic blanked; nothing where the topic is not in it."""
    if row["task"] != "qa" or not row["topic"]:
        return ""
    question = comparison_key(row["question"], row["language"])
    topic = comparison_key(row["topic"], row["language"])
    return question.replace(topic, "_") if topic in question else ""


def _is_source(name: str) -> pl.Expr:
    return (pl.col("source") == name) | pl.col("source").str.starts_with(f"{name}.")


class _Over:
    """Picks the rows beyond the first `limit` of each group."""

    def __init__(self, per: tuple[str, ...], limit: int, among: pl.Expr | None = None) -> None:
        self.per, self.limit = per, limit
        self.among = among if among is not None else pl.lit(value=True)

    def __call__(self, rows: pl.DataFrame) -> list[str]:
        place = pl.int_range(pl.len()).over(self.per) if self.per else pl.int_range(pl.len())
        return rows.filter(self.among).filter(place >= self.limit)["id"].to_list()


class _OverShare:
    """Picks the rows by which groups exceed their share of a whole: the rows equal in `of`."""

    def __init__(
        self, per: tuple[str, ...], share: float, of: tuple[str, ...], among: pl.Expr
    ) -> None:
        self.share, self.among = share, among
        self.of = ["release", *of]
        self.groups = list(dict.fromkeys([*self.of, *per]))

    def __call__(self, rows: pl.DataFrame) -> list[str]:
        rows = rows.with_columns(release=pl.lit(value=True))
        among = rows.filter(self.among)
        sizes = among.group_by(self.groups).len("size").group_by(self.of).agg("size")
        wholes = sizes.join(rows.group_by(self.of).len("whole"), on=self.of)
        limits = [
            largest_group(sizes, whole - sum(sizes), self.share)
            for sizes, whole in wholes.select("size", "whole").iter_rows()
        ]
        capped = wholes.select(*self.of, pl.Series("limit", limits, pl.Int64))
        placed = among.with_columns(place=pl.int_range(pl.len()).over(self.groups))
        over = placed.join(capped, on=self.of, maintain_order="left")
        return over.filter(pl.col("place") >= pl.col("limit"))["id"].to_list()


def largest_group(sizes: Sequence[int], num_others: int, share: float) -> int | None:
    """Return the size to cut groups to, so that none is over its share of what all then hold.

    None where nothing but dropping every row would do it: a group that is alone, or two groups
    that may have 40 % each.
    """
    limit = max(sizes)
    while True:
        left = num_others + sum(min(size, limit) for size in sizes)
        allowed = floor(share * left + 1e-9)  # as floats, .29 * 100 is a little less than 29
        if limit <= allowed:
            return limit if limit or num_others else None
        limit = allowed


def _cap(cap: Cap) -> _Over | _OverShare:
    among = pl.lit(value=True)
    for column in ("language", "subset", "form", "has_rationale"):
        if (wanted := getattr(cap, column)) is not None:
            among = among & (pl.col(column) == wanted)
    if cap.source is not None:
        among = among & _is_source(cap.source)
    for column in cap.per:
        among = among & (pl.col(column) != "")
    if cap.except_languages:
        among = among & ~pl.col("language").is_in(list(cap.except_languages))
    if cap.rows is not None:
        return _Over(cap.per, cap.rows, among)
    assert cap.share is not None
    return _OverShare(cap.per, cap.share, _whole(cap), among)


def _whole(cap: Cap) -> tuple[str, ...]:
    """Return what makes the whole of a share: `of`, else the language, and the subset if named.

    The share of a language alone is one of the release.
    """
    if cap.of is not None:
        return cap.of
    is_language = cap.language is not None and cap.source is None and cap.form is None
    language = () if is_language else ("language",)
    return language if cap.subset is None else (*language, "subset")


def _cap_name(cap: Cap) -> str:
    given = cap.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return ", ".join(f"{key} {value}" for key, value in given.items())
