"""`mmed translate`: any Parquet table into another language, streamed, and never paid for twice.

A table stays on this machine unless the command says otherwise, as in a recipe. Rows go to the
model in the order of the digests of their ids, so that a small budget is a fair sample. The two
tables are written when every answer is there, in the order of the input and from the cache alone:
repeated, they come out the same and nothing is sent.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.progress import Progress

from pipeline.errors import InputError
from pipeline.keys import text_digest
from pipeline.llm.budget import usd_text
from pipeline.llm.endpoint import BASE_URL, leads_to_loopback
from pipeline.llm.gather import run_program
from pipeline.llm.program import ProgramSettings
from pipeline.llm.request import Ask
from pipeline.llm.session import CallOptions, Session
from pipeline.recipe import Llm
from pipeline.stages.translate import reason_of
from pipeline.tables.reading import (
    Kind,
    Table,
    open_table,
    progress_shown,
    refuse_same_file,
    writing,
)
from pipeline.tables.translatable import FIELDS, Record, record, refusal
from pipeline.tables.translated import ID, LANGUAGE, Outcome, Tables
from pipeline.translation.program import Translated, translate
from schemas.item import Language

TRANSLATED, QUARANTINED = "translated.parquet", "quarantined.parquet"
Egress = Literal["local", "any"]
HELD_BYTES = 64 * 2**20  # of rows that wait for their turn
_NEEDED = {ID: Kind.ID, LANGUAGE: Kind.TEXT, "question": Kind.TEXT}
_OPTIONAL = {
    "context": Kind.TEXT,
    "options": Kind.TEXTS,
    "answer": Kind.TEXT_OR_TEXTS,
    "rationale": Kind.TEXT,
    "egress": Kind.TEXT,
}


@dataclass(slots=True)
class _Counts:
    translated: int = 0
    rationales_left: int = 0  # they name options by letters
    quarantined: Counter[str] = field(default_factory=Counter)  # by the gravest reason

    def add(self, outcomes: Iterable[Outcome]) -> None:
        for one in outcomes:
            if one.is_translated:
                self.translated += 1
                has_rationale = bool(one.given.get("rationale"))
                self.rationales_left += has_rationale and not (one.made or {})["rationale"]
            else:
                self.quarantined[one.reasons[0][0]] += 1


def translate_table(
    source: Path, folder: Path, to: str, llm: Llm, options: CallOptions, egress: Egress
) -> tuple[dict[str, Any], str]:
    """Write `translated.parquet` and `quarantined.parquet`; return a summary, and it as text.

    Every row of the input is in one of them. A translation has all columns of the input under the
    same `id`; those that are no fields of a question are copied as they are. `egress` is of rows
    that do not state their own; `InputError` where `local` meets an endpoint elsewhere.
    """
    for name in (TRANSLATED, QUARANTINED):
        refuse_same_file(source, folder / name)
    if egress == "local":
        _refuse_elsewhere()
    table, session = _open(source), Session(llm, options, folder)
    work = _Work(table, cast(Language, to), llm, session, egress)
    work.get_answers()
    counts = work.write(folder)
    value = {
        "rows": table.num_rows,
        "translated": counts.translated,
        "quarantined": dict(sorted(counts.quarantined.items(), key=lambda one: (-one[1], one[0]))),
        "rationales_left_behind": counts.rationales_left,
        "columns_copied": work.tables.columns_copied,
        "not_utf8": table.num_not_utf8,
        "spent_usd": session.spent_usd(),
        "output": str(folder),
    }
    return value, _as_text(value)


def _refuse_elsewhere() -> None:
    url = os.environ.get(BASE_URL, "")
    if url and not leads_to_loopback(url):
        raise InputError(
            f"{BASE_URL} leads to {urlsplit(url).hostname}, and a table stays on this machine "
            "unless you say otherwise. Pass `--egress any` if its texts may be sent there."
        )


def _open(source: Path) -> Table:
    open_table(source, _NEEDED)
    schema = pq.read_schema(source)
    # A whole number is the place of the key, and a place is not translated.
    is_place = "answer" in schema.names and pa.types.is_integer(schema.field("answer").type)
    is_read = (name for name in _OPTIONAL if name != "answer" or not is_place)
    return open_table(source, _NEEDED, {name: _OPTIONAL[name] for name in is_read})


class _Work:
    """A table on its way into one language.

    A job is the number of a row, so that the jobs which are left when work stops weigh nothing; a
    program is made of the row that was read last, right after its number was given out.
    """

    def __init__(
        self, table: Table, to: Language, llm: Llm, session: Session, egress: Egress
    ) -> None:
        fields = [name for name in FIELDS if name in table.columns]
        self.tables = Tables(pq.read_schema(table.path), fields, to, llm.model)
        self._table = table
        self._session = session
        self._to = to
        self._egress = egress
        self._settings = ProgramSettings(model=llm.model, temperature=llm.temperature)
        # Without an address nothing leaves: what is answered is there, the rest cannot be asked.
        self._is_loopback = leads_to_loopback(None) or BASE_URL not in os.environ
        self._last_read: Record | None = None

    def get_answers(self) -> None:
        """See to it that the cache holds every answer."""
        unanswered = self._session.unanswered(self._jobs(self._order()), self._program)
        missing = np.fromiter(unanswered, np.int64)
        if len(missing):
            self._session.get_answers(
                "translate", lambda: self._jobs(missing), len(missing), self._program
            )

    def _program(self, number: int, ask: Ask) -> Coroutine[Any, Any, Translated]:
        one = self._last_read
        assert one is not None
        assert one.number == number
        return self._translate(one, ask)

    def _translate(self, one: Record, ask: Ask) -> Coroutine[Any, Any, Translated]:
        return translate(one.row, self._to, self._settings, ask)

    def _record(self, number: int, row: Mapping[str, Any]) -> Record:
        return record(number, row, self._egress)

    def _refusal(self, one: Record) -> tuple[str, str] | None:
        return refusal(one, self._to, is_loopback=self._is_loopback)

    def _order(self) -> NDArray[np.int64]:
        """Return the numbers of the rows that are sent, in the order of work."""
        numbers, keys = [], []
        for number, row in _rows(self._table.batches()):
            if self._refusal(self._record(number, row)) is None:
                numbers.append(number)
                keys.append(int(text_digest(str(row[ID]))[:16], 16))
        # Stable: rows with one id stay in the order of the file.
        order = np.argsort(np.array(keys, np.uint64), stable=True)
        return np.array(numbers, np.int64)[order]

    def _jobs(self, numbers: NDArray[np.int64]) -> Iterator[int]:
        """Give out rows in this order; the file is read once for as many as may be held."""
        at_once = _num_held(self._table)
        for start in range(0, len(numbers), at_once):
            part = numbers[start : start + at_once]
            rows = self._read(part).iter_rows(named=True)
            for number, row in zip(part.tolist(), rows, strict=True):
                self._last_read = self._record(number, row)
                yield number

    def _read(self, numbers: NDArray[np.int64]) -> pl.DataFrame:
        """Return the rows of these numbers, in their order."""
        place = np.full(self._table.num_rows, -1)
        place[numbers] = np.arange(len(numbers))
        first, held = 0, []
        for batch in self._table.batches(_silent()):
            own = pl.Series("#place", place[first : first + len(batch)])
            held.append(batch.with_columns(own).filter(pl.col("#place") >= 0))
            first += len(batch)
        return pl.concat(held).sort("#place").drop("#place")

    def write(self, folder: Path) -> _Counts:
        """Write both tables from the answers in the cache."""
        counts, tables = _Counts(), self.tables
        with (
            progress_shown() as progress,
            self._session.place.replay() as ask,
            # The inner file is in place first: where the translations are, the rows that they
            # lack are accounted for.
            writing(folder / TRANSLATED, tables.translated) as write_translated,
            writing(folder / QUARANTINED, tables.quarantined) as write_quarantined,
        ):
            rows = _rows(self._table.batches(_silent()))
            for batch in self._table.whole_batches(progress, "checking and writing"):
                outcomes = [self._outcome(*one, ask) for one in islice(rows, len(batch))]
                counts.add(outcomes)
                write_translated(tables.translations(batch, outcomes))
                write_quarantined(tables.quarantine(batch, outcomes))
        return counts

    def _outcome(self, number: int, row: Mapping[str, Any], ask: Ask) -> Outcome:
        one = self._record(number, row)
        refused = self._refusal(one)
        if refused is not None:
            return Outcome(row, None, [refused])
        done: Translated = run_program(self._translate(one, ask))
        made = {**done.fields, "answer": one.answer(done.fields)}
        return Outcome(row, made, [(reason_of(one), one.evidence) for one in done.problems])


def _rows(batches: Iterable[pl.DataFrame]) -> Iterator[tuple[int, dict[str, Any]]]:
    return enumerate(row for batch in batches for row in batch.iter_rows(named=True))


def _num_held(table: Table) -> int:
    metadata = pq.read_metadata(table.path)
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    num_bytes: int = sum(group.total_byte_size for group in groups)
    return max(1, HELD_BYTES * table.num_rows // max(1, num_bytes))


def _silent() -> Progress:
    return Progress(disable=True)


def _as_text(value: dict[str, Any]) -> str:
    lines = [f"{value['rows']:,} rows -> {value['output']}"]
    counts = {"translated": value["translated"], **value["quarantined"]}
    lines += [f"  {name:32} {rows:>10,}" for name, rows in counts.items()]
    if value["rationales_left_behind"]:
        left = value["rationales_left_behind"]
        lines.append(f"  {left:,} rationales name options by letters and were left behind.")
    if value["columns_copied"]:
        lines.append(f"  Copied as they are: {', '.join(value['columns_copied'])}.")
    if value["not_utf8"]:
        lines.append(f"  {value['not_utf8']:,} texts are no UTF-8; what is readable was sent.")
    lines.append(f"  Spent for this folder so far: {usd_text(value['spent_usd'])} USD.")
    return "\n".join(lines)
