"""What keeps near-identical questions apart: a changed number, a negation, a drug, an option.

Only the spans in which two texts differ are judged, in their folded form. Any differing content
keeps the records apart, unless it is known to say the same: function words, two spellings of one
thing, one number or unit written in two ways, and a misprint, which is one letter changed where
one of the two words occurs nowhere else in all texts.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from pipeline.dedup.lexicon import Lexicon, lexicon
from pipeline.dedup.misprints import WORDS, Misprint, Span, content, misprint_of
from pipeline.text.marks import CYRILLIC_AS_LATIN
from pipeline.text.negation import negation_cues
from pipeline.text.numbers import canonical_number, han_number, unit_name
from pipeline.text.units import CHARACTER_LANGUAGES

MIN_STEM_LETTERS = 4  # of a word without its prefix
MAX_LETTER_NAME = 3  # characters of a token that names a type: hepatitis A, type II, T3
_HAN_NUMBER = re.compile("[〇零一二两三四五六七八九十百千]+")
_ROMAN = re.compile("[ivxІ]+")


class Judgement(NamedTuple):
    """What a difference changes, or nothing where both sides say the same.

    Where `misprint` is `POSSIBLE`, it may be no change after all, if the rest of the two texts
    shows that one of them is full of misprints.
    """

    meaning: str
    misprint: Misprint = Misprint.NONE


@lru_cache(maxsize=65536)  # one template differs from another at the same words again and again
def judged(span: Span, language: str) -> Judgement:
    """Judge one difference.

    Its meaning is one of numbers, units, negation, affix, letter, wording, or a category of
    contrast of the language's lexicon (laterality, sex, trimester and others).
    """
    words = lexicon(language)
    if kind := _contrast(span, words, language):
        return Judgement(kind)
    if _is_same(span, words, language):
        return Judgement("")
    if kind := _numbers_or_units(span, language) or _turned_round(span, words, language):
        return Judgement(kind)
    misprint = misprint_of(span, words, language)
    if misprint is Misprint.PROVEN:
        return Judgement("", misprint)
    meaning = (
        _unit_changed(span, language)
        or _one_sided_contrast(span, words, language)
        or _character_affix(span, words)
        or _letter(span, words)
        or "wording"
    )
    return Judgement(meaning, misprint)


def _turned_round(span: Span, words: Lexicon, language: str) -> str:
    if negation_cues(span.left, language) != negation_cues(span.right, language):
        return "negation"
    return _affix(span, words)


@lru_cache(maxsize=65536)
def say_the_same(left: str, right: str, language: str) -> bool:
    """Tell whether two texts of zh or ja differ by function words and equivalent spellings alone."""
    words = lexicon(language)
    if _contrast(Span(left, right, (0, 0), (0, 0)), words, language):
        return False
    return content(left, language) == content(right, language)


def _is_same(span: Span, words: Lexicon, language: str) -> bool:
    left, right = (content(text, language) for text in span[:2])
    if left == right or _canonical(left, words) == _canonical(right, words):
        return True
    joined = "".join(left)
    if joined == "".join(right) and joined.isalpha():  # "anti inflammatory", "antiinflammatory"
        return True
    units = [_unit(text, language) for text in span[:2]]
    if units[0] and units[0] == units[1]:
        return True
    numbers = [_number(text) for text in span[:2]]
    return bool(numbers[0]) and numbers[0] == numbers[1]


def _canonical(tokens: tuple[str, ...], words: Lexicon) -> str:
    separator = "" if all(len(token) == 1 for token in tokens) else " "
    whole = separator.join(tokens)
    if whole in words.equivalents:
        return words.equivalents[whole]
    return separator.join(words.equivalents.get(token, token) for token in tokens)


def _unit(text: str, language: str) -> str:
    spelling = text.strip()
    # Folded Russian has the letters of both scripts in one: "мg".
    return unit_name(spelling, language) or (
        unit_name(spelling.translate(CYRILLIC_AS_LATIN), language) if language == "ru" else ""
    )


def _number(text: str) -> str:
    if _HAN_NUMBER.fullmatch(text):
        return str(han_number(text))
    return canonical_number(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else ""


def _numbers_or_units(span: Span, language: str) -> str:
    for text in span[:2]:
        if any(map(str.isdigit, text)) or _HAN_NUMBER.fullmatch(text):
            return "numbers"
    both_units = _unit(span.left, language) and _unit(span.right, language)
    return "units" if both_units else ""


def _unit_changed(span: Span, language: str) -> str:
    return "units" if _unit(span.left, language) or _unit(span.right, language) else ""


def _contrast(span: Span, words: Lexicon, language: str) -> str:
    """Return the category of two words, function words among them, that stand for each other."""
    is_character = language in CHARACTER_LANGUAGES
    left, right = (
        [
            word
            for word in (text.strip(), *(text if is_character else WORDS.findall(text)))
            if word in words.contrasting
        ]
        for text in span[:2]
    )
    if not left or not right:
        return ""
    only_left, only_right = set(left) - set(right), set(right) - set(left)
    found = (words.contrasts.get(frozenset((a, b)), "") for a in only_left for b in only_right)
    return max(found, default="")


def _one_sided_contrast(span: Span, words: Lexicon, language: str) -> str:
    """Return the category of a word that one side has and that its opposite would replace."""
    left, right = (content(text, language) for text in span[:2])
    if left and right:
        return ""
    return next((words.contrasting[w] for w in left + right if w in words.contrasting), "")


def _character_affix(span: Span, words: Lexicon) -> str:
    affixes = {*words.prefixes, *words.suffixes}
    return "affix" if span.left in affixes or span.right in affixes else ""


def _affix(span: Span, words: Lexicon) -> str:
    for first, second in zip(span.left.split(), span.right.split(), strict=False):
        is_prefixed = first.startswith(words.prefixes) or second.startswith(words.prefixes)
        if first != second and is_prefixed and _stems(first, words) & _stems(second, words):
            return "affix"
    return ""


def _stems(word: str, words: Lexicon) -> set[str]:
    """Return a word with and without each prefix that it begins with, if enough is left."""
    stems = {word.removeprefix(prefix) for prefix in ("", *words.prefixes)}
    return {stem for stem in stems if len(stem) >= MIN_STEM_LETTERS}


def _letter(span: Span, words: Lexicon) -> str:
    tokens = [token for text in span[:2] for token in WORDS.findall(text)]
    names = [t for t in tokens if len(t) <= MAX_LETTER_NAME and t not in words.function_words]
    return "letter" if any(name.isascii() or _ROMAN.fullmatch(name) for name in names) else ""
