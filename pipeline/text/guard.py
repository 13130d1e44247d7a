"""What keeps near-identical questions apart: a changed number, a negation, a drug, an option.

Similar texts are dropped as duplicates only where all their content words are equal and in the
same order. Function words, listed per language in `function_words.yaml`, may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.text.lexicon import lexicon
from pipeline.text.negation import negation_cues
from pipeline.text.normalize import comparison_key
from pipeline.text.numbers import numbers_with_units
from pipeline.text.units import CHARACTER_LANGUAGES

Row = dict[str, Any]

SIGNS = frozenset("<>=≥≤≠±+−-%‰°↑↓→←♂♀.,")  # a point or comma is left in a key only in numbers


def difference(left: Row, right: Row) -> str:
    """Return what makes two similar records of one language say different things, or nothing."""
    checks: list[tuple[str, Callable[[str, str], object]]] = [
        ("numbers", numbers_with_units),
        ("negation", negation_cues),
        ("wording", content),
    ]
    for name, extract in checks:
        for text in ("context", "question", "answer"):
            if extract(left[text], left["language"]) != extract(right[text], right["language"]):
                return f"{name} of the {text}"
    if _options(left) != _options(right):
        return "options"
    return ""


def content(text: str, language: str) -> tuple[str, ...]:
    """Return a text's content words in order; for zh and ja, its content characters."""
    key = comparison_key(text, language)
    function_words = lexicon("function_words")[language]
    if language in CHARACTER_LANGUAGES:
        return tuple(c for c in key if c not in function_words and _has_meaning(c))
    words = ("".join(c for c in word if _has_meaning(c)) for word in key.split())
    return tuple(word for word in words if word and word not in function_words)


def _has_meaning(character: str) -> bool:
    # HBsAg (+) is not HBsAg (-), and pH > 7.35 is not pH < 7.35.
    return character.isalnum() or character in SIGNS


def _options(row: Row) -> list[str]:
    return sorted(comparison_key(option, row["language"]) for option in row["options"])
