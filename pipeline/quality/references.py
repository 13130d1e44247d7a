"""Texts that lean on something outside themselves: a picture, another item, another key."""

from __future__ import annotations

import re
from functools import cache

import polars as pl

from pipeline.quality.rule import Row
from pipeline.quality.words import compiled, key_pattern, label_indices, pattern
from pipeline.text.units import CHARACTER_LANGUAGES

# Characters before a patient whom nobody introduced, such as 根据检查结果 or 退院後.
_LONGEST_OPENING = 8
# Ends a sentence, and not an abbreviation or a decimal.
_SENTENCE_END = re.compile(r"[.?!](?=\s)|[。？！\n]")
_LETTER = re.compile(r"[^\W\d_]")
_LINKS = ("earlier_item", "earlier_patient", "case_header")


def image_dependent(row: Row) -> float:
    """Return how many times the question speaks of a picture that is shown."""
    found = compiled("image", row["language"]).finditer(row["question"])
    return float(sum(1 for _ in found))


def image_suspects(language: str) -> pl.Expr:
    """Return where the question speaks of a picture."""
    return pl.col("question").str.contains(pattern("image", language))


def linked_case(row: Row) -> float:
    """Return 1 where the question needs another item of its exam, or a case that is not told."""
    if row["context"]:
        return 0.0
    language, question = row["language"], row["question"]
    header = compiled("case_header", language).search(question)
    if header is not None:
        question = question[header.end() :]
        if not _may_tell_case(question, language):
            return 1.0
    elif compiled("earlier_item", language).search(question):
        return 1.0
    match = compiled("earlier_patient", language).search(question)
    return float(match is not None and not _is_introduced(question[: match.start()], language))


def _may_tell_case(text: str, language: str) -> bool:
    """Tell whether the case that a header announces can be here, and not in another item.

    All 214 real questions under such a header went on with their case.
    """
    sentences = [part for part in _SENTENCE_END.split(text) if _LETTER.search(part)]
    return len(sentences) > 1 or compiled("introduces", language).search(text) is not None


def _is_introduced(before: str, language: str) -> bool:
    """Tell whether what stands before "this patient" can have told who it is."""
    if language in CHARACTER_LANGUAGES and len(before) > _LONGEST_OPENING:
        return True
    introduces = compiled("introduces", language).search(before)
    return introduces is not None or _SENTENCE_END.search(before) is not None


def linked_case_suspects(language: str) -> pl.Expr:
    """Return where the question names another item, or a patient known from before."""
    question = pl.col("question")
    cues = "|".join(pattern(kind, language) for kind in _LINKS)
    return (pl.col("context") == "") & question.str.contains(cues)


def rationale_other_key(row: Row) -> float:
    """Return 1 where the rationale names right options, and none of them is keyed."""
    found = _key_statement(row["language"]).finditer(row["rationale"])
    named = [label_indices(label) for match in found for label in match.groups() if label]
    stated = frozenset[int]().union(*named)
    return float(bool(stated) and stated.isdisjoint(row["answer_indices"]))


@cache
def _key_statement(language: str) -> re.Pattern[str]:
    return re.compile(key_pattern(language))


def rationale_suspects(language: str) -> pl.Expr:
    """Return where the rationale names an option as the right one."""
    return pl.col("rationale").str.contains(key_pattern(language))
