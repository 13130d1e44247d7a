"""Checks of texts that a model wrote in a language of its own accord: rationales and rewrites."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from pipeline.quality.repeats import repeated_share
from pipeline.text.language import detect
from pipeline.text.repetition import repeated_ngrams, repeated_paragraph
from pipeline.text.spans import foreign_span
from pipeline.text.units import CHARACTER_LANGUAGES, count_units
from pipeline.translation.chatter import chatter_problems
from pipeline.translation.problem import Pair, Problem
from schemas.item import Language

# What a check says, in the order of how grave it is.
CHECKS: dict[str, str] = {
    "key": "A second reader of the rationale did not arrive at the key.",
    "labels": "The rationale names an option by a letter or number, though it was shown none.",
    "chatter": "The model talks about its task instead of doing it.",
    "language": "The text is in another language than the row.",
    "numbers": "A number does not stand in the text that it was taken from.",
    "leaning": "The question cannot be understood without the text that it was taken from.",
    "copy": "The text only says again what the row says already.",
    "repetition": "The text repeats itself.",
    "length": "The text is too short or too long.",
}
# Units of `count_units`: under the first nothing is explained, over the second it is an essay.
_LENGTHS = {"sentence": (3, 60), "text": (8, 300)}
_LENGTHS_IN_CHARACTERS = {"sentence": (5, 150), "text": (20, 900)}
_MIN_CONFIDENCE = 0.7
_MAX_FOREIGN_SHARE = 0.2
_MAX_REPEATED = 0.3
_SAME_TEXT = 0.9
# What stands before an explanation; what stands before any text is the translation's list.
_CHATTER = re.compile(
    r"(?i)^\W*(?:sure\b|certainly\b|of course\b|here (?:is|are|'s)\b|explanation\W*:|rationale\W*:|"
    r"as an ai\b|bien sûr|voici\b|explication\W*:|claro\b|por supuesto|aquí (?:está|tiene)|"
    r"explicación\W*:|конечно\b|вот\b.{0,40}:|пояснение\W*:|объяснение\W*:|当然|好的|以下是|解析[:：]|"
    r"解释[:：]|もちろん|はい、|以下(?:に|は|が).{0,20}(?:解説|説明)|解説[:：])|</?\w+-[0-9a-f]{8,}>|```"
)
_LEANING = re.compile(
    r"(?i)\b(?:the|this) (?:text|passage|article|excerpt)\b|\baccording to the (?:above|author)|"
    r"\b(?:le|ce|du) (?:texte|passage)\b|\b(?:el|este|del) (?:texto|pasaje)\b|"
    r"\b(?:в|этом|данном|согласно|из) (?:тексте?|отрывке?|тексту|отрывку|текста|отрывка)\b|"
    r"(?:本文|上文|该文|文中|文章|原文|上述|段落)|(?:この文|上記|前述)"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def check_written(text: str, language: Language, kind: str) -> Iterator[Problem]:
    """Yield what is wrong with a `sentence` or a `text` for itself."""
    if chatter := _CHATTER.search(text):
        yield Problem("chatter", chatter[0])
    yield from chatter_problems(Pair("", text, language, language))
    yield from _language_problems(text, language)
    if max(repeated_ngrams(text, language), repeated_paragraph(text, language)) > _MAX_REPEATED:
        yield Problem("repetition", text[:80])
    lengths = _LENGTHS_IN_CHARACTERS if language in CHARACTER_LANGUAGES else _LENGTHS
    smallest, largest = lengths[kind]
    if not smallest <= (length := count_units(text, language)) <= largest:
        yield Problem("length", f"{length}, not {smallest} to {largest}")


def _language_problems(text: str, language: Language) -> Iterator[Problem]:
    found = detect(text, language)
    if found.language not in (language, "und") and found.confidence >= _MIN_CONFIDENCE:
        yield Problem("language", f"{found.language} ({found.confidence:.2f})")
    elif (span := foreign_span(text, language)) and span.share > _MAX_FOREIGN_SHARE:
        yield Problem("language", f"{span.language}: {span.text[:80]}")


def check_numbers(text: str, passage: str) -> Iterator[Problem]:
    """Yield the numbers of a text that its passage lacks."""
    known = set(_numbers(passage))
    for number in dict.fromkeys(_numbers(text)):
        if number not in known:
            yield Problem("numbers", number)


def check_copy(text: str, *others: str, language: Language) -> Iterator[Problem]:
    """Yield a problem where a text is one of the others, or holds little beside it."""
    for other in others:
        if other and repeated_share(text, other, language) >= _SAME_TEXT:
            yield Problem("copy", text[:80])


def check_leaning(question: str) -> Iterator[Problem]:
    """Yield where a question speaks of the text that it was taken from."""
    if match := _LEANING.search(question):
        yield Problem("leaning", match[0])


def _numbers(text: str) -> list[str]:
    return _NUMBER.findall(unicodedata.normalize("NFKC", text))
