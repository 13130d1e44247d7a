"""Keys under which two records count as the same: for duplicates, and for benchmark questions."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from pipeline.text.normalize import comparison_key
from pipeline.text.units import CHARACTER_LANGUAGES, count_units

# A stem of this many units is taken to name one question; a shorter one ("Which is true?") names
# it only together with its options.
TELLING_WORDS, TELLING_CHARACTERS = 12, 30

Row = dict[str, Any]


def question_key(row: Row) -> str:
    """Return the comparison key of a record's question with its context."""
    return comparison_key(f"{row['context']}\n{row['question']}", row["language"])


def option_keys(row: Row) -> list[str]:
    """Return the comparison keys of the options, sorted, so that their order does not count."""
    return sorted(comparison_key(option, row["language"]) for option in row["options"])


def answer_keys(row: Row) -> list[str]:
    """Return the comparison keys of the keyed options, sorted, or of the open answer."""
    answers = row["answer"].split("\n") if row["task"] == "mcq" else [row["answer"]]
    return sorted(comparison_key(answer, row["language"]) for answer in answers)


def exact_key(row: Row) -> str:
    """Return the digest under which two records say the same, options or answer counted in."""
    rest = option_keys(row) if row["task"] == "mcq" else answer_keys(row)
    return text_digest(row["language"], row["task"], question_key(row), *rest)


def protected_key(row: Row) -> str:
    """Return the digest under which a record repeats a benchmark question.

    Spaces and punctuation do not count, nor does the context: sets differ in how they typeset
    and split the same exam. A short stem counts only with its options.
    """
    question = _letters(comparison_key(row["question"], row["language"]))
    is_telling = count_units(row["question"], row["language"]) >= (
        TELLING_CHARACTERS if row["language"] in CHARACTER_LANGUAGES else TELLING_WORDS
    )
    rest = [] if is_telling else [_letters(key) for key in option_keys(row)]
    return text_digest(row["language"], question, *rest)


def _letters(key: str) -> str:
    return "".join(character for character in key if character.isalnum())


def text_digest(*parts: str) -> str:
    """Return a 128-bit digest of these texts, as 32 hexadecimal digits."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
