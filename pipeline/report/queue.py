"""Which published rows a reviewer reads first: those where a mistake harms, then a random sample.

Risk rows are found by word lists per language (`risk_words.yaml`). Rows are drawn by a hash of the
id that no other stage uses: quotas and caps take rows in the order of ids, so that the first rows
by id come mostly from the sources that were cut most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from pipeline.keys import text_digest
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import LANGUAGES

KINDS = ("dose", "pregnancy", "child", "emergency", "self_harm")
SAMPLE_ROWS = 60  # of a language: none of them wrong bounds the share of errors by 5 %
RISK_ROWS = 20  # of a language and kind
_SALT = "drawn for review"


@dataclass(frozen=True, slots=True)
class Queue:
    """The ids that a reviewer of one language reads: risk first, then what is left of the sample.

    A row may be in both, and then counts as one of the sample, or what is left of that would hold
    too few risky rows. A sample that is not read to its end thus holds too many of them.
    """

    risk: tuple[str, ...]
    random: tuple[str, ...]


def make_queues(rows: pl.DataFrame) -> dict[str, Queue]:
    """Return the queue of each language, of rows with `id`, `language`, `drawn` and the kinds."""
    return {code: _queue(rows.filter(pl.col("language") == code)) for code in LANGUAGES}


def _queue(rows: pl.DataFrame) -> Queue:
    ordered = rows.sort("drawn", "id")
    chosen: dict[str, None] = {}
    for kind in reversed(KINDS):  # the rarest first
        found = ordered.filter(pl.col(kind), ~pl.col("id").is_in(list(chosen)))
        chosen |= dict.fromkeys(found["id"].head(RISK_ROWS))
    return Queue(tuple(chosen), tuple(ordered["id"].head(SAMPLE_ROWS)))


def drawn(ids: Iterable[str]) -> pl.Series:
    """Return the place of each row in a draw that is random, and the same in every build."""
    return pl.Series("drawn", [text_digest(_SALT, one) for one in ids], dtype=pl.String)


def with_kinds(rows: pl.DataFrame) -> pl.DataFrame:
    """Add to rows with `id`, `language` and `said`, all their text, a boolean column per kind."""
    parts = [rows.clear().with_columns(pl.lit(value=False).alias(kind) for kind in KINDS)]
    for (language,), part in rows.group_by("language"):
        folded = part.with_columns(_folded(pl.col("said"), str(language)))
        found = (pl.col("said").str.contains(_pattern(k, str(language))).alias(k) for k in KINDS)
        parts.append(folded.with_columns(found))
    return pl.concat(parts).drop("said")


def _folded(text: pl.Expr, language: str) -> pl.Expr:
    folded = text.str.normalize("NFKC").str.to_lowercase().str.replace_all("’", "'", literal=True)
    return folded.str.replace_all("ё", "е", literal=True) if language == "ru" else folded


@cache
def _pattern(kind: str, language: str) -> str:
    """Return what finds a kind of risk in folded text.

    It is for polars, whose `\\b` takes eight times as long beyond ASCII: hence the neighbours.
    """
    lists: dict[str, list[str]] = _lists().get(language, {})
    words = [_spelling(word, language) for word in lists.get(kind, ())]
    alternatives = [_BEFORE[language in CHARACTER_LANGUAGES] + _any_of(words)] if words else []
    if kind == "dose" and words:
        units = [_spelling(word, language) for word in lists["after_number"]]
        alternatives.append(rf"\d[\s-]?{_any_of(units)}")
    return "|".join(alternatives) or r"[^\s\S]"


_BEFORE = {True: "", False: r"(?:^|\W)"}
# Kana and kanji are word characters too, and follow a unit at once: 100mgを.
_AFTER = {True: r"(?:[^0-9a-z]|$)", False: r"(?:\W|$)"}


def _any_of(spellings: list[str]) -> str:
    return f"(?:{'|'.join(spellings)})"


def _spelling(word: str, language: str) -> str:
    """Return a word as a pattern; a star in it stands for any letters."""
    *starts, end = re.escape(_fold_word(word)).split(r"\*")
    has_characters = language in CHARACTER_LANGUAGES
    is_open = not end or (has_characters and not end[-1].isascii())
    after = "" if is_open else _AFTER[has_characters]
    return r"\w*".join([*starts, end] if end else starts) + after


def _fold_word(word: str) -> str:
    return str(pl.Series([word]).to_frame("w").select(_folded(pl.col("w"), "")).item())


@cache
def _lists() -> dict[str, Any]:
    import yaml

    content = files("pipeline.report").joinpath("risk_words.yaml").read_text(encoding="utf-8")
    lists: dict[str, Any] = yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506 - only texts
    return lists
