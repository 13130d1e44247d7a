"""Reads comparison: a number with "less than", ≥ or 未満 is a limit, and from which side."""

from __future__ import annotations

import re
from functools import cache

from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.wordlists import wordlist

_MOST_BEFORE = 40  # characters before a number that are searched
_NEGATED = {
    "en": re.compile(r"\b(?:not|never|no|cannot|without)\b|n't\b", re.IGNORECASE),
    "fr": re.compile(r"\b(?:pas|jamais|sans|ne|n')\b", re.IGNORECASE),
    "es": re.compile(r"\b(?:no|nunca|sin)\b", re.IGNORECASE),
    "ru": re.compile(r"\b(?:не|нельзя|без|никогда)\b", re.IGNORECASE),
    "zh": re.compile("[不未勿无]"),
}
_NEGATED_JA = re.compile("[^。、,]{0,14}?(?:な[いらかく]|ません|ずに)")
_CLAUSE_END = re.compile(
    r"[,.;:。、；，]|\b(?:if|when|unless|with|and|in|si|quand|lorsque|avec|et|chez|cuando|con|y|en"
    r"|если|когда|при|и|у)\b"
)
_SIGNS = {"less": "<", "more": ">"}


def sign_of(text: str, start: int, end: int, language: str) -> str:
    """Return "<" or ">" where words or signs beside a number compare with it, else nothing."""
    before, after = _sign_patterns(language)
    found = after.match(text, end) or before.search(text, max(0, start - _MOST_BEFORE), start)
    if not found or _is_negated(text, found, language):
        return ""
    return _SIGNS[found.lastgroup or ""]


def _is_negated(text: str, found: re.Match[str], language: str) -> bool:
    """Tell whether "not" turns the comparison, near or far: then no side can be told."""
    if language == "ja":
        return bool(_NEGATED_JA.match(text, found.end()))
    clause = _CLAUSE_END.split(text[max(0, found.start() - _MOST_BEFORE) : found.start()])[-1]
    return bool(_NEGATED[language].search(clause))


@cache
def _sign_patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    table = wordlist("signs")[language]
    if language in CHARACTER_LANGUAGES:
        before = rf"(?:{_either(table, '')})(?:{table['between']}){{0,5}}\s?$"
        after = rf"[^\d\s,、。(]{{0,2}}?(?:{_either(table, '_after')})"
    else:
        before = rf"(?<!\w)(?:{_either(table, '')})\s*(?:(?:{table['between']})\s){{0,2}}$"
        after = (
            rf",?\s(?:[^\W\d]+\s)?(?:{_either(table, '_after')})(?!\w)(?!\s(?:[^\W\d]+\s){{0,2}}\d)"
        )
    return re.compile(before, re.IGNORECASE), re.compile(after, re.IGNORECASE)


def _either(table: dict[str, list[str]], place: str) -> str:
    return "|".join(f"(?P<{name}>{'|'.join(table[name + place])})" for name in _SIGNS)
