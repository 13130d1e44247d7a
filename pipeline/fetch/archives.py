"""One member out of a zip or (compressed) tar archive."""

from __future__ import annotations

import difflib
import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error)


def extract(archive: Path, member: str, target: Path) -> None:
    """Write one member to a file; a `ValueError` tells of a damaged archive or a missing member.

    A damaged archive is deleted, so that it is downloaded anew.
    """
    try:
        with _member(archive, member) as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out)
    except (*_DAMAGED, lzma.LZMAError) as error:
        archive.unlink()
        raise ValueError(f"the archive is damaged ({error}) and was deleted") from error


@contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            _require(member, zipped.namelist())
            with zipped.open(member) as stream:
                yield stream
    else:
        with tarfile.open(archive) as tar:
            _require(member, [info.name for info in tar if info.isfile()])
            yield cast(IO[bytes], tar.extractfile(member))


def _require(member: str, names: list[str]) -> None:
    if member in names:
        return
    close = difflib.get_close_matches(member, names, 1)
    hint = f"; the closest is {close[0]!r}" if close else ""
    raise ValueError(f"no member {member!r} among {len(names)}{hint}")
