"""Names of drugs and frequent medical terms in the six languages, found in running text.

`drugs.tsv` holds international nonproprietary names, `terms.tsv` terms for hints in prompts: one
row each, a column per language, synonyms parted by `/`, the name to translate with first. Names are
found longest first, at the borders of words: with any case ending in Russian, with a plural in
English, French and Spanish, at the borders of a run of katakana in Japanese, anywhere in Chinese.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pipeline.text.units import CHARACTER_LANGUAGES

DRUGS, TERMS = "drugs", "terms"


class Entry(NamedTuple):
    """A drug or term. A loose one is also a substance of the body or of food, or a class."""

    names: dict[str, tuple[str, ...]]  # by language
    is_loose: bool


class Found(NamedTuple):
    """An entry of the glossary, by its number, and how the text writes it."""

    entry: int
    text: str


_LOOSE = "~"
_WORD = re.compile(r"[^\W_]+")
_KATAKANA = re.compile("[ァ-ヺー]")
_MAX_ENDING = 3
_MIN_STEM = 4
# The first is none.
_RUSSIAN_ENDINGS = (
    " а у ом е ы ов ам ами ах я ю ем и ей ям ями ях ь ью ой ую ая ые ых ым ый ою ия ию ием ии ий ие"
    " о иям иях ье ьем й ого ому ое ее его ему их им ими"
)
_ENDINGS = {
    "en": frozenset({"", "s", "es"}),
    "fr": frozenset({"", "s", "es"}),
    "es": frozenset({"", "s", "es"}),
    "ru": frozenset(_RUSSIAN_ENDINGS.split(" ")),
}
_RUSSIAN_LAST = ("ия", "ие", "ий", "ый", "ой", "ая", "ое", "ые", *"аяоеиыйь")


def terms_in(text: str, source_language: str, target_language: str) -> list[tuple[str, str]]:
    """Return the glossary's terms in a text as it writes them, each with its translation."""
    pairs: dict[str, str] = {}
    for glossary in (DRUGS, TERMS):
        for found in find(text, source_language, glossary):
            pairs.setdefault(found.text, entries(glossary)[found.entry].names[target_language][0])
    return list(pairs.items())


def find(text: str, language: str, glossary: str = DRUGS) -> list[Found]:
    """Return the entries of a glossary that a text names, in their order."""
    if language in CHARACTER_LANGUAGES:
        return list(_in_characters(text, language, glossary))
    return list(_in_words(text, language, glossary))


@cache
def entries(glossary: str) -> tuple[Entry, ...]:
    """Return all entries of a glossary."""
    content = files("pipeline.translation").joinpath(f"{glossary}.tsv").read_text(encoding="utf-8")
    header, *rows = content.splitlines()
    languages = header.split("\t")
    return tuple(_entry(row, languages) for row in rows)


def _entry(row: str, languages: list[str]) -> Entry:
    is_loose = row.startswith(_LOOSE)
    columns = row.removeprefix(_LOOSE).split("\t")
    names = zip(languages, columns, strict=True)
    return Entry({language: tuple(one.split("/")) for language, one in names}, is_loose)


def _in_characters(text: str, language: str, glossary: str) -> Iterator[Found]:
    text = unicodedata.normalize("NFKC", text)
    heads = _heads(language, glossary)
    at = 0
    while at < len(text) - 1:
        for name, entry in heads.get(text[at : at + 2], ()):
            if text.startswith(name, at) and _is_whole(text, at, at + len(name)):
                yield Found(entry, name)
                at += len(name) - 1
                break
        at += 1


def _is_whole(text: str, start: int, end: int) -> bool:
    """Tell whether a name does not begin or end inside a longer word of katakana."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    begins_inside = _KATAKANA.match(before) and _KATAKANA.match(text[start])
    ends_inside = _KATAKANA.match(after) and _KATAKANA.match(text[end - 1])
    return not begins_inside and not ends_inside


@cache
def _heads(language: str, glossary: str) -> dict[str, list[tuple[str, int]]]:
    """Return the names by their first two characters, longest first."""
    heads: dict[str, list[tuple[str, int]]] = {}
    for number, entry in enumerate(entries(glossary)):
        for name in entry.names[language]:
            heads.setdefault(f"{name} "[:2], []).append((name, number))
    for names in heads.values():
        names.sort(key=lambda pair: (-len(pair[0]), pair))
    return heads


def _in_words(text: str, language: str, glossary: str) -> Iterator[Found]:
    stems = _stems(language, glossary)
    heads = _first_letters(language, glossary)
    plain = _folded(text)
    if heads.isdisjoint([word[:_MIN_STEM] for word in _WORD.findall(plain)]):
        return
    words = list(_WORD.finditer(plain))
    folded = [word[0] for word in words]
    at = 0
    while at < len(words):
        length, entry = 0, -1
        if folded[at][:_MIN_STEM] in heads:
            length, entry = _longest(folded, at, stems, language)
        if length:
            yield Found(entry, text[words[at].start() : words[at + length - 1].end()])
        at += length or 1


@cache
def _first_letters(language: str, glossary: str) -> frozenset[str]:
    """Return how the first words of all names begin, for the one test that most words need."""
    return frozenset(stem[:_MIN_STEM] for stem in _stems(language, glossary))


def _longest(
    words: list[str], at: int, stems: dict[str, list[tuple[tuple[str, ...], int]]], language: str
) -> tuple[int, int]:
    """Return how many words the longest name has that begins here, and its entry."""
    best = (0, -1)
    for stem in _candidates(words[at], language):
        for name, entry in stems.get(stem, ()):
            if (
                len(name) > best[0]
                and all(
                    _is_form(word, part, language)
                    for word, part in zip(words[at : at + len(name)], name, strict=False)
                )
                and at + len(name) <= len(words)
            ):
                best = (len(name), entry)
        if best[0]:
            break  # the longest stem wins: метилпреднизолон, not a shorter name
    return best


def _candidates(word: str, language: str) -> Iterator[str]:
    shortest = max(len(word) - _MAX_ENDING, min(_MIN_STEM, len(word)))
    for length in range(len(word), shortest - 1, -1):
        if word[length:] in _ENDINGS[language]:
            yield word[:length]


def _is_form(word: str, stem: str, language: str) -> bool:
    return word.startswith(stem) and word[len(stem) :] in _ENDINGS[language]


@cache
def _stems(language: str, glossary: str) -> dict[str, list[tuple[tuple[str, ...], int]]]:
    """Return names as the stems of their words, by the first stem."""
    stems: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for number, entry in enumerate(entries(glossary)):
        for name in entry.names[language]:
            parts = tuple(_stem(_folded(word), language) for word in _WORD.findall(name))
            stems.setdefault(parts[0], []).append((parts, number))
    return stems


def _stem(word: str, language: str) -> str:
    """Return a Russian word without its ending; other words as they are."""
    if language != "ru":
        return word
    for ending in _RUSSIAN_LAST:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
            return word.removesuffix(ending)
    return word


def _folded(text: str) -> str:
    """Return a text without accents and capitals, as long as before; й stays."""
    return text.lower() if text.isascii() else text.translate(_without_accents()).lower()


@cache
def _without_accents() -> dict[int, str]:
    letters = [chr(point) for point in (*range(0xC0, 0x250), 0x401, 0x451)]
    return {ord(one): unicodedata.normalize("NFD", one)[0] for one in letters}
