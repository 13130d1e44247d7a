"""Caps what the release takes of a source, form, label, template or root, by id hash.

Caps are applied in the order of the recipe; each sees what the ones before it left. A cap with
`rows` takes at most so many rows per group; a cap with `share` takes at most that share of the
rows of its language and subset that remain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, cast

import polars as pl
from pydantic import Field, model_validator

from pipeline.stages.stage import DECISIONS, GlobalStage, StageSettings
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
    per: tuple[Column, ...] = ()
    rows: int | None = Field(None, ge=0)
    share: float | None = Field(None, gt=0, lt=1)

    @model_validator(mode="after")
    def _one_limit(self) -> Cap:
        if (self.rows is None) == (self.share is None):
            raise ValueError("a cap has either `rows` or `share`")
        return self


class MixSettings(StageSettings):
    """Caps, and the rows per language and subset that the mix aims at (shown, never enforced)."""

    rows_per_root_and_language: int = Field(2, ge=1)
    added_per_root: int = Field(4, ge=0)
    caps: tuple[Cap, ...] = ()
    goals: Mapping[Language, Mapping[Literal["mmed_ift", "mmed_ift_mc"], int]] = {}


class Mix(GlobalStage):
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
        settings = cast(MixSettings, self.settings)
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
    """Picks the rows of each group beyond its share of what its language and subset hold."""

    def __init__(
        self, per: tuple[str, ...], share: float, within: list[str], among: pl.Expr
    ) -> None:
        self.per, self.share, self.within, self.among = per, share, within, among

    def __call__(self, rows: pl.DataFrame) -> list[str]:
        whole = rows.with_columns(
            population=pl.len().over(self.within) if self.within else pl.len()
        )
        among = whole.filter(self.among)
        groups = [*self.within, *self.per]
        others = pl.col("population") - (pl.len().over(groups) if groups else pl.len())
        # g <= share * (g + others), solved for g; a group with no others is not capped, since
        # nothing but dropping all of it would meet the share.
        # 1e-9: as floats, .6 / (1 - .6) is a little less than 1.5 and would cost a row.
        limit = (others * (self.share / (1 - self.share)) + 1e-9).floor()
        place = pl.int_range(pl.len()).over(groups) if groups else pl.int_range(pl.len())
        over = among.with_columns(others=others, limit=limit, place=place)
        return over.filter((pl.col("others") > 0) & (pl.col("place") >= pl.col("limit")))[
            "id"
        ].to_list()


def _cap(cap: Cap) -> _Over | _OverShare:
    among = pl.lit(value=True)
    for column in ("language", "subset", "form"):
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
    # The share of a language is one of the whole release; any other one of its language.
    within = (
        [] if cap.language is not None and cap.source is None and cap.form is None else ["language"]
    )
    within += ["subset"] if cap.subset is not None else []
    assert cap.share is not None
    return _OverShare(cap.per, cap.share, within, among)


def _cap_name(cap: Cap) -> str:
    given = cap.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return ", ".join(f"{key} {value}" for key, value in given.items())
