"""Reading upstream files row by row, so that one bad row never costs its neighbours.

Every reader yields `(row number, value)`, rows counted from 1, and a `BadRow` in place of a value
that cannot be read. Compressed files are recognised by their first bytes, not by their name.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, cast

from schemas.item import LETTERS, BadRow

EXCERPT_CHARACTERS = 200

Row = tuple[int, dict[str, Any] | BadRow]


def open_binary(path: Path) -> IO[bytes]:
    """Open a plain or gzip-compressed file; the caller closes it."""
    with path.open("rb") as probe:
        is_gzip = probe.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path, "rb")) if is_gzip else path.open("rb")


def read_text(path: Path, encoding: str = "utf-8-sig") -> str:
    """Return a whole file as text; undecodable bytes raise `UnicodeDecodeError`."""
    with open_binary(path) as stream:
        return stream.read().decode(encoding)


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Return a whole JSON document."""
    return json.loads(read_text(path))


def read_jsonl(path: Path) -> Iterator[Row]:
    """Yield one object per line of a JSON-lines file; blank lines count but yield nothing."""
    with open_binary(path) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield number, _json_object(path, number, line)


def _json_object(path: Path, number: int, line: bytes) -> dict[str, Any] | BadRow:
    excerpt = line[:EXCERPT_CHARACTERS].decode("utf-8", errors="replace").strip()
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except ValueError:  # includes UnicodeDecodeError
        return BadRow(str(path), number, "invalid_record", excerpt)
    if not isinstance(value, dict):
        return BadRow(str(path), number, "invalid_record", excerpt)
    return value


def read_csv(
    path: Path, columns: list[str] | None = None, encoding: str = "utf-8-sig", delimiter: str = ","
) -> Iterator[Row]:
    """Yield one `{column: text}` per record; `columns` names them where the file has no header.

    Records are numbered as such (a quoted cell may span lines), the header not counted. A record
    with more or fewer cells than columns is a bad row.
    """
    with io.TextIOWrapper(open_binary(path), encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter)
        header = columns if columns is not None else next(reader, [])
        for number, cells in enumerate(reader, start=1):
            if not cells:
                continue
            if len(cells) != len(header):
                yield number, BadRow(str(path), number, "invalid_record", ",".join(cells)[:200])
            else:
                yield number, dict(zip(header, cells, strict=True))


class ContentKeys:
    """Upstream keys for rows that carry none: the raw row's digest and its occurrence number."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def key(self, *raw: str) -> str:
        """Return a key for the row whose raw cells these are, unique also among equal rows."""
        digest = blake2b("\x1f".join(raw).encode(), digest_size=12).hexdigest()
        self._seen[digest] += 1
        return f"{digest}-{self._seen[digest]}"


def letter_index(letter: str) -> int:
    """Return the 0-based index of an option letter, either case; -1 where it is none."""
    letter = letter.strip().upper()
    return LETTERS.find(letter) if len(letter) == 1 else -1
