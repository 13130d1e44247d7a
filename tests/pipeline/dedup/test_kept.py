"""Folded records that are kept say what folding them again would."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.clusters import stars
from pipeline.dedup.kept import Chunk, KeptRecords
from pipeline.dedup.records import ROWS, Records, fold_rows
from schemas.item import LANGUAGES

TEXTS = st.text("aé.5 мЯ药ガ𠮷", max_size=9)  # the last one takes more than 16 bits
ROW = st.tuples(
    st.just("1"),
    st.sampled_from([*LANGUAGES, "de"]),
    TEXTS,
    st.lists(TEXTS, max_size=4),
    st.lists(TEXTS, max_size=2),
    TEXTS,
)


def said(records: Records) -> list[tuple[list[str], int, int]]:
    """Return the question, context, options and answers of each record, language and seed."""
    count = len(records)
    return [
        (
            [
                records.folded.text(piece)
                for piece in (
                    number,
                    count + number,
                    *range(records.options[number], records.options[number + 1]),
                    *range(records.answers[number], records.answers[number + 1]),
                )
            ],
            int(records.languages[number]),
            int(records.seeds[number]),
        )
        for number in range(count)
    ]


@settings(deadline=None)
@given(st.lists(ROW, max_size=12), st.data())
def test_a_selection_is_what_folding_those_rows_gives(
    rows: list[object], data: st.DataObject
) -> None:
    table = pl.DataFrame(rows, schema=ROWS, orient="row")
    size = data.draw(st.integers(1, 5))
    chunks = (Chunk.of(fold_rows(part)) for part in table.iter_slices(size))
    numbers = data.draw(st.sets(st.integers(0, len(rows) - 1)) if rows else st.just(set()))
    wanted = np.array(sorted(numbers), np.int64)
    assert said(KeptRecords(chunks).select(wanted)) == said(fold_rows(table[wanted]))


@given(
    st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1]))
)
def test_a_star_drops_only_what_resembles_its_kept_centre(pairs: set[tuple[int, int]]) -> None:
    kept_instead = dict(stars(pairs))
    assert kept_instead == dict(stars(sorted(pairs, reverse=True)))
    for dropped, kept in kept_instead.items():
        assert (kept, dropped) in pairs
        assert kept not in kept_instead
    assert all(one in kept_instead or other in kept_instead for one, other in pairs)
