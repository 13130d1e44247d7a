"""What decides each pair of similar records, as far as its differences are plain ones."""
# mypy: disable-error-code="arg-type, assignment, no-any-return, return-value"

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.dedup.plain_characters import judge_characters
from pipeline.dedup.plain_words import judge_words
from pipeline.dedup.special import special
from pipeline.text.letters import letters
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import LANGUAGES

if TYPE_CHECKING:
    from pipeline.dedup.records import Records

ALL_THE_SAME, LETTERS_ASKED, IN_DOUBT = -1, -2, -3  # of a pair
_WITH_CHARACTERS = np.array([one in CHARACTER_LANGUAGES for one in [*LANGUAGES, ""]], np.uint8)
# As in plain_words.py and align.py: numba's cache would not see that a constant elsewhere changes.
UNDECIDED, WORDING, NEGATION, SAME_LETTER, MISPRINT = 0, 1, 4, 6, 7
PAIR, PLACE, LEFT_START, LEFT_END, RIGHT_START, RIGHT_END = range(6)


def verdicts(
    records: Records, left: NDArray[np.int64], spans: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the verdict on each difference, and of each pair which of them tells it apart.

    In place of a difference ALL_THE_SAME, LETTERS_ASKED (the same but for the case of letters), or
    IN_DOUBT, where the guard is to be asked about what is UNDECIDED.
    """
    found = np.zeros(len(spans), np.uint8)
    languages = records.languages[left]
    codes, kinds = records.folded.codes, letters().kinds
    plain, keys, values, groups, replacements, texts = special()
    judge_words(
        codes, spans, languages, _WITH_CHARACTERS, kinds, plain, keys, values, groups, found
    )
    judge_characters(
        codes,
        spans,
        languages,
        _WITH_CHARACTERS,
        kinds,
        keys,
        values,
        groups,
        replacements,
        texts,
        found,
    )
    decisive = np.empty(len(left), np.int64)
    _decide(spans, found, decisive)
    return found, decisive


@njit(cache=True, nogil=True)
def _decide(
    spans: NDArray[np.int64], found: NDArray[np.uint8], decisive: NDArray[np.int64]
) -> None:
    decisive[:] = ALL_THE_SAME
    pair, swap = np.int64(-1), np.int64(-1)  # the last difference, of one character, a misprint
    is_over = is_in_doubt = False
    for span in range(len(spans)):
        row, verdict = spans[span], found[span]
        if row[PAIR] != pair:
            pair, swap = row[PAIR], np.int64(-1)
            is_over = is_in_doubt = False
        if is_over:
            continue
        if verdict == MISPRINT:
            is_swap = row[LEFT_END] - row[LEFT_START] == row[RIGHT_END] - row[RIGHT_START] == 1
            is_in_doubt |= is_swap and swap >= 0 and spans[swap, PLACE] == row[PLACE]
            swap = span if is_swap else np.int64(-1)
        is_in_doubt |= verdict == UNDECIDED
        if WORDING <= verdict <= NEGATION:
            is_over = True
            decisive[pair] = span
        elif verdict == SAME_LETTER:
            decisive[pair] = LETTERS_ASKED
        if is_in_doubt:
            decisive[pair] = IN_DOUBT
