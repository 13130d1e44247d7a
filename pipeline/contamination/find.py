"""Protected items in other texts: nearly the whole of one, and 64 characters in a row of one."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.contamination.containment import Index, Probes, best_contained, make_index
from pipeline.contamination.runs import RunIndex, Runs, index_runs, longest_runs
from pipeline.contamination.streams import plain_stream, plain_table, rough_stream
from pipeline.contamination.texts import Pieces, asked_pieces, least_letters, told_pieces
from pipeline.dedup.records import SHINGLE_SIZES, chunks
from pipeline.frames import EVIDENCE_CHARACTERS

CONTAINMENT = 0.8
ROWS_AT_ONCE = 1 << 14
MATCHES = pl.Schema(
    {
        "id": pl.String,
        "item": pl.String,
        "kind": pl.String,  # similar | run
        "value": pl.Float64,  # share of the item's shingles, or letters and digits of the run
        "evidence": pl.String,
    }
)


class Protected:
    """Items that no other row may hold, indexed."""

    def __init__(self, items: pl.DataFrame, containment: float = CONTAINMENT) -> None:
        """Take records; of several that a text holds, a benchmark item is told first."""
        items = items.sort("role", "id")
        self._ids = items["id"]
        num_grave = int((items["role"] == "benchmark").sum())
        pieces = asked_pieces(items)
        self._index: Index = make_index(_probes(pieces, num_grave), containment)
        self._runs: RunIndex = index_runs(*_letters(pieces), num_grave)

    def matches(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return, for each row, the best item that it asks and its longest run with one."""
        found = [self._matches(chunk) for chunk in chunks(rows, ROWS_AT_ONCE)]
        return pl.concat([pl.DataFrame(schema=MATCHES), *found])

    def _matches(self, rows: pl.DataFrame) -> pl.DataFrame:
        asked, told = asked_pieces(rows), told_pieces(rows)
        items, shares = best_contained(
            self._index, rough_stream(asked.folded), asked.firsts, asked.ends,
            SHINGLE_SIZES[asked.languages], asked.languages,
        )  # fmt: skip
        runs, is_told = self._best_runs(asked, told)
        texts = [_run_text(told if is_told[row] else asked, runs, row) for row in range(len(rows))]
        similar = self._frame(rows["id"], items, "similar", shares, [""] * len(rows))
        return similar.vstack(self._frame(rows["id"], runs.items, "run", runs.lengths, texts))

    def _best_runs(self, asked: Pieces, told: Pieces) -> tuple[Runs, NDArray[np.bool_]]:
        """Return the best run of each row, and whether it stands in what the row tells."""
        first, second = (longest_runs(self._runs, *_letters(text)) for text in (asked, told))
        is_told = self._rank(second) > self._rank(first)
        fields = (
            np.where(is_told, getattr(second, name), getattr(first, name))
            for name in ("items", "starts", "lengths")
        )
        return Runs(*fields), is_told

    def _rank(self, runs: Runs) -> NDArray[np.int64]:
        is_grave = (runs.items >= 0) & (runs.items < self._runs.num_grave)
        return runs.lengths + np.where(is_grave, np.iinfo(np.int32).max, 0)

    def _frame(
        self, ids: pl.Series, items: NDArray[np.int64], kind: str,
        values: NDArray[np.int64] | NDArray[np.float64], evidence: list[str],
    ) -> pl.DataFrame:  # fmt: skip
        is_found = pl.Series(items >= 0)
        found = {
            "id": ids.filter(is_found),
            "item": self._ids.gather(items[items >= 0]),
            "kind": pl.repeat(kind, int(is_found.sum()), eager=True),
            "value": pl.Series(values[items >= 0], dtype=pl.Float64),
            "evidence": pl.Series(evidence, dtype=pl.String).filter(is_found),
        }
        return pl.DataFrame(found, schema=MATCHES)


def _probes(pieces: Pieces, num_grave: int) -> Probes:
    """Return each item with its options, and its question alone where that identifies itself."""
    streams = rough_stream(pieces.folded)
    lengths, least = np.diff(streams.ends), least_letters(pieces.languages)
    numbers = np.arange(len(pieces.firsts))
    alone_pieces = pieces.firsts.copy()
    alone_pieces[pieces.with_context] = pieces.ends[-1:].sum() + np.arange(len(pieces.with_context))
    has_options = pieces.ends - pieces.firsts > 1
    has_more = has_options | np.isin(numbers, pieces.with_context)
    alone = np.flatnonzero(has_more & (lengths[alone_pieces] >= least))
    # Options tell a short question from others; without them it is a phrase that any text may hold.
    is_phrase = lengths[pieces.firsts] < least
    of_probe = np.concatenate([numbers, alone])
    languages = pieces.languages[of_probe]
    return Probes(
        streams,
        np.concatenate([pieces.firsts, alone_pieces[alone]]),
        np.concatenate([pieces.ends, alone_pieces[alone] + 1]),
        SHINGLE_SIZES[languages],
        languages,
        np.concatenate([is_phrase & ~has_options, np.zeros(len(alone), bool)]),
        np.concatenate([is_phrase & has_options, np.zeros(len(alone), bool)]),
        of_probe,
        num_grave,
    )


def _letters(pieces: Pieces) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Return the letters and digits of records, and where those of each begin and end."""
    stream = plain_stream(pieces.folded)
    return stream.codes, stream.ends[pieces.firsts], stream.ends[pieces.ends]


def _run_text(pieces: Pieces, runs: Runs, record: int) -> str:
    """Return a record's run with the spaces and signs that stand in it."""
    if runs.items[record] < 0:
        return ""
    start, length = int(runs.starts[record]), int(runs.lengths[record])
    text = pieces.text(record)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    places = np.flatnonzero(plain_table()[codes])[start : start + length]
    return text[places[0] : places[-1] + 1][:EVIDENCE_CHARACTERS]
