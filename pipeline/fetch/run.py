"""One run of `fetch`: downloads with resume, archives, and what to do with wrong bytes."""

from __future__ import annotations

import errno
import gzip
import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from pipeline.errors import InputError, StoppedError
from pipeline.fetch.archives import extract
from pipeline.fetch.files import Fetched, Status, checksum, locate
from sources.source import File, Hub, Source

_ATTEMPTS = 3
_TIMEOUT = httpx.Timeout(60.0, connect=15.0)  # seconds


class _FailedError(Exception):
    """A file that could not be had."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


class _BrokenError(Exception):
    """A transfer that is worth another attempt."""


def fetch_all(
    sources: Iterable[Source], raw: Path, console: Console, pause_s: float
) -> list[Fetched]:
    """Bring every file of these sources into the raw folder; see `pipeline.fetch.fetch`."""
    with (
        httpx.Client(follow_redirects=True, timeout=_TIMEOUT) as client,
        _progress(console) as progress,
        _disk_errors(raw),
    ):
        run = _Run(raw, client, progress, pause_s)
        wanted = [source for source in sources if not source.packaged]
        results = [run.file(source.name, file) for source in wanted for file in _files(source)]
        run.remove_finished_archives()
    return results


def _files(source: Source) -> list[File]:
    return list(dict.fromkeys(file for files in source.files.values() for file in files))


def _progress(console: Console) -> Progress:
    text = TextColumn("{task.description}")
    columns = (text, BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console, transient=True)


@contextmanager
def _disk_errors(raw: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoppedError(
                f"{raw}: the disk is full. Make room; the same command goes on where it stopped."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise InputError(
                f"{error.filename or raw}: cannot be written ({error.strerror}). "
                "Name another folder with `--raw`."
            ) from error
        raise


class _Run:
    """One run of `fetch`: remembers servers that cannot be reached, and archives."""

    def __init__(self, raw: Path, client: httpx.Client, progress: Progress, pause_s: float) -> None:
        self._raw = raw
        self._client = client
        self._progress = progress
        self._pause_s = pause_s
        self._unreachable: dict[str, str] = {}  # server -> why
        self._unfinished: set[Path] = set()  # archives that a later run still needs
        self._archives: set[Path] = set()

    def file(self, source: str, file: File) -> Fetched:
        """Bring one file in; one that is there and right is left alone."""
        path = self._raw / file.path
        existing = locate(self._raw, file)
        fault = _fault(existing, file) if existing else ""
        if existing and not fault:
            how = "checksum verified" if file.sha256 else "no checksum is declared"
            return _there(source, file, existing, "present", f"already there, {how}")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part = self._verified(file)
        except _FailedError as error:
            if file.member:
                self._unfinished.add(self._archive_path(file))
            message = f"{existing}: {fault}; {error}" if existing else str(error)
            return Fetched(source, file.path, path, error.status, message)
        if existing:
            existing.replace(existing.with_name(existing.name + ".rejected"))
        target = path.with_name(path.name + ".gz") if _is_compressed(part, path) else path
        part.replace(target)
        size = decimal(target.stat().st_size)
        return _there(source, file, target, "downloaded", f"downloaded ({size})")

    def remove_finished_archives(self) -> None:
        """Delete archives whose members are all in place."""
        for archive in self._archives - self._unfinished:
            archive.unlink(missing_ok=True)

    def _verified(self, file: File) -> Path:
        part = _beside(self._raw / file.path, ".part")
        was_begun = part.exists()
        self._obtain(file, part)
        fault = _fault(part, file)
        if fault and was_begun and not file.member:
            # The earlier part may have been of other bytes: once more, from the start.
            part.unlink()
            self._obtain(file, part)
            fault = _fault(part, file)
        if fault:
            rejected = part.replace(_beside(self._raw / file.path, ".rejected"))
            raise _FailedError("rejected", f"{fault}; kept aside as {rejected}")
        return part

    def _obtain(self, file: File, part: Path) -> None:
        if not file.member:
            return self._transfer(file, part, can_resume=file.sha256 is not None)
        try:
            extract(self._archive(file), file.member, part)
        except ValueError as error:
            raise _FailedError("rejected", f"{_address(file)}: {error}") from error

    def _transfer(self, file: File, part: Path, *, can_resume: bool) -> None:
        """Download what the file's address names: the file, or the archive that it is in."""
        if file.hub:
            self._from_hub(file.hub, part)
        elif file.url:
            self._download(file.url, part, can_resume=can_resume)
        else:
            raise _FailedError("no_address", "the source declares no address for this file")

    def _archive_path(self, file: File) -> Path:
        address = _address(file)
        digest = hashlib.sha256(address.encode()).hexdigest()[:12]
        return self._raw / ".archives" / f"{digest}-{address.rsplit('/', 1)[-1][:80]}"

    def _archive(self, file: File) -> Path:
        archive = self._archive_path(file)
        if not archive.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            part = _beside(archive, ".part")
            # Archives carry checksums of their own, so that a wrongly joined one is noticed.
            self._transfer(file, part, can_resume=True)
            part.replace(archive)
        self._archives.add(archive)
        return archive

    def _download(self, url: str, part: Path, *, can_resume: bool) -> None:
        server = httpx.URL(url).netloc.decode()
        self._refuse_unreachable(server)
        error: Exception | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(self._pause_s * 2 ** (attempt - 1))
            if not can_resume:
                part.unlink(missing_ok=True)
            try:
                return self._attempt(url, part)
            except (httpx.TransportError, _BrokenError) as failed:
                error = failed
        reason = f"{url}: the transfer broke off {_ATTEMPTS} times ({error})"
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
            reason = self._unreachable[server] = f"{server} could not be reached ({error})"
        raise _FailedError("unreachable", reason) from error

    def _refuse_unreachable(self, server: str) -> None:
        if server in self._unreachable:
            raise _FailedError("unreachable", self._unreachable[server])

    def _attempt(self, url: str, part: Path) -> None:
        """Download what is missing of a file; a server that ignores `Range` sends all of it."""
        have = part.stat().st_size if part.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                if response.headers.get("Content-Range") == f"bytes */{have}":
                    return  # all of it was there already
                part.unlink()
                raise _BrokenError("the part on disk does not fit the file on the server")
            _raise_for_status(url, response)
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                have = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                part.unlink()
                raise _BrokenError("the server sent another range than asked for")
            self._write(response, part, have)

    def _write(self, response: httpx.Response, part: Path, have: int) -> None:
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        name = part.name.removesuffix(".part")
        task = self._progress.add_task(name, total=total, completed=have)
        try:
            with part.open("ab" if have else "wb") as stream:
                for chunk in response.iter_raw():
                    stream.write(chunk)
                    self._progress.advance(task, len(chunk))
        finally:
            self._progress.remove_task(task)

    def _from_hub(self, hub: Hub, part: Path) -> None:
        from pipeline.fetch.hub import HubError, download_from_hub  # 0.5 s, seldom needed

        self._refuse_unreachable("the Hub")
        folder = self._raw / ".hub" / hub.revision
        task = self._progress.add_task(f"{hub.repo}: {hub.path}", total=None)
        try:
            download_from_hub(hub, folder).replace(part)
        except HubError as error:
            if error.is_unreachable:
                self._unreachable["the Hub"] = str(error)
            raise _FailedError(
                "unreachable" if error.is_unreachable else "refused", str(error)
            ) from error
        finally:
            self._progress.remove_task(task)
        shutil.rmtree(folder, ignore_errors=True)


def _there(source: str, file: File, path: Path, status: Status, message: str) -> Fetched:
    is_verified = file.sha256 is not None
    return Fetched(source, file.path, path, status, message, path.stat().st_size, is_verified)


def _address(file: File) -> str:
    hub = file.hub
    return f"{hub.repo} at {hub.revision}/{hub.path}" if hub else file.url


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _fault(path: Path, file: File) -> str:
    """Return what is wrong with a file's bytes, empty where nothing is."""
    if file.sha256 is None:
        return ""
    try:
        found = checksum(path)
    except gzip.BadGzipFile as error:
        return str(error)
    if found == file.sha256:
        return ""
    return f"the SHA-256 is {found}, expected {file.sha256}"


def _is_compressed(part: Path, path: Path) -> bool:
    """Tell whether a download is gzip although its name does not say so."""
    with part.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b" and path.suffix not in (".gz", ".tgz")


def _raise_for_status(url: str, response: httpx.Response) -> None:
    code = response.status_code
    answer = f"{url} answered {code} {response.reason_phrase}".rstrip()
    if code == httpx.codes.TOO_MANY_REQUESTS or code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _BrokenError(answer)
    if code >= httpx.codes.BAD_REQUEST:
        raise _FailedError("refused", answer)
