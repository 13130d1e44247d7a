"""Phrases that belong to a page or to a letter, not to what the text has to say."""

from __future__ import annotations

import re
from functools import cache

from pipeline.text.lexicon import lexicon
from pipeline.text.units import CHARACTER_LANGUAGES

_OPENS = r"^[\s\"'“«¡*-]*"
_SIGNS_OFF = r"(?:^|[.!?,;:…)\n]\s{0,3})"  # "in good health" is no wish
_CLOSES = r"[\s.!。！~～\"'”»*)）]*$"


def _entries(language: str, start: str, end: str) -> list[str]:
    listed: dict[str, list[str]] = lexicon("boilerplate")[language]
    signs_off = "" if language in CHARACTER_LANGUAGES else _SIGNS_OFF
    return [
        *(rf"{start}(?:{entry}){end}" for entry in listed["anywhere"]),
        *(rf"{_OPENS}(?:{entry}){end}" for entry in listed["opening"]),
        *(rf"{signs_off}(?:{entry}){_CLOSES}" for entry in listed["closing"]),
    ]


@cache
def _pattern(language: str) -> re.Pattern[str]:
    bounds = ("", "") if language in CHARACTER_LANGUAGES else (r"(?<!\w)", r"(?!\w)")
    return re.compile("(?i)" + "|".join(_entries(language, *bounds)))


BOILERPLATE_SUSPECTS = "(?i)" + "|".join(
    entry for language in sorted(lexicon("boilerplate")) for entry in _entries(language, "", "")
)


def boilerplate(text: str, language: str) -> float:
    """Return the number of web remains, letter manners and assistant phrases of the language.

    A text that is nothing but one, such as a greeting in a dialogue, says what it has to say.
    """
    found = [match[0] for match in _pattern(language).finditer(text)]
    return 0.0 if found == [text] else float(len(found))
