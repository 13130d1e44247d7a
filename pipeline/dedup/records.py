"""Rows as folded records: the one form in which near-duplicates are looked for.

A row is `id`, `language`, `question`, `options` and `answers` (lists of texts) and `context`; what
`of_items` makes of the records that flow through a build, and `pipeline/tables/dedup.py` of any
table. Chunks of rows are folded at a time, so that the work stays in the processor's cache.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.text.folded import (
    OTHER_LANGUAGE,
    Folded,
    fold_columns,
    language_code,
    language_number,
)
from pipeline.text.minhash import BANDS, NUM_KEYS, PERMUTATIONS, permutations, sign_records
from pipeline.text.shingles import shingle_size
from schemas.item import LANGUAGES

CHUNK_ROWS = 8192
_TEXTS = pl.List(pl.String())
ROWS = pl.Schema(
    {
        "id": pl.String(),
        "language": pl.String(),
        "question": pl.String(),
        "options": _TEXTS,
        "answers": _TEXTS,
        "context": pl.String(),
    }
)
SHINGLE_SIZES = np.array([shingle_size(one) for one in [*LANGUAGES, ""]], np.uint8)


@dataclass(frozen=True, slots=True)
class Records:
    """Folded records; with n of them, pieces 0 to n - 1 are the questions, the next n the contexts.

    The options of record r are the pieces from `options[r]` to `options[r + 1]`, its answers those
    from `answers[r]` on.
    """

    folded: Folded
    options: NDArray[np.int64]
    answers: NDArray[np.int64]
    languages: NDArray[np.uint8]
    seeds: NDArray[np.uint64]  # of hashes, different for each language, known or not

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.languages)

    @property
    def sizes(self) -> NDArray[np.uint8]:
        """Return the n of the n-grams of each record."""
        return SHINGLE_SIZES[self.languages]


def of_items(items: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a build's records: what was said before counts as part of the question."""
    said = pl.col("history").list.eval(pl.element().struct.field("content")).list.join("\n")
    before = pl.concat_str(said, "context", separator="\n").str.strip_chars("\n")
    asked = pl.when(before == "").then("question").otherwise(before + "\n" + pl.col("question"))
    # Not the lines of `answer`: an option may have two lines itself.
    keyed = pl.col("options").list.gather(pl.col("answer_indices").cast(pl.List(pl.UInt32)))
    answers = pl.when(pl.col("task") == "mcq").then(keyed).otherwise(pl.concat_list("answer"))
    return items.select(
        "id", "language", asked.alias("question"), "options", answers=answers, context=before
    )


def chunks(rows: pl.DataFrame, size: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
    """Yield slices of a frame."""
    for start in range(0, len(rows), size):
        yield rows.slice(start, size)


def fold_rows(rows: pl.DataFrame) -> Records:
    """Return the folded records of these rows."""
    languages, seeds = _languages(rows["language"])
    options, num_options = _flat(rows["options"])
    answers, num_answers = _flat(rows["answers"])
    folded = fold_columns(
        [
            (rows["question"], languages),
            (rows["context"], languages),
            (options, np.repeat(languages, num_options)),
            (answers, np.repeat(languages, num_answers)),
        ]
    )
    first_option = 2 * len(rows)
    return Records(
        folded,
        _places(first_option, num_options),
        _places(first_option + len(options), num_answers),
        languages,
        seeds,
    )


def _flat(lists: pl.Series) -> tuple[pl.Series, NDArray[np.int64]]:
    """Return the texts of a column of lists, and how many each row has."""
    counts = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
    return lists.filter(pl.Series(counts > 0)).explode(), counts


def _places(start: int, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[start], start + np.cumsum(counts)]).astype(np.int64)


def language_numbers(languages: pl.Series) -> NDArray[np.uint8]:
    """Return the place of each language in `LANGUAGES`, or that of all others."""
    return _languages(languages)[0]


def _languages(languages: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """Return the number of each language, and a seed for each: those of one of the six are one."""
    languages = languages.fill_null("")
    names = languages.unique()
    numbers = np.array([language_number(name) for name in names], np.uint8)
    seeds = [
        number + 1 if number != OTHER_LANGUAGE else zlib.crc32(language_code(name).encode()) << 8
        for name, number in zip(names, numbers.tolist(), strict=True)
    ]
    if not len(names):
        return numbers, np.empty(0, np.uint64)
    found = languages.cast(pl.Enum(names)).to_physical().to_numpy()
    return numbers[found], np.array(seeds, np.uint64)[found]


class Signed(NamedTuple):
    """What is kept of the signatures of folded records, and their keys."""

    bands: NDArray[np.uint64]  # [records, BANDS]
    sketches: NDArray[np.uint8]  # [records, PERMUTATIONS]
    keys: NDArray[np.uint64]  # [records, 2 * NUM_KEYS]


def sign(records: Records, with_answers: bool = True) -> Signed:
    """Return bands, sketches and keys of folded records."""
    bands = np.empty((len(records), BANDS), np.uint64)
    sketches = np.empty((len(records), PERMUTATIONS), np.uint8)
    keys = np.empty((len(records), 2 * NUM_KEYS), np.uint64)
    factors, offsets = permutations()
    sign_records(
        records.folded.codes,
        records.folded.ends,
        records.options,
        records.answers,
        records.sizes,
        records.seeds,
        with_answers,
        factors,
        offsets,
        bands,
        sketches,
        keys,
    )
    return Signed(bands, sketches, keys)
