"""What the records of similar pairs say differently.

A difference is told by what it changes and where, such as "numbers of the question"; nothing is
told where a pair says the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.dedup import align, plain_words
from pipeline.dedup.guard import Judgement, judged, say_the_same
from pipeline.dedup.misprints import Misprint, Span
from pipeline.dedup.records import ROWS, Records, fold_rows
from pipeline.dedup.verdicts import IN_DOUBT, LETTERS_ASKED, verdicts
from pipeline.text.folded import Folded
from pipeline.text.scripts import CYRILLIC_AS_LATIN
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import LANGUAGES

_PLACES = {
    align.IN_QUESTION: "question",
    align.IN_OPTIONS: "options",
    align.IN_ANSWER: "answer",
}
_LANGUAGES = [*LANGUAGES, ""]
_JUDGEMENTS = {
    plain_words.WORDING: Judgement("wording"),
    plain_words.LETTER_NAME: Judgement("letter"),
    plain_words.NUMBERS: Judgement("numbers"),
    plain_words.NEGATION: Judgement("negation"),
    plain_words.SAME: Judgement(""),
    plain_words.SAME_LETTER: Judgement(""),
    plain_words.MISPRINT: Judgement("", Misprint.PROVEN),
}
SAME_WORD_CHARACTERS = 2  # between two misprints that are none
MAX_ALPHABETIC = 0x2FFF  # above are kana and Han
NEAR_CHARACTERS = 4  # looked at on both sides of a difference in zh and ja
# One capital as a word, but not at the start of a text or sentence, nor before an apostrophe.
_TYPE_LETTER = re.compile(r"(?<=[\w,;(/] |[\w ][(/-])[A-ZА-ЯЁ](?![\w'’])")


def _reasons() -> NDArray[Any]:
    """Return the reason of each verdict in each place."""
    reasons = np.full((len(_JUDGEMENTS) + 1, len(_PLACES)), "", object)
    for verdict, judgement in _JUDGEMENTS.items():
        for place in _PLACES:
            reasons[verdict, place] = _Difference(judgement, place, 0, 0, False, False).name
    return reasons


def told_apart(
    records: Records,
    row_of: Callable[[int], Mapping[str, Any]],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    vocabulary: NDArray[np.uint16],
) -> list[str]:
    """Return what makes the records of each pair say different things, or nothing.

    `row_of` returns what a record was folded from: the case of a letter is seen only there.
    """
    spans = align.differences(records, left, right, vocabulary)
    found, decisive = verdicts(records, left, spans)
    is_certain = decisive >= 0
    reasons = np.zeros(len(left), object)
    reasons[:] = ""
    certain = decisive[is_certain]
    reasons[is_certain] = _reasons()[found[certain], spans[certain, align.PLACE]]
    is_asked = decisive == LETTERS_ASKED
    doubtful = np.flatnonzero(decisive == IN_DOUBT)
    starts, ends = (np.searchsorted(spans[:, align.PAIR], doubtful + one) for one in (0, 1))
    for pair, start, end in zip(doubtful.tolist(), starts, ends, strict=True):
        language = _LANGUAGES[records.languages[left[pair]]]
        own = zip(spans[start:end].tolist(), found[start:end].tolist(), strict=True)
        reasons[pair], is_asked[pair] = _reason(
            _judged(records.folded, span, language, verdict) for span, verdict in own
        )
    for pair in np.flatnonzero(is_asked).tolist():
        reasons[pair] = _type_letters_differ(row_of(int(left[pair])), row_of(int(right[pair])))
    return list(reasons)


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


def _judged(texts: Folded, span: Sequence[int], language: str, verdict: int) -> _Difference:
    _, place, start, end, other_start, other_end, *counts = span[: align.LEFT_FIRST]
    if start == align.UNPAIRED:
        return _Difference(Judgement(_PLACES[place]), place, start, 0, False, False)
    is_swap = end - start == other_end - other_start == 1
    if verdict != plain_words.UNDECIDED:
        judgement = _JUDGEMENTS[verdict]
        return _Difference(
            judgement, place, start, end, is_swap, verdict == plain_words.SAME_LETTER
        )
    left, right = texts.between(start, end), texts.between(other_start, other_end)
    left_1, left_2, right_1, right_2 = counts
    judgement = judged(Span(left, right, (left_1, left_2), (right_1, right_2)), language)
    if judgement.meaning and _is_harmless(texts, span, language):
        judgement = Judgement("", Misprint.PROVEN)
    has_lone_letter = not judgement.meaning and (_has_lone_letter(left) or _has_lone_letter(right))
    return _Difference(judgement, place, start, end, is_swap, has_lone_letter)


def _reason(found: Iterable[_Difference]) -> tuple[str, bool]:
    """Return the difference that counts most among those of a pair, or nothing.

    The second value asks for a look at the single letters: their case is not in the folded text.
    """
    misprints = []
    is_letter_asked = False
    for one in found:
        if one.judgement.meaning and not one.judgement.misprint:
            return one.name, False
        if one.judgement.misprint:
            misprints.append(one)
        is_letter_asked |= one.has_lone_letter
    for one, other in pairwise(misprints):
        # Two characters changed side by side are another word: 高血压 and 低血糖.
        is_near = one.place == other.place and other.start - one.end <= SAME_WORD_CHARACTERS
        if is_near and one.is_swap and other.is_swap:
            return one._replace(judgement=Judgement("wording")).name, False
    doubtful = [one for one in misprints if one.judgement.meaning]
    is_doubtful = bool(doubtful) and len(doubtful) == len(misprints)
    return (doubtful[0].name, False) if is_doubtful else ("", is_letter_asked)


def _is_harmless(texts: Folded, span: Sequence[int], language: str) -> bool:
    """Tell whether the places around a difference show that both sides say the same."""
    start, end, other_start, other_end = span[align.LEFT_START : align.LEFT_START + 4]
    first, last, other_first, other_last = span[align.LEFT_FIRST :]
    if start == end and _is_repeated(texts, other_start, other_end, other_first, other_last):
        return True
    if other_start == other_end and _is_repeated(texts, start, end, first, last):
        return True
    if language not in CHARACTER_LANGUAGES:
        return False
    # ました and た, 哪一项 and 哪项 differ by a part of what can be looked up.
    return say_the_same(
        texts.between(max(start - NEAR_CHARACTERS, first), min(end + NEAR_CHARACTERS, last)),
        texts.between(
            max(other_start - NEAR_CHARACTERS, other_first),
            min(other_end + NEAR_CHARACTERS, other_last),
        ),
        language,
    )


def _is_repeated(texts: Folded, start: int, end: int, first: int, last: int) -> bool:
    """Tell whether a span is a word, or in zh and ja a character, that stands twice."""
    added = texts.between(start, end)
    if not added.isalpha():
        return False
    if len(added) == 1 and ord(added) > MAX_ALPHABETIC:
        near = texts.between(max(start - 1, first), start) + texts.between(end, min(end + 1, last))
        return added in near
    before = texts.between(max(start - len(added) - 1, first), start).split()
    after = texts.between(end, min(end + len(added) + 1, last)).split()
    return before[-1:] == [added] or after[:1] == [added]


def _has_lone_letter(text: str) -> bool:
    return any(
        len(word) == 1 and word.isalpha() and ord(word) <= MAX_ALPHABETIC for word in text.split()
    )


def _type_letters_differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Compare the single capitals inside sentences: the A of vitamin A, not the one of "A man".

    In lower case they are function words: French d and l, Russian в, к and с, English a.
    """
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
    [reason] = told_apart(
        fold_rows(rows), rows.to_dicts().__getitem__, np.array([0]), np.array([1]), vocabulary
    )
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
