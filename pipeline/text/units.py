"""Length of a text in the unit that its language is counted in."""

from __future__ import annotations

import re

# Written without spaces between words, so that a "word" would be a whole clause.
CHARACTER_LANGUAGES = frozenset({"zh", "ja"})

_NOT_A_CHARACTER = re.compile(r"[\W_]+")
# From the first letter or digit of a word to its end: what is before it need not be tried twice.
_WORD = re.compile(r"[^\W_]\S*")


def count_units(text: str, language: str) -> int:
    """Count letters and digits for zh and ja, words for the other languages.

    Spaces and punctuation count nowhere; a word is what spaces part, if it has a letter or digit.
    """
    if language in CHARACTER_LANGUAGES:
        return len(_NOT_A_CHARACTER.sub("", text))
    return len(_WORD.findall(text))
