"""Downloads from a real server on loopback: resume, checksums, archives, and every way to fail."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.errors import InputError
from pipeline.fetch import Fetched, checksum, fetch, locate, summary
from sources.source import File, Source

BODY = "\n".join(f"{n}\t高血压 hipertensión гипертония" for n in range(20_000)).encode()


class Server:
    """Files served on loopback; `breaks` cuts the first transfers off, `asked` lists requests."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.statuses: dict[str, list[int]] = {}
        self.breaks: dict[str, int] = {}  # path -> transfers still to be cut off half way
        self.ignores_range = False
        self.error_headers: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.got: list[str] = []  # the same, less what was only asked about
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def do_GET(self) -> None:
                outer.got.append(self.path)
                self._answer(with_body=True)

            def _answer(self, *, with_body: bool) -> None:
                wanted = self.headers.get("Range", "")
                outer.asked.append((self.path, wanted))
                status = outer.statuses.get(self.path, [])
                body = outer.files.get(self.path)
                if status or body is None:
                    self._refuse(status.pop(0) if status else 404)
                    return
                start = 0 if outer.ignores_range else int(wanted[6:-1] or 0) if wanted else 0
                if start and start >= len(body):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(body)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                self.send_header("Content-Length", str(len(body) - start))
                self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
                self.send_header("X-Repo-Commit", "c" * 40)
                self.end_headers()
                if with_body:
                    self._send(body[start:])

            def _refuse(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                for name, value in outer.error_headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def _send(self, body: bytes) -> None:
                if outer.breaks.get(self.path, 0) > 0:
                    outer.breaks[self.path] -= 1
                    self.wfile.write(body[: len(body) // 2])
                    self.wfile.flush()
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                else:
                    self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def serve(self, path: str, body: bytes) -> str:
        self.files[path] = body
        return self.address + path

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "raw"


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def source(*files: File, name: str = "drill") -> Source:
    return Source(
        name=name,
        title="Drill",
        homepage="",
        revision="1",
        languages=("es",),
        files={"train": files},
        splits={"train": "train"},
        license="CC-BY-4.0",
        license_evidence="",
        redistributable="yes",
        forms=("exam",),
        citation="",
        expected_rows={},
    )


def run(raw: Path, *sources: Source) -> list[Fetched]:
    return fetch(sources, raw, console=Console(file=io.StringIO()), pause_s=0.01)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_a_file_is_downloaded_verified_and_skipped_the_next_time(server: Server, raw: Path) -> None:
    url = server.serve("/a.tsv", BODY)
    wanted = source(File(path="es/a.tsv", url=url, sha256=sha256(BODY)))
    [result] = run(raw, wanted)
    assert (result.status, result.num_bytes) == ("downloaded", len(BODY))
    assert (raw / "es" / "a.tsv").read_bytes() == BODY
    [again] = run(raw, wanted)
    assert again.status == "present"
    assert again.message == "already there, checksum verified"
    assert summary([again]) == ["drill: 1 already there (verified)"]
    assert len(server.asked) == 1
    assert [path.name for path in raw.rglob("*") if path.is_file()] == ["a.tsv"]


def test_a_compressed_copy_counts_as_the_file(server: Server, raw: Path) -> None:
    raw.mkdir()
    (raw / "a.tsv.gz").write_bytes(gzip.compress(BODY))
    file = File(path="a.tsv", url=server.address + "/a.tsv", sha256=sha256(BODY))
    assert run(raw, source(file))[0].status == "present"
    assert locate(raw, file) == raw / "a.tsv.gz"
    assert checksum(raw / "a.tsv.gz") == sha256(BODY)
    assert server.asked == []


def test_a_download_that_turns_out_compressed_is_named_so(server: Server, raw: Path) -> None:
    url = server.serve("/a.tsv.gz", gzip.compress(BODY))
    file = File(path="a.tsv", url=url, sha256=sha256(BODY))
    assert run(raw, source(file))[0].status == "downloaded"
    assert locate(raw, file) == raw / "a.tsv.gz"


def test_a_broken_transfer_goes_on_where_it_stopped(server: Server, raw: Path) -> None:
    url = server.serve("/a.tsv", BODY)
    server.breaks["/a.tsv"] = 2
    file = File(path="a.tsv", url=url, sha256=sha256(BODY))
    assert run(raw, source(file))[0].status == "downloaded"
    assert (raw / "a.tsv").read_bytes() == BODY
    half = len(BODY) // 2
    ranges = ["", f"bytes={half}-", f"bytes={half + (len(BODY) - half) // 2}-"]
    assert [asked for _, asked in server.asked] == ranges


def test_the_next_run_resumes_what_an_earlier_one_left(server: Server, raw: Path) -> None:
    url = server.serve("/a.tsv", BODY)
    server.breaks["/a.tsv"] = 3
    file = File(path="a.tsv", url=url, sha256=sha256(BODY))
    [failed] = run(raw, source(file))
    assert failed.status == "unreachable"
    assert "broke off 3 times" in failed.message
    kept = (raw / "a.tsv.part").stat().st_size
    assert run(raw, source(file))[0].status == "downloaded"
    assert server.asked[-1] == ("/a.tsv", f"bytes={kept}-")
    assert (raw / "a.tsv").read_bytes() == BODY


def test_a_part_that_is_already_whole_is_taken(server: Server, raw: Path) -> None:
    url = server.serve("/a.tsv", BODY)
    raw.mkdir()
    (raw / "a.tsv.part").write_bytes(BODY)
    assert run(raw, source(File(path="a.tsv", url=url, sha256=sha256(BODY))))[0].is_there
    assert server.asked == [("/a.tsv", f"bytes={len(BODY)}-")]


@pytest.mark.parametrize("begun", [b"of another revision", BODY + b"and more"])
def test_a_part_of_other_bytes_is_thrown_away(server: Server, raw: Path, begun: bytes) -> None:
    url = server.serve("/a.tsv", BODY)
    raw.mkdir()
    (raw / "a.tsv.part").write_bytes(begun)
    assert run(raw, source(File(path="a.tsv", url=url, sha256=sha256(BODY))))[0].is_there
    assert (raw / "a.tsv").read_bytes() == BODY


def test_a_server_that_ignores_ranges_sends_the_whole_file(server: Server, raw: Path) -> None:
    url = server.serve("/a.tsv", BODY)
    server.ignores_range = True
    server.breaks["/a.tsv"] = 1
    assert run(raw, source(File(path="a.tsv", url=url, sha256=sha256(BODY))))[0].is_there
    assert (raw / "a.tsv").read_bytes() == BODY


def test_without_a_checksum_nothing_is_joined_from_pieces(server: Server, raw: Path) -> None:
    url = server.serve("/a.tsv", BODY)
    server.breaks["/a.tsv"] = 1
    [result] = run(raw, source(File(path="a.tsv", url=url)))
    assert result.is_there
    assert [asked for _, asked in server.asked] == ["", ""]
    [again] = run(raw, source(File(path="a.tsv", url=url)))
    assert summary([again]) == ["drill: 1 already there (1 without a declared checksum)"]


def test_wrong_bytes_are_kept_aside_and_both_checksums_told(server: Server, raw: Path) -> None:
    url = server.serve("/a.tsv", b"<html>sign in</html>")
    wanted = source(File(path="a.tsv", url=url, sha256=sha256(BODY)))
    [result] = run(raw, wanted)
    assert result.status == "rejected"
    assert f"is {sha256(b'<html>sign in</html>')}, expected {sha256(BODY)}" in result.message
    assert (raw / "a.tsv.rejected").read_bytes() == b"<html>sign in</html>"
    assert not (raw / "a.tsv").exists()
    assert str(raw / "a.tsv.rejected") in summary([result])[0]


def test_a_wrong_file_on_disk_stays_until_the_right_one_is_there(server: Server, raw: Path) -> None:
    raw.mkdir()
    (raw / "a.tsv").write_bytes(b"damaged")
    wanted = source(File(path="a.tsv", url=server.address + "/a.tsv", sha256=sha256(BODY)))
    [failed] = run(raw, wanted)
    assert failed.status == "refused"
    assert "expected" in failed.message
    assert (raw / "a.tsv").read_bytes() == b"damaged"
    server.serve("/a.tsv", BODY)
    assert run(raw, wanted)[0].status == "downloaded"
    assert (raw / "a.tsv").read_bytes() == BODY
    assert (raw / "a.tsv.rejected").read_bytes() == b"damaged"


def test_a_damaged_compressed_file_is_replaced(server: Server, raw: Path) -> None:
    raw.mkdir()
    (raw / "a.tsv.gz").write_bytes(gzip.compress(BODY)[:-20])
    with pytest.raises(OSError, match="damaged"):
        checksum(raw / "a.tsv.gz")
    url = server.serve("/a.tsv", BODY)
    assert run(raw, source(File(path="a.tsv", url=url, sha256=sha256(BODY))))[0].is_there
    assert (raw / "a.tsv.gz.rejected").exists()


def test_a_missing_page_costs_no_other_file(server: Server, raw: Path) -> None:
    good = File(path="b.tsv", url=server.serve("/b.tsv", BODY), sha256=sha256(BODY))
    missing = File(path="a.tsv", url=server.address + "/a.tsv", sha256=sha256(BODY))
    results = run(raw, source(missing, good))
    assert [result.status for result in results] == ["refused", "downloaded"]
    assert "answered 404 Not Found" in results[0].message
    [line] = summary(results)
    assert "1 of 2 files missing" in line
    assert str(raw / "a.tsv") in line


def test_a_busy_server_is_asked_again(server: Server, raw: Path) -> None:
    url = server.serve("/a.tsv", BODY)
    server.statuses["/a.tsv"] = [503, 429]
    assert run(raw, source(File(path="a.tsv", url=url, sha256=sha256(BODY))))[0].is_there


def test_offline_is_one_line_per_source_with_what_to_do(raw: Path) -> None:
    address = f"127.0.0.1:{closed_port()}"
    files = [File(path=f"es/{n}.tsv", url=f"http://{address}/{n}", sha256="0") for n in range(20)]
    other = File(path="ru/x.tsv", url=f"http://{address}/x", sha256="0")
    results = run(raw, source(*files), source(other, name="other"))
    assert {result.status for result in results} == {"unreachable"}
    first, second = summary(results)
    assert first.startswith(f"drill: 20 of 20 files missing: {address} could not be reached (")
    assert f"copy the files to {', '.join(str(raw / file.path) for file in files)} (plain" in first
    assert second.startswith("other: 1 of 1 files missing")


def test_a_very_long_list_of_missing_files_is_cut_and_says_where_the_rest_is(raw: Path) -> None:
    files = [File(path=f"es/{n}.tsv") for n in range(22)]
    [line] = summary(run(raw, source(*files)))
    assert line.endswith(f"{raw / 'es/19.tsv'} and 2 more, see --json (plain, or with .gz).")


def test_a_file_without_an_address_has_to_be_copied(raw: Path) -> None:
    [result] = run(raw, source(File(path="a.tsv", sha256="0")))
    assert result.status == "no_address"
    assert str(raw / "a.tsv") in summary([result])[0]


def archive(kind: str, members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, body in members.items():
                zipped.writestr(name, body)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_members_of_an_archive_cost_one_download(server: Server, raw: Path, kind: str) -> None:
    members = {"set-1.0/es/a.json": BODY, "set-1.0/fr/a.json": BODY[:999]}
    url = server.serve(f"/set.{kind}", archive(kind, members))
    files = [
        File(path=f"set/{name[8:]}", url=url, member=name, sha256=sha256(body))
        for name, body in members.items()
    ]
    assert [result.status for result in run(raw, source(*files))] == ["downloaded"] * 2
    assert (raw / "set" / "fr" / "a.json").read_bytes() == BODY[:999]
    assert len(server.asked) == 1
    left = sorted(str(path.relative_to(raw)) for path in raw.rglob("*") if path.is_file())
    assert left == ["set/es/a.json", "set/fr/a.json"]


def test_an_archive_without_the_member_names_the_closest(server: Server, raw: Path) -> None:
    url = server.serve("/set.zip", archive("zip", {"set/es/a.json": BODY}))
    [result] = run(raw, source(File(path="a.json", url=url, member="set/es/a.jsonl", sha256="0")))
    assert "no member 'set/es/a.jsonl' among 1; the closest is 'set/es/a.json'" in result.message


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_damaged_archive_is_downloaded_anew(server: Server, raw: Path, kind: str) -> None:
    whole = archive(kind, {"a.json": BODY})
    url = server.serve(f"/set.{kind}", whole[: len(whole) // 2])
    wanted = source(File(path="a.json", url=url, member="a.json", sha256=sha256(BODY)))
    [result] = run(raw, wanted)
    assert result.status == "rejected"
    assert "damaged" in result.message
    server.serve(f"/set.{kind}", whole)
    assert run(raw, wanted)[0].status == "downloaded"


def test_a_folder_that_cannot_be_written_is_the_users_to_change(server: Server, raw: Path) -> None:
    raw.write_text("a file, not a folder")
    url = server.serve("/a.tsv", BODY)
    with pytest.raises(InputError, match="Name another folder with `--raw`"):
        run(raw, source(File(path="es/a.tsv", url=url, sha256=sha256(BODY))))


HUB_SCRIPT = """
import sys
from pathlib import Path
from pipeline.fetch import fetch, summary
from sources.source import File, Hub
from tests.pipeline.test_fetch import BODY, sha256, source

hub = Hub("org/set", sys.argv[2], "c" * 40)
members = sys.argv[3:] or ["", ""]
files = [
    File(path=f"es/{n}.tsv", hub=hub, member=member, sha256=sha256(BODY))
    for n, member in zip("ab", members)
]
print(*summary(fetch([source(*files)], Path(sys.argv[1]))), sep="\\n")
"""


def from_hub(raw: Path, endpoint: str, path: str = "data/a.tsv", *members: str) -> str:
    """Run in a process of its own: the Hub's client reads its address when it is imported."""
    done = subprocess.run(
        [sys.executable, "-c", HUB_SCRIPT, str(raw), path, *members],
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr.strip() == ""
    return done.stdout


def test_a_hub_file_comes_from_the_endpoint_in_the_environment(server: Server, raw: Path) -> None:
    server.serve(f"/datasets/org/set/resolve/{'c' * 40}/data/a.tsv", BODY)
    assert "2 downloaded" in from_hub(raw, server.address)
    left = sorted(str(path.relative_to(raw)) for path in raw.rglob("*") if path.is_file())
    assert left == ["es/a.tsv", "es/b.tsv"]


@pytest.mark.parametrize("headers", [{"X-Error-Code": "EntryNotFound"}, {}])
def test_a_hub_file_that_does_not_exist_is_refused(
    server: Server, raw: Path, headers: dict[str, str]
) -> None:
    server.error_headers = headers  # mirrors of the Hub leave them out
    assert "the Hub answered 404" in from_hub(raw, server.address)


def test_members_of_a_hub_archive_cost_one_download(server: Server, raw: Path) -> None:
    members = {"set/es/a.tsv": BODY, "set/es/b.tsv": BODY}
    address = f"/datasets/org/set/resolve/{'c' * 40}/data/set.zip"
    server.serve(address, archive("zip", members))
    assert "2 downloaded" in from_hub(raw, server.address, "data/set.zip", *members)
    assert (raw / "es" / "b.tsv").read_bytes() == BODY
    left = sorted(str(path.relative_to(raw)) for path in raw.rglob("*") if path.is_file())
    assert left == ["es/a.tsv", "es/b.tsv"]
    assert server.got.count(address) == 1


def test_a_hub_archive_without_the_member_is_named(server: Server, raw: Path) -> None:
    server.serve(f"/datasets/org/set/resolve/{'c' * 40}/set.zip", archive("zip", {"a": BODY}))
    line = from_hub(raw, server.address, "set.zip", "a", "b")
    assert f"org/set at {'c' * 40}/set.zip: no member 'b' among 1" in line


def test_a_hub_that_cannot_be_reached_is_asked_once(raw: Path) -> None:
    begun = time.monotonic()
    line = from_hub(raw, f"http://127.0.0.1:{closed_port()}")
    assert "2 of 2 files missing: the Hub could not be reached" in line
    assert line.count("\n") == 1
    assert time.monotonic() - begun < 10
