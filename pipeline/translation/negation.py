"""Check `negation`: what one text negates or excludes, the other must negate in some way too.

Languages negate in different words and numbers ("no ... ningún", "ne ... pas"), so the texts are
not compared cue by cue: a problem is a text with more negations than the other has words that could
answer for them. Words that may be put either way answer only as far as the first text has fewer of
them, since else they have each other for a counterpart. "No" as an answer has its like in the
other text for a counterpart; where there is none, it only confirms what it stands before.
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

    Negations said again close by ask once and answer as often as they stand. `particles` are the
    answers "no", with whether a negation follows that they confirm.
    """

    asking: tuple[str, ...]
    num_repeated: int
    answers: Counter[str]
    particles: tuple[tuple[str, bool], ...] = ()

    def without_particles(self, num_set_off: int) -> Negations:
        """Return the same with each "no" that has no counterpart as a negation of its own."""
        left = self.particles[num_set_off:]
        alone = tuple(word for word, is_confirming in left if not is_confirming)
        num_repeated = self.num_repeated + len(left) - len(alone)
        return Negations(self.asking + alone, num_repeated, self.answers)


# Kinds of words that may be put for a negation; see `negation.yaml`.
_ASKING = frozenset({"clear", "lexical", "particle"})  # a particle elsewhere is a plain "no"
_ANSWERING = ("limit", "avert", "lack", "weak")
# Of so many negations one may be put positively ("normal" for "without abnormality"), and so many
# characters of a text hold one such wording.
NEGATIONS_PER_SLACK = 3
CHARACTERS_PER_SLACK = {"zh": 180, "ja": 210}
LETTERS_PER_SLACK = 500
# "не стойте и не сидите" is one "don't".
NEAR_CHARACTERS = 25
CLAUSE_CHARACTERS = 60
_OPENING, _BEFORE_ANSWER = " «“\"'(（「„", ".?!。？！…:：\n"
_CLAUSE_END = re.compile("[.;!?。；！？]")


def negation_problems(pair: Pair) -> Iterator[Problem]:
    """Yield a problem where only one of the texts negates something."""
    source = _negations(pair.source, pair.source_language)
    target = _negations(pair.target, pair.target_language)
    num_set_off = min(len(source.particles), len(target.particles))
    source, target = (one.without_particles(num_set_off) for one in (source, target))
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
    particles = [one for one in found if one.lastgroup == "particle" and _is_first(plain, one)]
    negating = [one for one in found if one.lastgroup in _ASKING and one not in particles]
    again = {later for one, later in pairwise(negating) if _is_again(one, later)}
    asking = [one for one in negating if one not in again]
    for one in found:  # "no ... ningún" negates once: the second counts where it stands alone
        if one.lastgroup == "paired" and not any(_is_near(plain, one, other) for other in asking):
            asking.append(one)
    words = tuple(one[0] for one in sorted(asking, key=lambda one: one.start()))
    confirming = tuple(
        (one[0], any(_is_after(one, other) for other in asking)) for one in particles
    )
    answers = Counter(one.lastgroup or "" for one in found)
    return Negations(words, len(again), answers, confirming)


def _is_first(text: str, one: re.Match[str]) -> bool:
    """Tell whether a word stands at the beginning of a sentence."""
    before = text[: one.start()].rstrip(_OPENING)
    return not before or before[-1] in _BEFORE_ANSWER


def _is_after(one: re.Match[str], other: re.Match[str]) -> bool:
    return 0 <= other.start() - one.end() <= CLAUSE_CHARACTERS


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
