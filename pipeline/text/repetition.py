"""Text that says itself again: phrases that recur, and sentences that stand there twice."""

from __future__ import annotations

import re
from collections import Counter

from pipeline.text.units import CHARACTER_LANGUAGES, count_units

# Below it a text repeats a term, not itself.
MIN_REPETITION_CHARACTERS = 60

# The longest of Gopher's duplicate n-grams, and as much in characters: shorter ones are the names
# of laws and diseases, and what stays the same in the items of a list.
_WORDS_PER_NGRAM = 10
_CHARACTERS_PER_NGRAM = 25
# A parallel sentence ("peaks before …, and peaks after …") is no fault of a short text.
_MIN_WORDS = 30
_MIN_CHARACTERS = 60
_MAX_READ = 100_000  # characters: what repeats has shown it by then, and memory stays bounded
_LONG_WORDS = 8
_LONG_CHARACTERS = 16
_WORD = re.compile(r"\w+")
_CHARACTER = re.compile(r"[^\W_]")
_SENTENCE_END = re.compile(r"[\r\n]+|(?<=[.!?…])\s+|[。！？]")


def repeated_ngrams(text: str, language: str) -> float:
    """Return the share of words (characters for zh and ja) in n-grams that occurred before.

    The rule is Gopher's "duplicate n-gram character fraction" (Rae et al. 2021, arXiv:2112.11446,
    appendix A.1.1), counted in units: a first occurrence is no fault, an overlap counts once.
    """
    if len(text) < MIN_REPETITION_CHARACTERS:
        return 0.0
    in_characters = language in CHARACTER_LANGUAGES
    units = (_CHARACTER if in_characters else _WORD).findall(text[:_MAX_READ].casefold())
    size = _CHARACTERS_PER_NGRAM if in_characters else _WORDS_PER_NGRAM
    if len(units) < (_MIN_CHARACTERS if in_characters else _MIN_WORDS):
        return 0.0
    return _num_repeated(units, size) / len(units)


def _num_repeated(units: list[str], size: int) -> int:
    """Count the units that lie in an n-gram which occurred before it."""
    seen: set[tuple[str, ...]] = set()
    num_repeated = end = 0
    for start in range(len(units) - size + 1):
        ngram = tuple(units[start : start + size])
        if ngram in seen:
            num_repeated += start + size - max(start, end)
            end = start + size
        seen.add(ngram)
    return num_repeated


def repeated_paragraph(text: str, language: str) -> float:
    """Return how many long sentences, or paragraphs without a stop, stand there once more."""
    if len(text) < MIN_REPETITION_CHARACTERS:
        return 0.0
    long = _LONG_CHARACTERS if language in CHARACTER_LANGUAGES else _LONG_WORDS
    sentences = (" ".join(_WORD.findall(part.casefold())) for part in _SENTENCE_END.split(text))
    counts = Counter(sentence for sentence in sentences if sentence)
    repeated = ((sentence, count) for sentence, count in counts.items() if count > 1)
    return float(sum(n - 1 for sentence, n in repeated if count_units(sentence, language) >= long))
