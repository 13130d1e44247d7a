"""The compiled verdicts on plain differences, held against the guard's."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from pipeline.dedup import align, plain_words
from pipeline.dedup.compare import _judged
from pipeline.dedup.lexicon import lexicon
from pipeline.dedup.records import ROWS, Records, fold_rows
from pipeline.dedup.tokens import count_tokens
from pipeline.dedup.verdicts import verdicts
from pipeline.text.lexicon import lexicon as text_lexicon
from schemas.item import LANGUAGES
from tests.pipeline.stages.cases import CASES

NAMES = {
    plain_words.WORDING: "wording",
    plain_words.LETTER_NAME: "letter",
    plain_words.NUMBERS: "numbers",
    plain_words.NEGATION: "negation",
    plain_words.SAME: "",
    plain_words.SAME_LETTER: "",
    plain_words.MISPRINT: "",
}
NUM_PAIRS = 1500


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_verdict_is_what_the_guard_says(language: str) -> None:
    random.seed(language)
    words = _words(language)
    texts = [_text(words, language) for _ in range(NUM_PAIRS)]
    records = _records([*texts, *(_edited(text, words, language) for text in texts)], language)
    spans, found = _found(records)
    decided = [
        (span, verdict)
        for span, verdict in zip(spans.tolist(), found.tolist(), strict=True)
        if verdict != plain_words.UNDECIDED
    ]
    assert len(decided) > NUM_PAIRS / 3
    assert {verdict for _, verdict in decided} >= {
        plain_words.WORDING,
        plain_words.NUMBERS,
        plain_words.NEGATION,
        plain_words.SAME,
        plain_words.MISPRINT,
    }
    for span, verdict in decided:
        asked = _judged(records.folded, span, language, plain_words.UNDECIDED)
        sides = records.folded.between(*span[2:4]), records.folded.between(*span[4:6])
        assert asked.judgement.meaning == NAMES[verdict], sides
        assert bool(asked.judgement.misprint) == (verdict == plain_words.MISPRINT), sides
        assert asked.has_lone_letter == (verdict == plain_words.SAME_LETTER), sides


def _found(records: Records) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    left = np.arange(NUM_PAIRS)
    vocabulary = np.zeros(1 << align.VOCABULARY_BITS, np.uint16)
    count_tokens(records, vocabulary)
    spans = align.differences(records, left, left + NUM_PAIRS, vocabulary)
    return spans, verdicts(records, left, spans)[0]


def _records(texts: list[str], language: str) -> Records:
    nothing: list[str] = []
    rows = [(str(n), language, text, nothing, nothing, "") for n, text in enumerate(texts)]
    return fold_rows(pl.DataFrame(rows, schema=ROWS, orient="row"))


def _words(language: str) -> list[str]:
    """Return words of every list that the guard has, and of the cases."""
    known = lexicon(language)
    cues = [one for found in text_lexicon("negation")[language].values() for one in found]
    units = [one.partition("@")[0] for found in text_lexicon("measures").values() for one in found]
    listed = [
        [*sorted(known.function_words)] * 4,
        sorted(known.contrasting),
        sorted(known.equivalents),
        sorted(word for pair in known.lookalikes for word in pair),
        [*known.prefixes, *known.suffixes],
        [cue.strip("*") for cue in cues],
        [unit.strip("*") for unit in units],
        ["5", "50", "5.0", "0.5", "12", "A", "B", "x", "III"] * 4,
        CASES[language].question.split() * 8,
    ]
    return [random.choice(one) for one in listed for _ in range(60)]


def _text(words: list[str], language: str) -> str:
    joint = "" if language in ("zh", "ja") else " "
    return joint.join(random.choice(words) for _ in range(random.randint(4, 9)))


def _edited(text: str, words: list[str], language: str) -> str:
    """Return a text with one place changed: a word put in or taken out, or letters mistyped."""
    parts = list(text) if language in ("zh", "ja") else text.split()
    place = random.randrange(len(parts))
    change = random.randrange(4)
    if change == 0:
        parts[place] = random.choice(words)
    elif change == 1:
        parts.insert(place, random.choice([parts[place], *random.choices(words, k=3)]))
    elif change == 2:
        del parts[place]
    else:
        letters = list(parts[place])
        at = random.randrange(len(letters))
        letters[at : at + 2] = random.choice([letters[at : at + 2][::-1], letters[at : at + 1] * 2])
        parts[place] = "".join(letters)
    return ("" if language in ("zh", "ja") else " ").join(parts)
