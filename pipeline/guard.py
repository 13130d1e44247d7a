"""What keeps near-identical questions apart: a changed number, a negation, a drug, an option.

Similar texts are dropped as duplicates only where all their content words are equal and in the
same order. Function words, listed per language in `function_words.yaml`, may differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from pipeline.keys import option_keys
from pipeline.text.lexicon import lexicon
from pipeline.text.marks import CYRILLIC_AS_LATIN
from pipeline.text.negation import negation_cues
from pipeline.text.normalize import comparison_key
from pipeline.text.numbers import numbers_with_units
from pipeline.text.units import CHARACTER_LANGUAGES

Row = dict[str, Any]

SIGNS = frozenset("<>=≥≤≠±+−-%‰°↑↓→←♂♀.,")  # a point or comma is left in a key only in numbers

# One capital as a word, but not at the start of a text or sentence, nor before an apostrophe.
_TYPE_LETTER = re.compile(r"(?<=[\w,;(/] |[\w ][(/-])[A-ZА-ЯЁ](?![\w'’])")


def difference(left: Row, right: Row) -> str:
    """Return what makes two similar records of one language say different things, or nothing."""
    checks: list[tuple[str, Callable[[str, str], object]]] = [
        ("numbers", numbers_with_units),
        ("negation", negation_cues),
        ("letter", type_letters),
        ("wording", content),
    ]
    for name, extract in checks:
        for text in ("context", "question", "answer"):
            if extract(left[text], left["language"]) != extract(right[text], right["language"]):
                return f"{name} of the {text}"
    if option_keys(left) != option_keys(right):
        return "options"
    return ""


def content(text: str, language: str) -> tuple[str, ...]:
    """Return a text's content words in order; for zh and ja, its content characters."""
    key = comparison_key(text, language)
    if language in CHARACTER_LANGUAGES:
        return tuple(c for c in _function_characters(language).sub("", key) if _has_meaning(c))
    function_words = lexicon("function_words")[language]
    words = ("".join(c for c in word if _has_meaning(c)) for word in key.split())
    return tuple(word for word in words if word and word not in function_words)


def type_letters(text: str, language: str) -> tuple[str, ...]:
    """Return the single capitals inside sentences: the A of vitamin A, not the one of "A man".

    In lower case they are function words: French d and l, Russian в, к and с, English a.
    """
    found = tuple(match[0] for match in _TYPE_LETTER.finditer(text))
    # Russian texts hold either script's letter: "гепатит B" is "гепатит В".
    return tuple(one.translate(CYRILLIC_AS_LATIN) for one in found) if language == "ru" else found


@cache
def _function_characters(language: str) -> re.Pattern[str]:
    entries = sorted(lexicon("function_words")[language], key=len, reverse=True)
    return re.compile("|".join(map(re.escape, entries)))


def _has_meaning(character: str) -> bool:
    # HBsAg (+) is not HBsAg (-), and pH > 7.35 is not pH < 7.35.
    return character.isalnum() or character in SIGNS
