"""Faults of an answer: none is given, or it says the question again."""

from __future__ import annotations

import re

import polars as pl

from pipeline.quality.repeats import may_hold, repeated_share
from pipeline.quality.rule import Row
from pipeline.quality.words import whole, words

_SAYS_NOTHING = re.compile(r"[\W_]*")
_IN_RATIONALE = 0.5  # a choice without an explanation is still one to learn from


def placeholder(row: Row) -> float:
    """Return how many texts of the record stand where a text is missing; a rationale counts half.

    "None" and 无 may be the right option of a choice; as a whole open answer they say nothing.
    """
    language = row["language"]
    never, no_answer = whole("placeholder", language), whole("no_answer", language)

    def is_missing(text: str) -> bool:
        found = (one.fullmatch(text) for one in (_SAYS_NOTHING, never, no_answer))
        return any(match is not None for match in found)

    faults = float(sum(never.fullmatch(option) is not None for option in row["options"]))
    if row["task"] == "qa":
        faults += is_missing(row["answer"])
    return faults + _IN_RATIONALE * bool(row["rationale"] and is_missing(row["rationale"]))


def placeholder_suspects(language: str) -> pl.Expr:
    """Return where an answer, an option or a rationale begins like a placeholder."""
    entries = [*words("placeholder", language), *words("no_answer", language)]
    listed = "|".join(f"(?:{entry})" for entry in entries)
    texts = pl.concat_str(pl.col("options").list.join("\n"), "answer", "rationale", separator="\n")
    says_nothing = pl.any_horizontal(
        (pl.col(name) != "") & ~pl.col(name).str.contains(r"[\p{L}\p{N}]")
        for name in ("answer", "rationale")
    )
    return texts.str.contains(rf"(?im)^\W*(?:{listed})\W*$") | says_nothing


def answer_repeats_question(row: Row) -> float:
    """Return how much of the answer is the question itself, or the other way round."""
    return repeated_share(row["answer"], row["question"], row["language"])


def answer_repeats_question_suspects(_language: str) -> pl.Expr:
    """Return where one of question and answer holds the letters of the other."""
    question, answer = pl.col("question"), pl.col("answer")
    return may_hold(answer, question) | may_hold(question, answer)
