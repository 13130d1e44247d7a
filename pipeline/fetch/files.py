"""Where files lie below the raw folder, whether they are right, and what became of each."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.filesize import decimal

from sources.reading import open_binary
from sources.source import File

Status = Literal["downloaded", "present", "unreachable", "refused", "rejected", "no_address"]

_SHOWN_FILES = 3  # of a source's missing files in its line


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one file; `path` is where it is, or where it has to be put."""

    source: str
    file: str
    path: Path
    status: Status
    message: str
    num_bytes: int = 0

    @property
    def is_there(self) -> bool:
        """Tell whether the file can be read."""
        return self.status in ("downloaded", "present")


def locate(raw: Path, file: File) -> Path | None:
    """Return where a file lies below the raw folder, plain or compressed, if it does."""
    plain = raw / file.path
    candidates = (plain, plain.with_name(plain.name + ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file's plain bytes; `OSError` where compressed ones are damaged."""
    try:
        with open_binary(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    except (EOFError, zlib.error) as error:
        raise gzip.BadGzipFile(f"{path}: the compressed file is damaged ({error})") from error


def summary(results: Sequence[Fetched]) -> list[str]:
    """Return one line per source: what came, what was there, what is missing and what to do."""
    by_source: dict[str, list[Fetched]] = {}
    for result in results:
        by_source.setdefault(result.source, []).append(result)
    return [f"{source}: {_line(files)}" for source, files in by_source.items()]


def _line(files: Sequence[Fetched]) -> str:
    there = [file for file in files if file.is_there]
    num_new = sum(file.status == "downloaded" for file in there)
    size = decimal(sum(file.num_bytes for file in there if file.status == "downloaded"))
    done = [f"{num_new} downloaded ({size})"] if num_new else []
    unverified = sum(file.message.endswith("is declared") for file in there)
    if num_new < len(there):
        verified = f"{unverified} without a declared checksum" if unverified else "verified"
        done.append(f"{len(there) - num_new} already there ({verified})")
    missing = [file for file in files if not file.is_there]
    if not missing:
        return ", ".join(done)
    return "; ".join([*done, f"{len(missing)} of {len(files)} files missing: {_advice(missing)}"])


def _advice(missing: Sequence[Fetched]) -> str:
    reasons = list(dict.fromkeys(file.message for file in missing))
    more = f" (and {len(reasons) - 1} other faults, see --json)" if len(reasons) > 1 else ""
    paths = ", ".join(str(file.path) for file in missing[:_SHOWN_FILES])
    rest = f" and {len(missing) - _SHOWN_FILES} more" if len(missing) > _SHOWN_FILES else ""
    return (
        f"{reasons[0]}{more}. Run the same command again later, or copy the files to "
        f"{paths}{rest} (plain, or with .gz)."
    )
