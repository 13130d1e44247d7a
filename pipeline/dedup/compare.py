"""Candidate pairs compared: how alike they are, and what they say differently.

`Comparison.difference` is empty where a pair says the same; else it names what differs and where,
such as "numbers of the question".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

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
SAME_WORD_CHARACTERS = 2  # between two misprints that are none
NEAR_CHARACTERS = 4  # looked at on both sides of a difference in zh and ja
# One capital as a word, but not at the start of a text or sentence, nor before an apostrophe.
_TYPE_LETTER = re.compile(r"(?<=[\w,;(/] |[\w ][(/-])[A-ZА-ЯЁ](?![\w'’])")


def told_apart(
    records: Records,
    rows: pl.DataFrame,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    vocabulary: NDArray[np.uint16],
) -> list[str]:
    """Return what makes the records of each pair say different things, or nothing.

    `rows` are those that `records` were folded from: the case of a letter is seen only there.
    """
    spans = align.differences(records, left, right, vocabulary).tolist()
    found = {
        number: [_judged(records, span, int(left[number])) for span in own]
        for number, own in groupby(spans, key=itemgetter(align.PAIR))
    }
    return [
        _reason(found[number], rows, int(one), int(other)) if number in found else ""
        for number, (one, other) in enumerate(zip(left, right, strict=True))
    ]


class _Difference(NamedTuple):
    """A judged difference and where it is."""

    judgement: Judgement
    place: int
    start: int
    end: int
    is_swap: bool  # of one character for another
    has_lone_letter: bool

    @property
    def name(self) -> str:
        """Return what differs and where, as users read it."""
        place = _PLACES[self.place]
        whole = self.place == align.IN_OPTIONS or self.start == align.UNPAIRED
        return place if whole else f"{self.judgement.meaning} of the {place}"


def _judged(records: Records, span: Sequence[int], number: int) -> _Difference:
    _, place, *ends, left_1, left_2, right_1, right_2 = span
    if ends[0] == align.UNPAIRED:
        return _Difference(Judgement(_PLACES[place]), place, align.UNPAIRED, 0, False, False)
    language = _language(records, number)
    texts = _text(records, *ends[:2]), _text(records, *ends[2:])
    judgement = judged(Span(*texts, (left_1, left_2), (right_1, right_2)), language)
    if judgement.meaning and _is_harmless(records, ends, *texts, language):
        judgement = Judgement("", Misprint.PROVEN)
    is_swap = len(texts[0]) == len(texts[1]) == 1
    has_lone_letter = not judgement.meaning and any(map(_has_lone_letter, texts))
    return _Difference(judgement, place, ends[0], ends[1], is_swap, has_lone_letter)


def _reason(found: Sequence[_Difference], rows: pl.DataFrame, left: int, right: int) -> str:
    """Return the difference that counts most among those of a pair, or nothing."""
    meant = [one for one in found if one.judgement.meaning and not one.judgement.misprint]
    if meant:
        return meant[0].name
    misprints = [one for one in found if one.judgement.misprint]
    for one, other in pairwise(misprints):
        # Two characters changed side by side are another word: 高血压 and 低血糖.
        is_near = one.place == other.place and other.start - one.end <= SAME_WORD_CHARACTERS
        if is_near and one.is_swap and other.is_swap:
            return one._replace(judgement=Judgement("wording")).name
    doubtful = [one for one in misprints if one.judgement.meaning]
    if doubtful and len(doubtful) == len(misprints):
        return doubtful[0].name
    is_asked = any(one.has_lone_letter for one in found)
    return _type_letters_differ(rows, left, right) if is_asked else ""


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
    vocabulary = np.zeros(1 << align.VOCABULARY_BITS, np.uint16)
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
