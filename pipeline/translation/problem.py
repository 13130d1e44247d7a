"""What a check gets and what it says: a pair of texts, and problems with the evidence for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from schemas.item import Language

Field = Literal["question", "context", "option", "answer", "rationale", "text"]
FIELDS: tuple[Field, ...] = get_args(Field)

# What a check says, in the order of how grave it is: the first names a dropped row's reason.
CHECKS: dict[str, str] = {
    "copy": "The translation is the source text itself, or nearly so.",
    "chatter": "The model talks about its task, repeats an example of its prompt, or stutters.",
    "language": "The translation is in another language than it was asked for.",
    "script": "The translation is in letters that its language is not written in.",
    "drug": "A drug of the source is missing, or another one stands in its place.",
    "numbers": "A number is missing, added, changed, or stands in another's place.",
    "units": "A number has another unit of measure than in the source.",
    "negation": "One text negates or excludes something and the other does not.",
    "untranslated": "Words of the source language are left in the translation.",
    "mixed_script": "A word is put together of letters of two scripts.",
    "length": "The translation is too short or too long for its source, or ends in mid-sentence.",
    "options": "The options are not as many as in the source, or two of them became one.",
    "terms": "A term of the question is another one in the options or in the rationale.",
    "back_translation": "A number is gone or new after translating back.",
    "similarity": "The two texts are not about the same matter.",
    "judge": "A language model that was asked found a grave error.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a translation, and what shows it."""

    check: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A text, its translation, both languages, and which field of an item it is."""

    source: str
    target: str
    source_language: Language
    target_language: Language
    field: Field = "text"

    @property
    def is_short(self) -> bool:
        """Tell whether the field holds names and values as often as sentences."""
        return self.field in ("option", "answer")
