"""Every answer ever received, in one SQLite file; what was sent and not settled; pending batches.

An answer is committed the moment it arrives, so a killed run loses only what was in flight. A row
of `attempts` is written before a request is sent: what a killed run left unsettled counts at its
full reservation. Commits are not flushed to the disk one by one (`synchronous=NORMAL`): a killed
process loses nothing, a power failure perhaps the last moments, and never the file.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from pipeline.llm.database import Telling, open_database
from pipeline.llm.request import Answer, Outcome

_MOST_KEYS = 512  # in one statement

_COLUMNS = tuple(field.name for field in fields(Answer))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM answers"  # noqa: S608 - our own names
# The first answer stays: what was built from it is built from it again.
_INSERT = (
    f"INSERT OR IGNORE INTO answers ({', '.join(_COLUMNS)}, received_at) "  # noqa: S608
    f"VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"
)
_after_key = attrgetter(*_COLUMNS[1:])
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A request of a batch that was submitted, and what was put aside for it."""

    key: str
    attempt: int  # its row in `attempts`
    reserved: int  # micro-USD
    prompt: str
    model: str
    is_local: bool
    is_settled: bool = False  # by a run that died before all lines of the batch were


@dataclass(frozen=True, slots=True)
class PendingBatch:
    """A batch whose results were not read yet; `id` is empty if a run died while submitting it."""

    shard: str  # our name for it
    account: str
    id: str
    lines: Mapping[str, BatchLine]  # by key


class Cache:
    """The answers in one file; `is_read_only` for workers, which may read while one writes."""

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        self.path = path
        self._telling = Telling(path)
        self._database = open_database(path, is_read_only)

    def close(self) -> None:
        """Close the file; the answers of a long run move from the log into the file itself."""
        self._database.close()

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the answers that there are, by key."""
        with self._telling:
            if len(keys) == 1:
                query = self._database.execute(f"{_SELECT} WHERE key = ?", (_raw(keys[0]),))
                return {answer.key: answer for answer in map(_answer, query)}
            return {answer.key: answer for answer in self._read(keys)}

    def _read(self, keys: Sequence[str]) -> Iterator[Answer]:
        for start in range(0, len(keys), _MOST_KEYS):
            part = [_raw(key) for key in keys[start : start + _MOST_KEYS]]
            # Few different lengths, so that SQLite's prepared statements are used again.
            part += part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part))
            marks = ",".join("?" * len(part))
            query = self._database.execute(f"{_SELECT} WHERE key IN ({marks})", part)
            yield from map(_answer, query)

    def put(self, answer: Answer) -> None:
        """Keep an answer; if its key has one already, that one stays."""
        with self._telling:
            self._insert([answer])

    def put_all(self, answers: Iterable[Answer]) -> None:
        """Keep answers in one transaction."""
        with self._telling, self._transaction():
            self._insert(answers)

    def _insert(self, answers: Iterable[Answer]) -> None:
        now = time.time()
        rows = ((_raw(one.key), *_after_key(one), now) for one in answers)
        self._database.executemany(_INSERT, rows)

    def in_key_order(self) -> Iterator[Answer]:
        """Yield every answer, sorted by key."""
        with self._telling:
            yield from map(_answer, self._database.execute(f"{_SELECT} ORDER BY key"))

    def count(self) -> int:
        """Return the number of answers."""
        with self._telling:
            return int(self._database.execute("SELECT count(*) FROM answers").fetchone()[0])

    def begin_attempt(self, account: str, key: str, reserved: int) -> int:
        """Note that a request is about to be sent and what it may cost, in micro-USD."""
        with self._telling:
            row = (account, _raw(key), reserved, time.time())
            return self._begin(row)

    def begin_attempts(self, account: str, reserved: Mapping[str, int]) -> dict[str, int]:
        """Note requests that are about to be sent together; return key -> attempt."""
        with self._telling, self._transaction():
            now = time.time()
            return {
                key: self._begin((account, _raw(key), cost, now)) for key, cost in reserved.items()
            }

    def _begin(self, row: tuple[str, bytes, int, float]) -> int:
        sql = "INSERT INTO attempts (account, key, reserved, sent_at) VALUES (?, ?, ?, ?)"
        attempt = self._database.execute(sql, row).lastrowid
        assert attempt is not None
        return attempt

    def settle(self, attempt: int, charged: int, answer: Answer | None = None) -> None:
        """Note what an attempt did cost and keep its answer, both or neither."""
        with self._telling, self._transaction():
            sql = "UPDATE attempts SET charged = ? WHERE id = ?"
            self._database.execute(sql, (charged, attempt))
            if answer is not None:
                self._insert([answer])

    def spent(self, account: str) -> int:
        """Return what an account has spent, in micro-USD; unsettled attempts count in full."""
        with self._telling:
            sql = "SELECT coalesce(sum(coalesce(charged, reserved)), 0) FROM attempts "
            query = self._database.execute(f"{sql} WHERE account = ?", (account,))
            return int(query.fetchone()[0])

    def begin_batch(self, batch: PendingBatch, endpoint: str) -> None:
        """Note a batch before it is submitted."""
        with self._telling, self._transaction():
            row = (batch.shard, batch.account, endpoint, time.time())
            self._database.execute("INSERT INTO batches VALUES (?, ?, ?, NULL, ?)", row)
            rows = (
                (batch.shard, _raw(one.key), one.attempt, one.prompt, one.model, one.is_local)
                for one in batch.lines.values()
            )
            self._database.executemany("INSERT INTO batch_lines VALUES (?, ?, ?, ?, ?, ?)", rows)

    def name_batch(self, shard: str, batch: str) -> None:
        """Note under what id the endpoint knows a batch."""
        with self._telling:
            self._database.execute("UPDATE batches SET id = ? WHERE shard = ?", (batch, shard))

    def end_batch(self, shard: str) -> None:
        """Forget a batch whose results were read, or that never came to be."""
        with self._telling, self._transaction():
            self._database.execute("DELETE FROM batches WHERE shard = ?", (shard,))
            self._database.execute("DELETE FROM batch_lines WHERE shard = ?", (shard,))

    def pending_batches(self, endpoint: str) -> list[PendingBatch]:
        """Return the batches of an endpoint whose results were not read yet, oldest first."""
        with self._telling:
            found = self._database.execute(
                "SELECT shard, account, coalesce(id, '') FROM batches WHERE endpoint = ? "
                "ORDER BY submitted_at, shard",
                (endpoint,),
            ).fetchall()
            return [
                PendingBatch(shard, account, name, self._lines(shard))
                for shard, account, name in found
            ]

    def _lines(self, shard: str) -> dict[str, BatchLine]:
        query = self._database.execute(
            "SELECT l.key, attempt, reserved, prompt, model, is_local, charged IS NOT NULL "
            "FROM batch_lines l JOIN attempts a ON a.id = attempt WHERE shard = ? ORDER BY attempt",
            (shard,),
        )
        lines = (
            BatchLine(key.hex(), attempt, cost, prompt, model, bool(is_local), bool(is_settled))
            for key, attempt, cost, prompt, model, is_local, is_settled in query
        )
        return {line.key: line for line in lines}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:  # a full disk has ended it already
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def _raw(key: str) -> bytes:
    return bytes.fromhex(key)


def _answer(row: tuple[Any, ...]) -> Answer:
    key, outcome, *rest, is_estimated, is_local = row
    values = (key.hex(), _OUTCOMES[outcome], *rest, bool(is_estimated), bool(is_local))
    return Answer(*values)
