"""What of a record is compared: its question alone, what it asks with options, all that it says.

Rows are records of a build, or published ones in their shape (`pipeline/release/check_questions`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.contamination.streams import hash_texts, plain_stream
from pipeline.dedup.records import language_numbers, of_items
from pipeline.keys import text_digest
from pipeline.text.folded import Folded, fold_columns
from pipeline.text.units import CHARACTER_LANGUAGES
from schemas.item import LANGUAGES

# A question of so many letters and digits identifies itself; a shorter one may be a stem ("Which of
# these is correct?") and is known by its options. Of multiple-choice questions of the real files
# that repeat a protected one word for word, all 60 longer ones share an option with it; of 177
# shorter ones, 43 share none.
QUESTION_LETTERS, QUESTION_CHARACTERS = 120, 60
Places = NDArray[np.int64]
Numbers = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Folded texts of records; the first of record r is `firsts[r]`, the others end at `ends[r]`.

    The first piece is the question with what was said before, the others are the options. Further
    texts, after all of these, are the questions of the records `with_context`, alone.
    """

    folded: Folded
    firsts: Places
    ends: Places
    with_context: Places
    languages: Numbers

    def text(self, record: int) -> str:
        """Return the pieces of a record, parted by spaces."""
        pieces = range(self.firsts[record], self.ends[record])
        return " ".join(self.folded.text(piece) for piece in pieces)


def asked_pieces(rows: pl.DataFrame) -> Pieces:
    """Return the folded questions and options of records."""
    asked = of_items(rows)
    languages = language_numbers(rows["language"])
    lists = asked.select(pieces=pl.concat_list(pl.concat_list("question"), "options"))["pieces"]
    counts = lists.list.len().to_numpy().astype(np.int64)
    has_context = (asked["context"] != "").arg_true()
    with_context = has_context.to_numpy().astype(np.int64)
    folded = fold_columns(
        [
            (lists.explode(), np.repeat(languages, counts)),
            (rows["question"].gather(has_context), languages[with_context]),
        ]
    )
    ends = np.cumsum(counts)
    return Pieces(folded, ends - counts, ends, with_context, languages)


def told_pieces(rows: pl.DataFrame) -> Pieces:
    """Return the folded answer and rationale of records, as one piece each."""
    # The answer of a multiple-choice record is one of its options.
    answer = pl.when(pl.col("task") == "mcq").then(pl.lit("")).otherwise("answer")
    texts = rows.select(text=pl.concat_str(answer, "rationale", separator="\n"))["text"]
    languages = language_numbers(rows["language"])
    numbers = np.arange(len(rows))
    none = np.empty(0, np.int64)
    return Pieces(fold_columns([(texts, languages)]), numbers, numbers + 1, none, languages)


def question_keys(rows: pl.DataFrame) -> pl.DataFrame:
    """Return, per record, `question_key` (letters and digits of the question alone, language).

    `option_keys` are there where the question is so short that it may be a stem.
    """
    languages = language_numbers(rows["language"])
    folded = fold_columns([(rows["question"], languages)])
    letters = plain_stream(folded)
    keys = pl.Series("question_key", hash_texts(letters.codes, letters.ends, languages))
    is_stem = np.diff(letters.ends) < least_letters(languages)
    counts = rows["options"].list.len().to_numpy() * is_stem.astype(np.int64)
    texts = rows["options"].filter(pl.Series(counts > 0)).explode()
    of_option = np.repeat(languages, counts)
    folded = fold_columns([(texts, of_option)])
    hashes = hash_texts(folded.codes, folded.ends, of_option)
    return pl.DataFrame([keys, _lists(hashes, counts)])


def same_questions(rows: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Return rows joined with the items of the same question; a stem's options must meet too."""
    pairs = rows.join(items, on="question_key", suffix="_item")
    ours, theirs = pl.col("option_keys"), pl.col("option_keys_item")
    is_same = (ours.list.len() == 0) | (theirs.list.len() == 0)
    return pairs.filter(is_same | (ours.list.set_intersection(theirs).list.len() > 0))


def item_digests(items: pl.DataFrame) -> list[list[str]]:
    """Return, per protected item, the digests by which it is known where its text is not at hand.

    A row asks an item's question where one of its `row_digests` is among these.
    """
    keys = question_keys(items).iter_rows()
    return [
        [_digest(key, "any"), *(_digest(key, one) for one in options or ("none",))]
        for key, options in keys
    ]


def row_digests(rows: pl.DataFrame) -> list[list[str]]:
    """Return, per row, the digests of which none may be among those of an item."""
    keys = question_keys(rows).iter_rows()
    return [
        [_digest(key, one) for one in (*options, "none")] if options else [_digest(key, "any")]
        for key, options in keys
    ]


def _digest(key: int, option: int | str) -> str:
    return text_digest(str(key), str(option))


def least_letters(languages: Numbers) -> Places:
    """Return how many letters and digits a question has at least that identifies itself."""
    numbers = [LANGUAGES.index(one) for one in LANGUAGES if one in CHARACTER_LANGUAGES]
    return np.where(np.isin(languages, numbers), QUESTION_CHARACTERS, QUESTION_LETTERS)


def _lists(values: NDArray[np.uint64], counts: Places) -> pl.Series:
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return pl.Series("option_keys", pa.LargeListArray.from_arrays(offsets, pa.array(values)))
