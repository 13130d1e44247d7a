"""What keeps near-identical questions apart: a changed number, a negation, a drug, an option.

Only the spans in which two texts differ are judged, in their folded form. Any differing content
keeps the records apart, unless it is known to say the same: function words, two spellings of one
thing, one number or unit written in two ways, and a misprint, which is one letter changed where
one of the two words occurs nowhere else in all texts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from pipeline.dedup.align import MIN_WORD_LETTERS
from pipeline.dedup.lexicon import Lexicon, lexicon
from pipeline.text.marks import CYRILLIC_AS_LATIN
from pipeline.text.negation import negation_cues
from pipeline.text.numbers import canonical_number, han_number, unit_name
from pipeline.text.units import CHARACTER_LANGUAGES

MIN_MISPRINT_LETTERS = 5  # of the longer word: shorter ones are too often one letter apart
MIN_STEM_LETTERS = 4  # of a word without its prefix
MAX_LETTER_NAME = 3  # characters of a token that names a type: hepatitis A, type II, T3
# A misprint occurs once, and what it was meant to be more often; or it is a common one, of a word
# that is far more common.
_MOST_MISPRINTED, _TIMES_MORE = 20, 12
_HAN_NUMBER = re.compile("[〇零一二两三四五六七八九十百千]+")
_WORDS = re.compile(r"[^\W\d_]+|\d[\d.,:^_]*|\S")
_ROMAN = re.compile("[ivxІ]+")


class Span(NamedTuple):
    """One place where two texts differ, with how often the rarest token of each side occurs."""

    left: str
    right: str
    left_count: int
    right_count: int


@lru_cache(maxsize=65536)  # one template differs from another at the same words again and again
def meaning_of(span: Span, language: str) -> str:
    """Return what a difference changes, or nothing where both sides say the same.

    The kinds are numbers, units, negation, affix, letter, wording, and the categories of contrast
    of the language's lexicon (laterality, sex, trimester and others).
    """
    words = lexicon(language)
    if kind := _contrast(span, words, language):
        return kind
    if _is_same(span, words, language):
        return ""
    if kind := _numbers_or_units(span, language):
        return kind
    if negation_cues(span.left, language) != negation_cues(span.right, language):
        return "negation"
    if kind := _affix(span, words):
        return kind
    if _is_misprint(span, words, language):
        return ""
    return (
        _unit_changed(span, language)
        or _one_sided_contrast(span, words, language)
        or _character_affix(span, words)
        or _letter(span, words)
        or "wording"
    )


def say_the_same(left: str, right: str, language: str) -> bool:
    """Tell whether two texts of zh or ja differ by function words and equivalent spellings alone."""
    words = lexicon(language)
    if _contrast(Span(left, right, 0, 0), words, language):
        return False
    return _content(left, words, language) == _content(right, words, language)


def _is_same(span: Span, words: Lexicon, language: str) -> bool:
    left, right = (_content(text, words, language) for text in span[:2])
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


def _content(text: str, words: Lexicon, language: str) -> tuple[str, ...]:
    """Return the tokens that are no function words; for zh and ja, the characters."""
    if language in CHARACTER_LANGUAGES:
        text = words.equivalent_pattern.sub(lambda match: words.equivalents[match[0]], text)
        return tuple(words.function_pattern.sub("", text).replace(" ", ""))
    return tuple(word for word in _WORDS.findall(text) if word not in words.function_words)


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
        {text.strip(), *(text if is_character else _WORDS.findall(text))} for text in span[:2]
    )
    found = (words.contrasts.get(frozenset((a, b)), "") for a in left - right for b in right - left)
    return max(found, default="")


def _one_sided_contrast(span: Span, words: Lexicon, language: str) -> str:
    """Return the category of a word that one side has and that its opposite would replace."""
    left, right = (_content(text, words, language) for text in span[:2])
    if left and right:
        return ""
    return next((words.contrasting[w] for w in left + right if w in words.contrasting), "")


def _character_affix(span: Span, words: Lexicon) -> str:
    affixes = {*words.prefixes, *words.suffixes}
    return "affix" if span.left in affixes or span.right in affixes else ""


def _affix(span: Span, words: Lexicon) -> str:
    for first, second in zip(span.left.split(), span.right.split(), strict=False):
        stems = _stems(first, words) & _stems(second, words)
        if first != second and stems:
            return "affix"
    return ""


def _stems(word: str, words: Lexicon) -> set[str]:
    """Return a word with and without each prefix that it begins with, if enough is left."""
    stems = {word.removeprefix(prefix) for prefix in ("", *words.prefixes)}
    return {stem for stem in stems if len(stem) >= MIN_STEM_LETTERS}


def _letter(span: Span, words: Lexicon) -> str:
    tokens = [token for text in span[:2] for token in _WORDS.findall(text)]
    names = [t for t in tokens if len(t) <= MAX_LETTER_NAME and t not in words.function_words]
    return "letter" if any(name.isascii() or _ROMAN.fullmatch(name) for name in names) else ""


def _is_misprint(span: Span, words: Lexicon, language: str) -> bool:
    if language in CHARACTER_LANGUAGES and not (span.left + span.right).isascii():
        return _is_rare(span) and _is_character_misprint(span, words, language)
    left, right = (_WORDS.findall(text) for text in span[:2])
    return len(left) == len(right) and all(
        one == other
        or _is_accent_left_out(one, other)
        or (_is_rare(span) and _is_word_misprint(one, other, words))
        for one, other in zip(left, right, strict=True)
    )


def _is_rare(span: Span) -> bool:
    """Tell whether one side hardly occurs and the other does: else there is no telling."""
    rare, common = sorted((span.left_count, span.right_count))
    if rare <= 1:
        return common > 1
    return rare <= _MOST_MISPRINTED and common >= _TIMES_MORE * rare


def _is_character_misprint(span: Span, words: Lexicon, language: str) -> bool:
    left, right = ("".join(_content(text, words, language)) for text in span[:2])
    is_small = len(left) <= 1 and len(right) <= 1 and (left + right).isalpha()
    return is_small and frozenset((left, right)) not in words.lookalikes


def _is_word_misprint(left: str, right: str, words: Lexicon) -> bool:
    lengths = len(left), len(right)
    if min(lengths) < MIN_WORD_LETTERS or max(lengths) < MIN_MISPRINT_LETTERS:
        return False
    if not (left + right).isalpha():
        return False
    if left[0] != right[0] or frozenset((left, right)) in words.lookalikes:
        return False
    return _is_one_edit(left, right) or _is_one_edit(*map(_without_accents, (left, right)))


def _is_accent_left_out(left: str, right: str) -> bool:
    """Tell whether one of two longer words is the other without any of its accents."""
    plain, other = sorted((left, right), key=lambda word: word != _without_accents(word))
    return len(left) >= MIN_WORD_LETTERS and plain == _without_accents(other)


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word.replace("й", "\0"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).replace("\0", "й")


def _is_one_edit(left: str, right: str) -> bool:
    """Tell whether one letter was dropped, added or replaced, or two neighbours swapped, or none."""
    begin = 0
    while begin < min(len(left), len(right)) and left[begin] == right[begin]:
        begin += 1
    one, other = left[begin:], right[begin:]
    if len(one) == len(other):
        is_swapped = one[:2] == other[:2][::-1] and one[2:] == other[2:]
        return one[1:] == other[1:] or is_swapped
    shorter, longer = sorted((one, other), key=len)
    return longer[1:] == shorter
