"""Candidate pairs compared: how alike they are, and what they say differently.

`Comparison.difference` is empty where a pair says the same; else it names what differs and where,
such as "numbers of the question".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.dedup import align
from pipeline.dedup.guard import Span, meaning_of, say_the_same
from pipeline.dedup.records import ROWS, Records, fold_rows
from pipeline.text.marks import CYRILLIC_AS_LATIN
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import LANGUAGES

_PLACES = {
    align.IN_QUESTION: "question",
    align.IN_OPTIONS: "options",
    align.IN_ANSWER: "answer",
}
NEAR_CHARACTERS = 4  # looked at on both sides of a difference in zh and ja
# One capital as a word, but not at the start of a text or sentence, nor before an apostrophe.
_TYPE_LETTER = re.compile(r"(?<=[\w,;(/] |[\w ][(/-])[A-ZА-ЯЁ](?![\w'’])")


def told_apart(
    records: Records,
    rows: pl.DataFrame,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    vocabulary: NDArray[np.uint8],
) -> list[str]:
    """Return what makes the records of each pair say different things, or nothing.

    `rows` are those that `records` were folded from: the case of a letter is seen only there.
    """
    reasons = [""] * len(left)
    spans = align.differences(records, left, right, vocabulary)
    codes = records.folded.codes
    letters_asked: set[int] = set()
    for pair, place, *ends, left_count, right_count in spans.tolist():
        if reasons[pair]:
            continue
        if ends[0] == align.UNPAIRED:
            reasons[pair] = _PLACES[place]
            continue
        language = _language(records, int(left[pair]))
        first, second = _text(codes, ends[0], ends[1]), _text(codes, ends[2], ends[3])
        meaning = meaning_of(Span(first, second, left_count, right_count), language)
        if meaning and _is_repeated(records, ends, first, second):
            continue
        if meaning and language in CHARACTER_LANGUAGES:
            # ました and た, 哪一项 and 哪项 differ by a part of what can be looked up.
            wide = (_widened(records, *ends[:2]), _widened(records, *ends[2:]))
            meaning = "" if say_the_same(*wide, language) else meaning
        if meaning:
            reasons[pair] = (
                "options" if place == align.IN_OPTIONS else f"{meaning} of the {_PLACES[place]}"
            )
        elif _has_lone_letter(first) or _has_lone_letter(second):
            letters_asked.add(pair)
    for pair in sorted(letters_asked):
        if not reasons[pair]:
            reasons[pair] = _type_letters_differ(rows, int(left[pair]), int(right[pair]))
    return reasons


def _language(records: Records, number: int) -> str:
    language = int(records.languages[number])
    return LANGUAGES[language] if language < len(LANGUAGES) else ""


def _text(codes: NDArray[np.uint32], start: int, end: int) -> str:
    return codes[start:end].tobytes().decode("utf-32-le")


def _is_repeated(records: Records, ends: Sequence[int], left: str, right: str) -> bool:
    """Tell whether the difference is a word, or in zh and ja a character, that stands twice."""
    added = left or right
    if (left and right) or not added.isalpha():
        return False
    start, end = ends[:2] if left else ends[2:]
    before, after = _around(records, start, end, len(added) + 2)
    is_ideograph = len(added) == 1 and ord(added) > 0x3000
    if is_ideograph:
        return before[-1:] == added or after[:1] == added
    return before.split()[-1:] == [added] or after.split()[:1] == [added]


def _widened(records: Records, start: int, end: int) -> str:
    before, after = _around(records, start, end, NEAR_CHARACTERS)
    return before + _text(records.folded.codes, start, end) + after


def _around(records: Records, start: int, end: int, characters: int) -> tuple[str, str]:
    """Return so many characters of the same piece before a span and after it."""
    codes, ends = records.folded.codes, records.folded.ends
    piece = int(np.searchsorted(ends, start, side="right")) - (start == end == ends[-1])
    before = _text(codes, max(start - characters, int(ends[piece - 1])), start)
    after = _text(codes, end, min(end + characters, int(ends[piece])))
    return before, after


def _has_lone_letter(text: str) -> bool:
    return any(len(word) == 1 and word.isalpha() and ord(word) < 0x500 for word in text.split())


def _type_letters_differ(rows: pl.DataFrame, left: int, right: int) -> str:
    """Compare the single capitals inside sentences: the A of vitamin A, not the one of "A man".

    In lower case they are function words: French d and l, Russian в, к and с, English a.
    """
    one, other = rows.row(left, named=True), rows.row(right, named=True)
    for place, name in (("question", "letter of the question"), ("options", "options"),
                        ("answers", "letter of the answer")):  # fmt: skip
        if type_letters(one[place]) != type_letters(other[place]):
            return name
    return ""


def type_letters(texts: str | Sequence[str]) -> list[str]:
    """Return the single capitals inside the sentences of these texts; look-alikes are one."""
    whole = texts if isinstance(texts, str) else "\n".join(texts)
    # Russian texts hold either script's letter: "гепатит B" is "гепатит В".
    return sorted(match[0].translate(CYRILLIC_AS_LATIN) for match in _TYPE_LETTER.finditer(whole))


def difference(left: Mapping[str, Any], right: Mapping[str, Any]) -> str:
    """Return what makes two records of a build say different things, by themselves, or nothing.

    Without other texts there is no telling which of two words is a misprint, so both count.
    """
    rows = pl.DataFrame([_row(left), _row(right)], schema=ROWS)
    vocabulary = np.zeros(1 << align.VOCABULARY_BITS, np.uint8)
    [reason] = told_apart(fold_rows(rows), rows, np.array([0]), np.array([1]), vocabulary)
    return reason


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    context = record["context"]
    answers = [record["answer"]]
    if record["task"] == "mcq":
        answers = [record["options"][index] for index in record["answer_indices"]]
    question = f"{context}\n{record['question']}" if context else record["question"]
    return {
        "id": "",
        "language": record["language"],
        "question": question,
        "options": record["options"],
        "answers": answers,
        "context": context,
    }
