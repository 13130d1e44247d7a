"""The one place where thresholds drop rows, so that they can change without scoring again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, create_model

from pipeline.frames import EVIDENCE_CHARACTERS, StageResult, drop_by_reason
from pipeline.quality.rule import IS_OPEN, Rule
from pipeline.quality.rules import RULES
from pipeline.stages.stage import PIPELINE, MapStage, StageSettings
from pipeline.text.units import CHARACTER_LANGUAGES


class Bounds(StageSettings):
    """Bounds of language, length and topic; lengths are in the language's own units."""

    language_confidence: float = Field(0.9, ge=0, le=1)
    min_question_units: int = 3  # open questions; a short stem gets its meaning from its options
    min_classified_units: int = 6  # words or characters of a text to classify
    max_question_units: int = 4000
    min_answer_words: int = 3  # open questions only; a bare number or name teaches little
    min_answer_characters: int = 12  # the same, for zh and ja
    max_answer_units: int = 2000
    max_option_units: int = 200
    max_rationale_units: int = 4000
    min_llm_score: float | None = Field(None, ge=1, le=10)  # rows that no model scored stay
    exclude_topics: Mapping[str, tuple[str, ...]] = {}  # source -> topics outside medicine


# One setting per rule of quality: a score at or above it drops, null drops nothing.
_THRESHOLDS: dict[str, Any] = {
    rule.name: (float | None, Field(rule.threshold, gt=0)) for rule in RULES
}
SelectSettings = create_model("SelectSettings", __base__=Bounds, **_THRESHOLDS)
Condition = tuple[pl.Expr, str, pl.Expr]  # drop where, reason, evidence


class Select(MapStage[Bounds]):
    """Drops train rows of another language, out of bounds, off topic, or faulty by a rule."""

    name: ClassVar[str] = "select"
    Settings: ClassVar[type[StageSettings]] = SelectSettings

    def code(self) -> tuple[Path, ...]:
        """Return the list of rules."""
        return (PIPELINE / "quality" / "rules.py", PIPELINE / "quality" / "rule.py")

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the rows within the thresholds; rows that are not for training all stay."""
        is_train = pl.col("role") == "train"
        limits = list(self._limits())
        conditions = [
            *self._content(self.settings),
            *_lengths(self.settings),
            *_points(self.settings),
            *(_fault(rule, limit) for rule, limit in limits),
        ]
        result = drop_by_reason(
            shard, [(is_train & drops, reason, text) for drops, reason, text in conditions]
        )
        return StageResult(result.kept, _with_values(result.dropped, limits))

    def _limits(self) -> Iterator[tuple[Rule, float]]:
        for rule in RULES:
            threshold: float | None = getattr(self.settings, rule.name)
            if threshold is not None:
                yield rule, threshold

    def _content(self, settings: Bounds) -> list[Condition]:
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


def _score(name: str) -> pl.Expr:
    return pl.col("scores").struct.field(name)


def _fault(rule: Rule, threshold: float) -> Condition:
    text = pl.col(rule.shows)
    shown = text.list.join(" | ") if rule.shows == "options" else text
    # Where a fault is cannot be told from its score: both ends are quoted.
    half = EVIDENCE_CHARACTERS // 2 - 2
    ends = pl.format("{} … {}", shown.str.slice(0, half), shown.str.tail(half))
    evidence = pl.when(shown.str.len_chars() > EVIDENCE_CHARACTERS).then(ends).otherwise(shown)
    return _score(rule.name) >= threshold, rule.name, evidence


def _with_values(dropped: pl.DataFrame, limits: Iterable[tuple[Rule, float]]) -> pl.DataFrame:
    """Return dropped rows with the score and the threshold of the rule that dropped them."""
    value, threshold = pl.col("value"), pl.col("threshold")
    for rule, limit in limits:
        is_it = pl.col("reason") == rule.name
        value = pl.when(is_it).then(_score(rule.name).cast(pl.Float64)).otherwise(value)
        threshold = pl.when(is_it).then(pl.lit(limit)).otherwise(threshold)
    return dropped.with_columns(value=value, threshold=threshold)


def _points(settings: Bounds) -> Iterator[Condition]:
    if settings.min_llm_score is not None:
        points = _score("llm_score")
        yield points < settings.min_llm_score, "llm_score", pl.format("{}", points)


def _lengths(settings: Bounds) -> list[Condition]:
    question, answer = _score("question_units"), _score("answer_units")
    option, rationale = _score("option_units"), _score("rationale_units")
    shortest = (
        pl.when(pl.col("language").is_in(sorted(CHARACTER_LANGUAGES)))
        .then(settings.min_answer_characters)
        .otherwise(settings.min_answer_words)
    )
    is_classified = (pl.col("task") == "qa") & ~IS_OPEN
    fewest = (
        pl.when(IS_OPEN)
        .then(settings.min_question_units)
        .when(is_classified)
        .then(settings.min_classified_units)
        .otherwise(0)
    )
    return [
        (question < fewest, "question_too_short", pl.format("{}", question)),
        (question > settings.max_question_units, "question_too_long", pl.format("{}", question)),
        (
            # What is calculated in an exam is a number, and whole.
            IS_OPEN & (pl.col("form") != "exam") & (answer < shortest),
            "answer_too_short",
            pl.format("{}", answer),
        ),
        (
            IS_OPEN & (answer > settings.max_answer_units),
            "answer_too_long",
            pl.format("{}", answer),
        ),
        (option > settings.max_option_units, "option_too_long", pl.format("{}", option)),
        (
            rationale > settings.max_rationale_units,
            "rationale_too_long",
            pl.format("{}", rationale),
        ),
    ]
