"""The patterns of `pipeline/text/quality_words.yaml`, for polars to search and Python to read."""

from __future__ import annotations

import re
from functools import cache

from pipeline.text.lexicon import lexicon

# Letters as they stand in an exam of each language, 0-based. In Russian a letter that looks the
# same may be either alphabet's: В is the third of one and the second of the other.
_LABELS = {
    **{letter: frozenset({i}) for i, letter in enumerate("ABCDEFGH")},
    **{letter: frozenset({i}) for i, letter in enumerate("abcdefgh")},
    **{digit: frozenset({i}) for i, digit in enumerate("12345678")},
    **{letter: frozenset({i}) for i, letter in enumerate("АБВГДЕ")},
    **{letter: frozenset({i}) for i, letter in enumerate("абвгде")},
    "В": frozenset({1, 2}),
    "Е": frozenset({4, 5}),
}
LABEL = "[A-Ha-hА-Еа-е1-8]"
_LABELS_PATTERN = rf"{LABEL}(?:(?:\s?(?:[,、，&+]|and|et|y|и|和|と)\s?)?{LABEL}){{0,5}}"
_ONE_LABEL = re.compile(rf"and|et|(?<=\s)[ye](?=\s)|({LABEL})")


def words(kind: str, language: str) -> list[str]:
    """Return the entries of a language as they are listed."""
    entries: list[str] = lexicon("quality_words")[language][kind]
    return entries


@cache
def pattern(kind: str, language: str) -> str:
    """Return one pattern over all entries of a kind; polars and Python both read it."""
    listed = "|".join(f"(?:{entry})" for entry in words(kind, language))
    return "(?i)" + listed


@cache
def compiled(kind: str, language: str) -> re.Pattern[str]:
    """Return the same pattern for Python."""
    return re.compile(pattern(kind, language))


@cache
def whole(kind: str, language: str) -> re.Pattern[str]:
    """Return a pattern of a text that is one of the entries, less punctuation around it."""
    listed = "|".join(f"(?:{entry})" for entry in words(kind, language))
    return re.compile(rf"(?i)\W*(?:{listed})\W*")


@cache
def key_pattern(language: str) -> str:
    """Return the pattern of a statement that names the right option by letter or number."""
    entries = [entry.replace("{labels}", _LABELS_PATTERN) for entry in words("key", language)]
    return "(?i)" + "|".join(f"(?:{entry})" for entry in entries)


def label_indices(labels: str) -> frozenset[int]:
    """Return the positions that option labels may stand for, 0-based: "A, C" is 0 and 2."""
    found = (match[1] for match in _ONE_LABEL.finditer(labels))
    return frozenset().union(*(_LABELS[label] for label in found if label))
