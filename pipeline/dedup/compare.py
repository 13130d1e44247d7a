"""Candidate pairs compared: how alike they are, and what they say differently.

`Comparison.difference` is empty where a pair says the same; else it names what differs and where,
such as "numbers of the question".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.dedup import align
from pipeline.dedup.guard import Judgement, judged, say_the_same
from pipeline.dedup.misprints import Misprint, Span
from pipeline.dedup.records import ROWS, Records, fold_rows
from pipeline.text.marks import CYRILLIC_AS_LATIN
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import LANGUAGES

_PLACES = {
    align.IN_QUESTION: "question",
    align.IN_OPTIONS: "options",
    align.IN_ANSWER: "answer",
}
# A copy that is full of proven misprints has some more that nothing proves.
PROVEN_MISPRINTS = 2
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
    doubts: dict[int, str] = {}  # of a pair, its first difference that may be a misprint
    num_proven: Counter[int] = Counter()
    letters_asked: set[int] = set()
    for pair, place, *ends, left_1, left_2, right_1, right_2 in align.differences(
        records, left, right, vocabulary
    ).tolist():
        if reasons[pair]:
            continue
        if ends[0] == align.UNPAIRED:
            reasons[pair] = _PLACES[place]
            continue
        language = _language(records, int(left[pair]))
        texts = _text(records, *ends[:2]), _text(records, *ends[2:])
        judgement = judged(Span(*texts, (left_1, left_2), (right_1, right_2)), language)
        if judgement.meaning and _is_harmless(records, ends, *texts, language):
            judgement = Judgement("", Misprint.PROVEN)
        named = f"{judgement.meaning} of the {_PLACES[place]}"
        named = "options" if place == align.IN_OPTIONS else named
        if judgement.misprint is Misprint.POSSIBLE:
            doubts.setdefault(pair, named)
        elif judgement.meaning:
            reasons[pair] = named
        elif any(map(_has_lone_letter, texts)):
            letters_asked.add(pair)
        num_proven[pair] += judgement.misprint is Misprint.PROVEN
    for pair, named in doubts.items():
        if num_proven[pair] < PROVEN_MISPRINTS:
            reasons[pair] = reasons[pair] or named
    for pair in sorted(letters_asked):
        if not reasons[pair]:
            reasons[pair] = _type_letters_differ(rows, int(left[pair]), int(right[pair]))
    return reasons


def _is_harmless(
    records: Records, ends: Sequence[int], left: str, right: str, language: str
) -> bool:
    """Tell whether the places around a difference show that both sides say the same."""
    if _is_repeated(records, ends, left, right):
        return True
    if language not in CHARACTER_LANGUAGES:
        return False
    # ました and た, 哪一项 and 哪项 differ by a part of what can be looked up.
    wide = (_widened(records, *ends[:2]), _widened(records, *ends[2:]))
    return say_the_same(*wide, language)


def _language(records: Records, number: int) -> str:
    language = int(records.languages[number])
    return LANGUAGES[language] if language < len(LANGUAGES) else ""


def _text(records: Records, start: int, end: int) -> str:
    return records.folded.codes[start:end].tobytes().decode("utf-32-le")


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
    return before + _text(records, start, end) + after


def _around(records: Records, start: int, end: int, characters: int) -> tuple[str, str]:
    """Return so many characters of the same piece before a span and after it."""
    ends = records.folded.ends
    piece = int(np.searchsorted(ends, start, side="right")) - (start == end == ends[-1])
    before = _text(records, max(start - characters, int(ends[piece - 1])), start)
    after = _text(records, end, min(end + characters, int(ends[piece])))
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
