"""Identifies the language of each record from all its text, and spans in another; drops nothing."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from pipeline.frames import EVIDENCE_CHARACTERS, ITEM_COLUMNS, StageResult, nothing_dropped
from pipeline.stages.stage import MapStage, StageSettings
from pipeline.text.language import detect_frame
from pipeline.text.spans import MIXED_LANGUAGE, Span, foreign_spans


class IdentifyLanguage(MapStage[StageSettings]):
    """Sets `detected_language` and `language_confidence`; `language` stays as declared.

    A record that holds a span in another language has the flag `mixed_language`: its evidence is
    the language and the span, its value the span's share of the record's characters.
    """

    name: ClassVar[str] = "language"

    def run(self, shard: pl.DataFrame) -> StageResult:
        """Return the shard with both columns and the flag set."""
        texts = shard.select(_every_text())["text"]
        found = detect_frame(texts, shard["language"])
        spans = foreign_spans(texts, found["language"])
        judged = shard.with_columns(
            detected_language=found["language"],
            language_confidence=found["confidence"].cast(pl.Float32),
            flags=_with_flag(spans),
        )
        return StageResult(judged.select(ITEM_COLUMNS.names()), nothing_dropped())


def _every_text() -> pl.Expr:
    # Per record, not per option: an option is often a drug name, the same in every language. The
    # answer of a multiple-choice question repeats an option, so it would count twice.
    has_options = pl.col("options").list.len() > 0
    return pl.concat_str(
        "question",
        "context",
        pl.col("options").list.join("\n"),
        pl.when(has_options).then(pl.lit("")).otherwise("answer"),
        "rationale",
        pl.col("history").list.eval(pl.element().struct.field("content")).list.join("\n"),
        separator="\n",
    ).alias("text")


def _with_flag(spans: list[Span | None]) -> pl.Expr:
    """Return the flags, and where a row has a span the flag of it."""
    evidence = [None if span is None else _evidence(span) for span in spans]
    shares = [None if span is None else span.share for span in spans]
    flag = pl.struct(
        name=pl.lit(MIXED_LANGUAGE),
        other_id=pl.lit(None, pl.String),
        value=pl.Series(shares, dtype=pl.Float64),
        evidence=pl.Series(evidence, dtype=pl.String),
    )
    # An earlier instance of this stage may have set the flag for a text corrected since.
    others = pl.col("flags").list.filter(pl.element().struct.field("name") != MIXED_LANGUAGE)
    has_span = pl.Series([span is not None for span in spans], dtype=pl.Boolean)
    return pl.when(has_span).then(pl.concat_list(others, flag)).otherwise(others)


def _evidence(span: Span) -> str:
    return f"{span.language}: {span.text}"[:EVIDENCE_CHARACTERS]
