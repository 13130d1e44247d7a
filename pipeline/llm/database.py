"""The SQLite file of a cache: opened, checked, and its troubles told in one line."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from pipeline.errors import InputError, MmedError, StoppedError

_APPLICATION = 0x4D4D6564  # "MMed": tells our files from other SQLite files
_VERSION = 1
_LOCK_TIMEOUT_S = 60.0

_TABLES = """
CREATE TABLE answers (
  key BLOB PRIMARY KEY,
  outcome TEXT NOT NULL,
  text TEXT NOT NULL,
  prompt TEXT NOT NULL,
  model TEXT NOT NULL,
  model_returned TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  request_id TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  is_estimated INTEGER NOT NULL,
  is_local INTEGER NOT NULL,
  received_at REAL NOT NULL
);
CREATE TABLE attempts (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  key BLOB NOT NULL,
  reserved INTEGER NOT NULL,
  charged INTEGER,
  sent_at REAL NOT NULL
);
CREATE INDEX attempts_by_account ON attempts (account, charged, reserved);
CREATE TABLE batches (
  shard TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  id TEXT,
  submitted_at REAL NOT NULL
);
CREATE TABLE batch_lines (
  shard TEXT NOT NULL,
  key BLOB NOT NULL,
  attempt INTEGER NOT NULL,
  prompt TEXT NOT NULL,
  model TEXT NOT NULL,
  is_local INTEGER NOT NULL
);
CREATE INDEX batch_lines_by_shard ON batch_lines (shard);
"""


def open_database(path: Path, is_read_only: bool) -> sqlite3.Connection:
    """Open the file of a cache, made if it is new; an `InputError` if it is something else."""
    with Telling(path):
        database = _connect(path, is_read_only)
        if is_read_only and _is_empty(database):
            # A run was killed before it made the tables: it kept nothing, so nothing is there.
            database.close()
            database = sqlite3.connect(":memory:", isolation_level=None)
            _make_tables(database)
        _check(database, path, is_read_only)
    return database


def _connect(path: Path, is_read_only: bool) -> sqlite3.Connection:
    if is_read_only:
        place = f"file:{quote(str(path.absolute()))}?mode=ro"
        return sqlite3.connect(place, uri=True, timeout=_LOCK_TIMEOUT_S, isolation_level=None)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent}: no folder can be made here ({error.strerror}).") from None
    return sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, isolation_level=None)


def _check(database: sqlite3.Connection, path: Path, is_read_only: bool) -> None:
    """Make the tables of a new file; refuse a file that is something else, and leave it alone."""
    if not is_read_only and _is_empty(database):
        database.execute("PRAGMA journal_mode = WAL")
        _make_tables(database)
    application, version = (
        _value(database, f"PRAGMA {name}") for name in ("application_id", "user_version")
    )
    if (application, version) != (_APPLICATION, _VERSION):
        raise InputError(
            f"{path}: an SQLite file, but no answer cache of version {_VERSION}. "
            "Name another file with `--cache`."
        )
    database.execute("PRAGMA synchronous = NORMAL")


def _make_tables(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")
    # Another process may have been faster.
    if _is_empty(database):
        for statement in filter(str.strip, _TABLES.split(";")):
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {_APPLICATION}")
        database.execute(f"PRAGMA user_version = {_VERSION}")
    database.execute("COMMIT")


def _is_empty(database: sqlite3.Connection) -> bool:
    return _value(database, "SELECT count(*) FROM sqlite_schema") == 0


def _value(database: sqlite3.Connection, query: str) -> object:
    return database.execute(query).fetchone()[0]


class Telling:
    """Turns what SQLite raises about the file into one line; a bug of ours stays a bug."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, sqlite3.Error) and (told := _told(self._path, error)):
            raise told from None


def _told(path: Path, error: sqlite3.Error) -> MmedError | None:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return InputError(
            f"{path}: not an answer cache, or a damaged one ({error}). Restore the file from a "
            "copy, or move it away and fill a new one from a pack with `mmed llm unpack`."
        )
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return StoppedError(
            f"{path}: an answer cannot be written ({error}). "
            "Make room on the disk; the same command goes on."
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        return StoppedError(
            f"{path}: another process has locked it for {_LOCK_TIMEOUT_S:.0f} s ({error}). "
            "Wait for it to end; the same command goes on."
        )
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return InputError(
            f"{path}: cannot be opened as an answer cache ({error}). Name another file with "
            "`--cache`, or make this one readable and its folder writable."
        )
    return None
