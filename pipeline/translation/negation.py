"""Check `negation`: what one text negates or excludes, the other must negate in some way too.

Languages negate in different words and numbers ("no ... ningún", "ne ... pas"), so the texts are
not compared cue by cue: a problem is a text with more negations than the other has words that could
answer for them. Words that may be put either way answer only as far as the first text has fewer of
them, since else they have each other for a counterpart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.folding import folded
from pipeline.translation.problem import Pair, Problem
from pipeline.translation.wordlists import wordlist


class Negations(NamedTuple):
    """The negating words of a text, and how many words of each kind may answer for one.

    Negations said again close by ask once and answer as often as they stand.
    """

    asking: tuple[str, ...]
    num_repeated: int
    answers: Counter[str]


# Kinds of words that may be put for a negation; see `negation.yaml`.
_ASKING = frozenset({"clear", "lexical"})
_ANSWERING = ("limit", "avert", "lack", "weak")
# Of so many negations one may be put positively ("normal" for "without abnormality"), and so many
# characters of a text hold one such wording.
NEGATIONS_PER_SLACK = 3
CHARACTERS_PER_SLACK = {"zh": 180, "ja": 210}
LETTERS_PER_SLACK = 500
# "не стойте и не сидите" is one "don't".
NEAR_CHARACTERS = 25
CLAUSE_CHARACTERS = 60
_CLAUSE_END = re.compile("[.;!?。；！？]")


def negation_problems(pair: Pair) -> Iterator[Problem]:
    """Yield a problem where only one of the texts negates something."""
    source = _negations(pair.source, pair.source_language)
    target = _negations(pair.target, pair.target_language)
    slack = len(pair.source) // CHARACTERS_PER_SLACK.get(pair.source_language, LETTERS_PER_SLACK)
    if _is_lost(source, target, slack):
        yield Problem("negation", f"only in the source: {', '.join(source.asking)}")
    elif _is_lost(target, source, slack):
        yield Problem("negation", f"only in the translation: {', '.join(target.asking)}")


def _is_lost(negating: Negations, other: Negations, slack: int) -> bool:
    num_asking = len(negating.asking)
    num_answers = (
        len(other.asking)
        + other.num_repeated
        + sum(max(0, other.answers[kind] - negating.answers[kind]) for kind in _ANSWERING)
    )
    return num_asking - num_answers > slack + num_asking // (NEGATIONS_PER_SLACK + 1)


def _negations(text: str, language: str) -> Negations:
    plain = folded(text).casefold()
    found = list(_pattern(language).finditer(plain))
    negating = [one for one in found if one.lastgroup in _ASKING]
    again = {later for one, later in pairwise(negating) if _is_again(one, later)}
    asking = [one for one in negating if one not in again]
    for one in found:  # "no ... ningún" negates once: the second counts where it stands alone
        if one.lastgroup == "paired" and not any(_is_near(plain, one, other) for other in asking):
            asking.append(one)
    words = tuple(one[0] for one in sorted(asking, key=lambda one: one.start()))
    return Negations(words, len(again), Counter(one.lastgroup or "" for one in found))


def _is_again(before: re.Match[str], one: re.Match[str]) -> bool:
    return one[0] == before[0] and one.start() - before.end() <= NEAR_CHARACTERS


def _is_near(text: str, one: re.Match[str], other: re.Match[str]) -> bool:
    """Tell whether two words stand in one clause."""
    first, second = sorted((one, other), key=lambda match: match.start())
    between = text[first.end() : second.start()]
    return len(between) <= CLAUSE_CHARACTERS and not _CLAUSE_END.search(between)


@cache
def _pattern(language: str) -> re.Pattern[str]:
    groups = wordlist("negation")[language]
    if language in CHARACTER_LANGUAGES:
        parts = [f"(?P<{name}>{'|'.join(entries)})" for name, entries in groups.items()]
        return re.compile("|".join(parts))
    parts = [rf"(?P<{name}>(?:{'|'.join(entries)})(?!\w))" for name, entries in groups.items()]
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})")
