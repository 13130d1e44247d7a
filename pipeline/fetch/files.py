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

_SHOWN_FILES = 20  # of a source's missing files in its line


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one file; `path` is where it is, or where it has to be put."""

    source: str
    file: str
    path: Path
    status: Status
    message: str
    num_bytes: int = 0
    is_verified: bool = False  # its bytes have the declared checksum

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
    new = [file for file in files if file.status == "downloaded"]
    present = [file for file in files if file.status == "present"]
    done = (
        [f"{len(new)} downloaded ({decimal(sum(file.num_bytes for file in new))})"] if new else []
    )
    if present:
        unverified = sum(not file.is_verified for file in present)
        verified = f"{unverified} without a declared checksum" if unverified else "verified"
        done.append(f"{len(present)} already there ({verified})")
    missing = [file for file in files if not file.is_there]
    if not missing:
        return ", ".join(done)
    return "; ".join([*done, f"{len(missing)} of {len(files)} files missing: {_advice(missing)}"])


def _advice(missing: Sequence[Fetched]) -> str:
    reasons = list(dict.fromkeys(file.message for file in missing))
    more = f" (and {len(reasons) - 1} other faults, see --json)" if len(reasons) > 1 else ""
    paths = ", ".join(str(file.path) for file in missing[:_SHOWN_FILES])
    more_files = len(missing) - _SHOWN_FILES
    rest = f" and {more_files} more, see --json" if more_files > 0 else ""
    return (
        f"{reasons[0]}{more}. Run the same command again later, or copy the files to "
        f"{paths}{rest} (plain, or with .gz)."
    )
