"""What keeps near-identical questions apart: a changed number, a negation, a drug, an option.

Only the spans in which two texts differ are judged, in their folded form. Any differing content
keeps the records apart, unless it is known to say the same: function words, two spellings of one
thing, one number or unit written in two ways, and a misprint, which is one letter changed where
one of the two words hardly occurs in all texts.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from pipeline.dedup.lexicon import Lexicon, lexicon
from pipeline.dedup.misprints import WORDS, Misprint, Span, content, misprint_of, without_accents
from pipeline.text.negation import negation_cues
from pipeline.text.numbers import canonical_number, han_number, unit_name
from pipeline.text.scripts import CYRILLIC_AS_LATIN
from pipeline.text.units import CHARACTER_LANGUAGES

MIN_STEM_LETTERS = 4  # of a word without its prefix
MAX_LETTER_NAME = 3  # characters of a token that names a type: hepatitis A, type II, T3
_HAN_NUMBER = re.compile("[〇零一二两三四五六七八九十百千]+")
_PLAIN_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_HAS_DIGIT = re.compile(r"\d")
_ROMAN = re.compile("[ivxІ]+")


class Judgement(NamedTuple):
    """What a difference changes, or nothing where both sides say the same.

    Where `misprint` is `POSSIBLE`, it may be no change after all, if the rest of the two texts
    shows that one of them is full of misprints.
    """

    meaning: str
    misprint: Misprint = Misprint.NONE


class Side(NamedTuple):
    """What one side of a difference holds."""

    content: tuple[str, ...]  # its tokens that are no function words
    canonical: str  # the same with one spelling for each thing
    unit: str
    number: str
    cues: tuple[str, ...]  # of negation
    contrasting: frozenset[str]  # function words among them


def judged(span: Span, language: str) -> Judgement:
    """Judge one difference.

    Its meaning is one of numbers, units, negation, affix, letter, wording, or a category of
    contrast of the language's lexicon (laterality, sex, trimester and others).
    """
    meaning, is_certain = _meaning(span.left, span.right, language)
    if is_certain:
        return Judgement(meaning)
    misprint = misprint_of(span, lexicon(language), language)
    return Judgement("" if misprint is Misprint.PROVEN else meaning, misprint)


@lru_cache(maxsize=4096)  # one template differs from another at the same words again and again
def _meaning(left_text: str, right_text: str, language: str) -> tuple[str, bool]:
    """Return what a difference changes, and whether that holds even of what looks a misprint."""
    words = lexicon(language)
    left, right = side(left_text, language), side(right_text, language)
    if kind := _contrast(left, right, words):
        return kind, True
    if _is_same(left, right):
        return "", True
    if kind := _changed(left_text, right_text, left, right, words):
        return kind, True
    meaning = (
        ("units" if left.unit or right.unit else "")
        or _one_sided_contrast(left, right, words)
        or _character_affix(left_text, right_text, words)
        or _letter(left_text, right_text, words)
        or "wording"
    )
    return meaning, False


@lru_cache(maxsize=1024)
def say_the_same(left: str, right: str, language: str) -> bool:
    """Tell whether two texts of zh or ja differ by function words and equivalents alone."""
    if content(left, language) != content(right, language):
        return False
    return not _contrast(side(left, language), side(right, language), lexicon(language))


@lru_cache(maxsize=1024)
def side(text: str, language: str) -> Side:
    """Return what one side of a difference holds."""
    words = lexicon(language)
    stripped = text.strip()
    tokens = text if language in CHARACTER_LANGUAGES else WORDS.findall(text)
    found = content(text, language)
    return Side(
        found,
        _canonical(found, words),
        _unit(stripped, language),
        _number(stripped),
        negation_cues(text, language),
        frozenset(word for word in (stripped, *tokens) if word in words.contrasting),
    )


def _contrast(left: Side, right: Side, words: Lexicon) -> str:
    """Return the category of two words, function words among them, that stand for each other."""
    if not left.contrasting or not right.contrasting:
        return ""
    one, other = left.contrasting - right.contrasting, right.contrasting - left.contrasting
    found = (words.contrasts.get(frozenset((a, b)), "") for a in one for b in other)
    return max(found, default="")


def _one_sided_contrast(left: Side, right: Side, words: Lexicon) -> str:
    """Return the category of a word that one side has and that its opposite would replace."""
    if left.content and right.content:
        return ""
    added = left.content + right.content
    return next((words.contrasting[word] for word in added if word in words.contrasting), "")


def _is_same(left: Side, right: Side) -> bool:
    if left.content == right.content or left.canonical == right.canonical:
        return True
    joined = "".join(left.content)
    if joined == "".join(right.content) and joined.isalpha():  # "anti inflammatory"
        return True
    is_same_unit = bool(left.unit) and left.unit == right.unit
    return is_same_unit or (bool(left.number) and left.number == right.number)


def _changed(left_text: str, right_text: str, left: Side, right: Side, words: Lexicon) -> str:
    """Return what no misprint explains: numbers, units, negation, an affix."""
    if left.number or right.number or _HAS_DIGIT.search(left_text + right_text):
        return "numbers"
    if left.unit and right.unit:
        return "units"
    return "negation" if left.cues != right.cues else _affix(left_text, right_text, words)


def _canonical(tokens: tuple[str, ...], words: Lexicon) -> str:
    separator = "" if all(len(token) == 1 for token in tokens) else " "
    whole = separator.join(tokens)
    if whole in words.equivalents:
        return words.equivalents[whole]
    return separator.join(words.equivalents.get(token, token) for token in tokens)


def _unit(spelling: str, language: str) -> str:
    # Folded Russian has the letters of both scripts in one: "мg".
    return unit_name(spelling, language) or (
        unit_name(spelling.translate(CYRILLIC_AS_LATIN), language) if language == "ru" else ""
    )


def _number(text: str) -> str:
    if _HAN_NUMBER.fullmatch(text):
        return str(han_number(text))
    return canonical_number(text) if _PLAIN_NUMBER.fullmatch(text) else ""


def _character_affix(left: str, right: str, words: Lexicon) -> str:
    affixes = {*words.prefixes, *words.suffixes}
    return "affix" if left in affixes or right in affixes else ""


def _affix(left: str, right: str, words: Lexicon) -> str:
    for first, second in zip(left.split(), right.split(), strict=False):
        if first == second or first[-MIN_STEM_LETTERS:] != second[-MIN_STEM_LETTERS:]:
            continue  # the one test that most words need: a stem in common ends alike
        is_prefixed = first.startswith(words.prefixes) or second.startswith(words.prefixes)
        is_accent = is_prefixed and without_accents(first) == without_accents(second)
        if is_prefixed and not is_accent and _stems(first, words) & _stems(second, words):
            return "affix"
    return ""


def _stems(word: str, words: Lexicon) -> set[str]:
    """Return a word with and without each prefix that it begins with, if enough is left."""
    stems = {word, *(word[len(p) :] for p in words.prefixes if word.startswith(p))}
    return {stem for stem in stems if len(stem) >= MIN_STEM_LETTERS}


def _letter(left: str, right: str, words: Lexicon) -> str:
    tokens = [*WORDS.findall(left), *WORDS.findall(right)]
    names = [t for t in tokens if len(t) <= MAX_LETTER_NAME and t not in words.function_words]
    return "letter" if any(name.isascii() or _ROMAN.fullmatch(name) for name in names) else ""
