"""Faults among the options of a multiple-choice record."""

from __future__ import annotations

import re
from functools import cache

import polars as pl

from pipeline.quality.repeats import may_hold, repeated_share
from pipeline.quality.rule import Row
from pipeline.quality.words import LABEL, label_indices, whole, words

_LABEL = rf"\(?{LABEL}\)?"
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_HAS_WORDS = re.compile(r"[^\W\d_]{3}|[\u3040-\u30ff\u3400-\u9fff]{2}")
_NAMED_BY_NUMBER = 2.0
_NAMED_BY_LETTER = 1.0


def answer_not_option(row: Row) -> float:
    """Return 1 where the answer is not the text of the keyed options."""
    return float(row["answer"] != "\n".join(row["options"][i] for i in row["answer_indices"]))


def answer_not_option_suspects(_language: str) -> pl.Expr:
    """Return where the answer differs from the keyed options."""
    keyed = pl.col("options").list.gather(pl.col("answer_indices"), null_on_oob=True)
    return (pl.col("answer") != keyed.list.join("\n")).fill_null(value=True)


def option_repeats_question(row: Row) -> float:
    """Return how much of an option is the question itself, of the worst option."""
    question, language = row["question"], row["language"]
    return max((repeated_share(option, question, language) for option in row["options"]), default=0)


def option_repeats_question_suspects(_language: str) -> pl.Expr:
    """Return where the options hold the letters of the question."""
    return may_hold(pl.col("options").list.join(""), pl.col("question"))


def option_names_options(row: Row) -> float:
    """Return 2 where an option names others by number, 1 where it names them by letter.

    A release shows letters in the stored order, which is upstream's: "A and C" still says what
    it said, and would not if anybody shuffled the options. "1 and 3" names nothing that is shown.
    Options that are all of this kind choose among numbered statements of the question; they are
    counted only where those that they name are texts of their own.
    """
    options: list[str] = row["options"]
    combined = _combination(row["language"])
    named = {
        n: match["labels"] for n, text in enumerate(options) if (match := combined.fullmatch(text))
    }
    texts = {
        n: text for n, text in enumerate(options) if n not in named and _HAS_WORDS.search(text)
    }
    return max((_naming(labels, set(texts)) for labels in named.values()), default=0.0)


def _naming(labels: str, texts: set[int]) -> float:
    if not label_indices(labels) <= texts:
        return 0.0
    return _NAMED_BY_NUMBER if any(map(str.isdigit, labels)) else _NAMED_BY_LETTER


def option_names_options_suspects(language: str) -> pl.Expr:
    """Return where an option is made of labels and the words between them."""
    joined = pl.col("options").list.join("\n")
    return joined.str.contains(f"(?im)^{_combination_pattern(language, ':', ':')}$")


@cache
def _combination(language: str) -> re.Pattern[str]:
    # Atomic for Python, which goes back: in "A e e e" every e may be a label or the Spanish "and",
    # and a long option would have exponentially many readings. Rust reads them all at once.
    return re.compile("(?i)" + _combination_pattern(language, "P<labels>", ">"))


def _combination_pattern(language: str, labels_group: str, several_group: str) -> str:
    around, only = ("|".join(words(kind, language)) for kind in ("around", "only"))
    # In languages with spaces a word stands apart: "Cord" is not "C or d".
    has_spaces = not _CJK.search(around)
    gap = r"[\W_]+" if has_spaces else ""
    before, after = rf"\W*(?:(?:{around}|{only}){gap})*", rf"(?:{gap}(?:{around}|{only}))*\W*"
    between = _between(words("joins", language), has_spaces=has_spaces)
    several = rf"(?{several_group}{_LABEL}(?:{between}{_LABEL})+)"
    one = rf"(?:{only})\s*{_LABEL}|{_LABEL}\s*(?:{only})"
    return rf"{before}(?{labels_group}{several}|{one}){after}"


def _between(joins: list[str], *, has_spaces: bool) -> str:
    """Return the pattern of what stands between two labels; it reads a run of spaces one way."""
    signs = "|".join(join for join in joins if not (has_spaces and join.isalpha()))
    if not has_spaces:
        return rf"(?:\s*(?:{signs}))+\s*"
    apart = "|".join(join for join in joins if join.isalpha())
    joined = rf"\s*(?:{signs})|\s+(?:{apart})"
    return rf"(?:{joined})*(?:\s*(?:{signs})\s*|\s+(?:{apart})\s+)"


def above_not_last(row: Row) -> float:
    """Return how many options of their own follow one that speaks of those above it.

    "All of the above" in the middle says something else than its author meant. As the last option
    it is sound, since a release never shuffles options.
    """
    points = whole("above", row["language"])
    is_pointing = [points.fullmatch(option) is not None for option in row["options"]]
    if True not in is_pointing:
        return 0.0
    says_none = whole("no_answer", row["language"])
    following = row["options"][is_pointing.index(True) + 1 :]
    is_closing = [points.fullmatch(text) or says_none.fullmatch(text) for text in following]
    return float(is_closing.count(None))


def above_not_last_suspects(language: str) -> pl.Expr:
    """Return where an option begins like "all of the above"."""
    listed = "|".join(f"(?:{entry})" for entry in words("above", language))
    return pl.col("options").list.join("\n").str.contains(rf"(?im)^\W*(?:{listed})\W*$")
