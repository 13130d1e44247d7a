"""Reading upstream files row by row, so that one bad row never costs its neighbours.

Every reader yields `(row number, value)`, rows counted from 1, and a `BadRow` in place of a value
that cannot be read; `each_row` runs one over the files of a source. A parser checks the fields that
it needs with `lacks` and leaves what else may go wrong to be seen, since that is its own fault.
Compressed files are recognised by their first bytes, not by their name.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import GenericAlias, UnionType
from typing import IO, Any, TypeVar, cast

from schemas.item import LETTERS, BadRow

# Room for what ingest shows of a bad row, which it masks before it cuts: half of an address that
# stood at the cut would not be recognised.
EXCERPT_CHARACTERS = 1_000

T = TypeVar("T")
Row = tuple[int, dict[str, Any] | BadRow]

# `str`, `str | None`, or a list of one such type.
Kind = type[Any] | UnionType | GenericAlias


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands upstream."""

    split: str
    path: Path
    row: int

    @property
    def file(self) -> str:
        """Return the path as text."""
        return str(self.path)

    def refuse(self, reason: str, raw: object, language: str = "", subset: str = "") -> BadRow:
        """Return the bad row of this place; its excerpt is the beginning of `raw` as text."""
        excerpt = str(raw)[:EXCERPT_CHARACTERS]
        return BadRow(self.file, self.row, reason, excerpt, language, subset)


def each_row(
    files: Mapping[str, list[Path]], read: Callable[[Path], Iterable[tuple[int, T]]]
) -> Iterator[tuple[Place, T]]:
    """Yield every row that `read` finds in the files of every split, with its place."""
    for split, paths in files.items():
        for path in paths:
            for number, row in read(path):
                yield Place(split, path, number), row


def lacks(row: object, fields: Mapping[str, Kind]) -> str:
    """Return the drop reason of a row that is no record with these fields, empty for one that is.

    A field that may be null must be there nevertheless.
    """
    if not isinstance(row, dict):
        return "invalid_record"
    is_whole = all(name in row and _is(row[name], kind) for name, kind in fields.items())
    return "" if is_whole else "missing_field"


def _is(value: object, kind: Kind) -> bool:
    if not isinstance(kind, GenericAlias):
        return isinstance(value, kind)
    (entry_kind,) = kind.__args__
    return isinstance(value, list) and all(isinstance(entry, entry_kind) for entry in value)


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


def read_json_array(path: Path) -> Iterator[Row]:
    """Yield the entries of a JSON array; what is no object is a bad row."""
    for number, value in enumerate(read_json(path), start=1):
        if isinstance(value, dict):
            yield number, value
        else:
            yield number, _invalid(path, number, str(value))


def read_jsonl(path: Path) -> Iterator[Row]:
    """Yield one object per line of a JSON-lines file; blank lines count but yield nothing."""
    with open_binary(path) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield number, _json_object(path, number, line)


def _json_object(path: Path, number: int, line: bytes) -> dict[str, Any] | BadRow:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except ValueError:  # includes UnicodeDecodeError
        value = None
    if not isinstance(value, dict):
        return _invalid(path, number, line.decode("utf-8", errors="replace").strip())
    return value


def _invalid(path: Path, number: int, raw: str) -> BadRow:
    return BadRow(str(path), number, "invalid_record", raw[:EXCERPT_CHARACTERS])


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
                yield number, _invalid(path, number, delimiter.join(cells))
            else:
                yield number, dict(zip(header, cells, strict=True))


def read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a Parquet file, batch by batch."""
    import pyarrow.parquet as pq  # seldom needed

    batches = pq.ParquetFile(path).iter_batches()
    yield from enumerate((row for batch in batches for row in batch.to_pylist()), start=1)


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


def key_indices(labels: Sequence[str], keyed: Iterable[str]) -> tuple[int, ...]:
    """Return where each keyed label stands among the options' labels.

    Looked up and not counted in the alphabet, since upstream may skip a letter. A label that no
    option has gives an index that is out of range.
    """
    return tuple(
        labels.index(label) if label in labels else max(letter_index(label), len(labels))
        for label in keyed
    )
