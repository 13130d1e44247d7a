"""Keys under which two records count as duplicates, and the digest of any texts.

`exact_key` and `record_shingles` say row by row what `pipeline/dedup` computes of whole columns;
tests and benchmarks hold the one against the other.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from pipeline.text.normalize import comparison_key
from pipeline.text.shingles import shingles

Row = dict[str, Any]


def question_key(row: Row) -> str:
    """Return the comparison key of a record's question with its context."""
    text = f"{row['context']}\n{row['question']}" if row["context"] else row["question"]
    return comparison_key(text, row["language"])


def option_keys(row: Row) -> list[str]:
    """Return the comparison keys of the options, sorted, so that their order does not count."""
    return sorted(comparison_key(option, row["language"]) for option in row["options"])


def answer_keys(row: Row) -> list[str]:
    """Return the comparison keys of the keyed options, sorted, or of the open answer."""
    answers = [row["answer"]]
    if row["task"] == "mcq":  # not the lines of `answer`: an option may have two lines itself
        answers = [row["options"][index] for index in row["answer_indices"]]
    return sorted(comparison_key(answer, row["language"]) for answer in answers)


def exact_key(row: Row) -> str:
    """Return the digest under which two records say the same, options or answer counted in."""
    rest = option_keys(row) if row["task"] == "mcq" else answer_keys(row)
    return text_digest(row["language"], row["task"], question_key(row), *rest)


def text_digest(*parts: str) -> str:
    """Return a 128-bit digest of these texts, as 32 hexadecimal digits."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def record_shingles(row: Row) -> set[str]:
    """Return the shingles of a record; options count as a set, so shuffling changes nothing."""
    language = row["language"]
    found = shingles(question_key(row), language)
    pieces = option_keys(row) if row["task"] == "mcq" else answer_keys(row)
    # The mark keeps an option apart from the same words in a question.
    return found.union(*(shingles(f"|{piece}", language) for piece in pieces if piece))
