"""How much of one text is another one, spaces, punctuation and case aside."""

from __future__ import annotations

import polars as pl

from pipeline.text.normalize import comparison_key

_NOT_A_LETTER = r"[^\p{L}\p{N}]+"
# Of a text that is looked for, enough to find suspects. In a shard of one row polars makes a
# regular expression of it, and refuses one of more than about 10 MB when compiled.
_LOOKED_FOR = 200


def letters(column: pl.Expr) -> pl.Expr:
    """Return a column of texts as letters and digits alone, to find suspects."""
    return column.str.replace_all(_NOT_A_LETTER, "").str.to_lowercase()


def may_hold(column: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Return where a column holds the letters of another one, or at least their beginning."""
    beginning = letters(text).str.slice(0, _LOOKED_FOR)
    return letters(column).str.contains(beginning, literal=True)


def repeated_share(text: str, other: str, language: str) -> float:
    """Return the shorter text's share of the longer one that holds it whole; 0 where none does."""
    keys = (comparison_key(text, language), comparison_key(other, language))
    shorter, longer = sorted((key.replace(" ", "") for key in keys), key=len)
    return len(shorter) / len(longer) if shorter and shorter in longer else 0.0
