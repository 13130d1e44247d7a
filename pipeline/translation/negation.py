"""Check `negation`: what one text negates or excludes, the other must negate in some way too.

Languages negate in different words and numbers ("no ... ningún", "ne ... pas"), so the texts are
not compared cue by cue: a problem is a text with more clear negations than the other has words
that could answer for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.folding import folded
from pipeline.translation.problem import Pair, Problem
from pipeline.translation.wordlists import wordlist


class Negations(NamedTuple):
    """Clear negations of a text, and how many words may answer for one of the other text."""

    clear: tuple[str, ...]
    num_answers: int


# Of so many negations one may be put positively ("normal" for "without abnormality"), and so many
# characters of a text hold one such wording.
NEGATIONS_PER_SLACK = 3
CHARACTERS_PER_SLACK = {"zh": 180, "ja": 210}
LETTERS_PER_SLACK = 500
# "не стойте и не сидите" is one "don't".
NEAR_CHARACTERS = 25


def negation_problems(pair: Pair) -> Iterator[Problem]:
    """Yield a problem where only one of the texts negates something."""
    source = _negations(pair.source, pair.source_language)
    target = _negations(pair.target, pair.target_language)
    slack = len(pair.source) // CHARACTERS_PER_SLACK.get(pair.source_language, LETTERS_PER_SLACK)
    if _is_lost(source, target, slack):
        yield Problem("negation", f"only in the source: {', '.join(source.clear)}")
    elif _is_lost(target, source, slack):
        yield Problem("negation", f"only in the translation: {', '.join(target.clear)}")


def _is_lost(negating: Negations, other: Negations, slack: int) -> bool:
    num_clear = len(negating.clear)
    return num_clear - other.num_answers > slack + num_clear // (NEGATIONS_PER_SLACK + 1)


def _negations(text: str, language: str) -> Negations:
    clear: list[str] = []
    paired: list[str] = []
    num_answers = 0
    end = -NEAR_CHARACTERS
    for found in _pattern(language).finditer(folded(text).casefold()):
        if found.lastgroup == "clear":
            if found.start() - end > NEAR_CHARACTERS or found[0] not in clear[-1:]:
                clear.append(found[0])
            end = found.end()
        elif found.lastgroup == "paired":
            paired.append(found[0])
        num_answers += found.lastgroup != "none"
    # "no ... ningún" negates once: the second counts where it stands alone.
    return Negations(tuple(clear or paired[:1]), num_answers)


@cache
def _pattern(language: str) -> re.Pattern[str]:
    groups = wordlist("negation")[language]
    if language in CHARACTER_LANGUAGES:
        parts = [f"(?P<{name}>{'|'.join(entries)})" for name, entries in groups.items()]
        return re.compile("|".join(parts))
    parts = [rf"(?P<{name}>(?:{'|'.join(entries)})(?!\w))" for name, entries in groups.items()]
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})")
