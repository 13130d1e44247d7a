"""The one place where thresholds drop rows, so that they can change without scoring again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl
from pydantic import Field

from pipeline.frames import EVIDENCE_CHARACTERS, StageResult, drop_by_reason
from pipeline.stages.stage import MapStage, StageSettings
from pipeline.text.units import CHARACTER_LANGUAGES


class SelectSettings(StageSettings):
    """Thresholds; lengths are in the language's own units."""

    language_confidence: float = Field(0.9, ge=0, le=1)
    min_question_units: int = 3  # open questions; a short stem gets its meaning from its options
    min_classified_units: int = 6  # words or characters of a text to classify
    max_question_units: int = 4000
    min_answer_words: int = 3  # open questions only; a bare number or name teaches little
    min_answer_characters: int = 12  # the same, for zh and ja
    max_answer_units: int = 2000
    exclude_topics: Mapping[str, tuple[str, ...]] = {}  # source -> topics outside medicine


class Select(MapStage[SelectSettings]):
    """Drops train rows in another language than declared, too short, too long or off topic."""

    name: ClassVar[str] = "select"
    Settings: ClassVar[type[StageSettings]] = SelectSettings

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the rows within the thresholds; rows that are not for training all stay."""
        settings = self.settings
        is_train = pl.col("role") == "train"
        rules = [
            (is_train & condition, reason, text)
            for condition, reason, text in [*self._content(settings), *_lengths(settings)]
        ]
        return drop_by_reason(shard, rules)

    def _content(self, settings: SelectSettings) -> list[tuple[pl.Expr, str, pl.Expr]]:
        detected, declared = pl.col("detected_language"), pl.col("language")
        is_other = (detected != declared) & (detected != "und")
        is_sure = pl.col("language_confidence") >= settings.language_confidence
        excluded = pl.lit(value=False)
        for source, topics in settings.exclude_topics.items():
            is_source = (pl.col("source") == source) | pl.col("source").str.starts_with(
                f"{source}."
            )
            excluded = excluded | (is_source & pl.col("topic").is_in(list(topics)))
        question = pl.col("question").str.slice(0, EVIDENCE_CHARACTERS // 2)
        found = pl.format("{}, declared {}: {}", detected, declared, question)
        return [
            (is_other & is_sure, "language_mismatch", found),
            (excluded, "topic_excluded", pl.col("topic")),
        ]


def _lengths(settings: SelectSettings) -> list[tuple[pl.Expr, str, pl.Expr]]:
    question = pl.col("scores").struct.field("question_units")
    answer = pl.col("scores").struct.field("answer_units")
    # A classification's answer is a code or a label: short by nature.
    is_open = (pl.col("task") == "qa") & (pl.col("form") != "classification")
    shortest = (
        pl.when(pl.col("language").is_in(sorted(CHARACTER_LANGUAGES)))
        .then(settings.min_answer_characters)
        .otherwise(settings.min_answer_words)
    )
    is_classified = (pl.col("task") == "qa") & ~is_open
    fewest = (
        pl.when(is_open)
        .then(settings.min_question_units)
        .when(is_classified)
        .then(settings.min_classified_units)
        .otherwise(0)
    )
    return [
        (question < fewest, "question_too_short", pl.format("{}", question)),
        (question > settings.max_question_units, "question_too_long", pl.format("{}", question)),
        (
            is_open & (answer < shortest),
            "answer_too_short",
            pl.format("{}", answer),
        ),
        (
            is_open & (answer > settings.max_answer_units),
            "answer_too_long",
            pl.format("{}", answer),
        ),
    ]
