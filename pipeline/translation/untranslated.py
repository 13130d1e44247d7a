"""Check `untranslated`: words of the source language that a translation has kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from pipeline.text.latin import LATIN_LANGUAGES
from pipeline.text.lexicon import lexicon
from pipeline.text.scripts import LATIN
from pipeline.text.spans import foreign_span
from pipeline.translation.problem import Pair, Problem
from pipeline.translation.wordlists import wordlist

MIN_LETTERS = 4
NEW_LETTERS = 8  # of a word that is not the source's either; shorter ones are abbreviations too
# One long word is a term that is kept, two are a phrase.
MIN_WORDS = 2
# Shorter texts are judged word by word alone.
MIN_CHARACTERS_OF_SPAN = 60
MIN_WORDS_OF_SPAN = 5
_LATIN_WORD = re.compile(r"(?<![A-Za-z\-._/@#\d])(?:[a-z]{3,}(?![A-Za-z\-_/@\d])|[a-z]{5,}(?=\d))")
# Escherichia coli, E. coli, "in vitro": the word before is a name too.
_AFTER_NAME = re.compile(r"[A-Z][a-z]*\.?\s+$")
_WORD = re.compile(r"(?<![\w\-./@])[A-Za-z]?[a-z]{2,}(?![\w\-/@])")
_GLOSS = re.compile(
    r"\([^()]*\)|（[^（）]*）|«[^«»]*»|“[^“”]*”|\"[^\"]*\"|「[^「」]*」|『[^『』]*』|《[^《》]*》"
)
_BETWEEN_NAMES = re.compile(r"[A-Z][\w-]*\s+$")


def untranslated_problems(pair: Pair) -> Iterator[Problem]:
    """Yield words of the source language that are left in the translation."""
    if pair.target_language not in LATIN_LANGUAGES:
        words = _in_other_letters(pair)
    else:
        words = _in_latin_letters(pair)
    if words:
        yield Problem("untranslated", ", ".join(words[:6]))
    elif (
        _may_hold_span(pair)
        and (span := foreign_span(pair.target, pair.target_language))
        and not foreign_span(pair.source, pair.source_language)
    ):
        yield Problem("untranslated", span.text[:80])


def _may_hold_span(pair: Pair) -> bool:
    """Tell whether it is worth while to look for a whole sentence, which takes longest of all."""
    if len(pair.target) < MIN_CHARACTERS_OF_SPAN:
        return False
    if pair.target_language in LATIN_LANGUAGES:
        return pair.source_language in LATIN_LANGUAGES and pair.source_language != "en"
    return len(LATIN.findall(pair.target)) >= MIN_WORDS_OF_SPAN


def _in_other_letters(pair: Pair) -> list[str]:
    """Return the Latin words in small letters of a text in zh, ja or ru."""
    if not LATIN.search(pair.target):
        return []
    allowed = _listed("allowed")
    source_words = {word.casefold() for word in LATIN.findall(pair.source)}
    found: dict[str, None] = {}
    text = _GLOSS.sub(" ", pair.target)
    for match in _LATIN_WORD.finditer(text):
        word = match[0]
        if word in allowed or _AFTER_NAME.search(text, max(0, match.start() - 24), match.start()):
            continue
        found[word] = None
    words = list(found)
    if pair.source_language in LATIN_LANGUAGES:
        # Models fall back on English from any language: "способ administration".
        new = [word for word in words if word not in source_words and len(word) >= NEW_LETTERS]
        if new:
            return new
        words = [word for word in words if word in source_words]
    telling = [word for word in words if word in _english()]
    long = [word for word in words if len(word) >= MIN_LETTERS]
    return words if telling or len(long) >= MIN_WORDS else []


def _in_latin_letters(pair: Pair) -> list[str]:
    """Return words of a source in Latin letters that the other language does not have."""
    if pair.source_language != "en" or pair.target_language not in ("fr", "es"):
        return []
    source_words = {word.casefold() for word in LATIN.findall(pair.source)}
    endings = tuple(wordlist("leftovers")["endings"])
    known = _english() - _listed("borrowed") - _words_of(pair.target_language)
    found: dict[str, None] = {}
    text = _GLOSS.sub(" ", pair.target)
    for match in _WORD.finditer(text):
        word = match[0].casefold()
        if word not in source_words or (match[0] != word and match.start() > 0):
            continue
        if _BETWEEN_NAMES.search(text, max(0, match.start() - 24), match.start()):
            continue  # Centre for Evidence-Based Medicine
        is_english = word.endswith(endings) and len(word) > MIN_LETTERS + 1
        if word in known or (is_english and word not in _listed("borrowed")):
            found[word] = None
    return list(found)


@cache
def _listed(name: str) -> frozenset[str]:
    return frozenset(wordlist("leftovers")[name])


@cache
def _english() -> frozenset[str]:
    return _listed("english") | _words_of("en")


@cache
def _words_of(language: str) -> frozenset[str]:
    lists = lexicon("telling_words")[language]
    return frozenset(word for words in lists.values() for word in words)
