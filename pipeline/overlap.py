"""Finding benchmark questions in other texts: inside a longer one, or nearly repeated.

Shared by the stage that drops such rows and by the check of a finished release.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pipeline.keys import letters_of, question_key, record_shingles
from pipeline.text.normalize import comparison_key
from pipeline.text.units import CHARACTER_LANGUAGES

Row = dict[str, Any]

# The shortest benchmark question, less spaces and punctuation, that is looked for inside others:
# shorter ones are phrases that any text may hold.
CONTAINED_LETTERS, CONTAINED_CHARACTERS = 120, 60
_ANCHOR = 20  # letters by which a place where a question may begin is found


def question_letters(row: Row) -> str:
    """Return the letters and digits of a record's question with its context."""
    return letters_of(question_key(row))


def question_shingles(row: Row) -> set[str]:
    """Return the shingles of a question with its options; an open answer does not count."""
    return record_shingles(row if row["task"] == "mcq" else {**row, "answer": ""})


class Questions:
    """Long questions that are looked for inside other texts."""

    def __init__(self, items: Iterable[tuple[str, str, str]]) -> None:
        """Take questions as (name, language, comparison key); short ones are left out."""
        self._anchors: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for name, language, key in items:
            letters = letters_of(key)
            is_character = language in CHARACTER_LANGUAGES
            if len(letters) >= (CONTAINED_CHARACTERS if is_character else CONTAINED_LETTERS):
                self._anchors[letters[:_ANCHOR]].append((letters, name))

    def inside(self, letters: str) -> str | None:
        """Return the name of the first question that stands inside these letters."""
        for start in range(len(letters) - _ANCHOR + 1):
            for question, name in self._anchors.get(letters[start : start + _ANCHOR], ()):
                if letters.startswith(question, start):
                    return name
        return None


def contained(rows: Sequence[Row], items: Sequence[Row]) -> Iterator[tuple[int, str]]:
    """Yield the place of each row that holds an item's question, with the item's source."""
    questions = Questions(
        (item["source"], item["language"], comparison_key(item["question"], item["language"]))
        for item in items
    )
    for place, row in enumerate(rows):
        if (source := questions.inside(question_letters(row))) is not None:
            yield place, source
