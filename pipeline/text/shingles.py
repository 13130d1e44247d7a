"""Sets of character n-grams of comparison keys, and how alike two sets are.

Words are no shingles here: a Chinese clause would be one word, and word 5-grams miss half of the
lightly edited duplicates in every language.
"""

from __future__ import annotations

from pipeline.text.units import CHARACTER_LANGUAGES


def shingle_size(language: str) -> int:
    """Return the n of the n-grams: a Chinese or Japanese character says more than a letter."""
    return 3 if language in CHARACTER_LANGUAGES else 5


def shingles(key: str, language: str) -> set[str]:
    """Return the character n-grams of a comparison key; a shorter key is its own one shingle."""
    size = shingle_size(language)
    if len(key) <= size:
        return {key} if key else set()
    return {key[start : start + size] for start in range(len(key) - size + 1)}


def jaccard(first: set[str], second: set[str]) -> float:
    """Return shared shingles over all shingles; 0 for two empty sets, which say nothing alike."""
    if not first or not second:
        return 0.0
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)
