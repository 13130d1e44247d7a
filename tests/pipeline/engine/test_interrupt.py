"""A build that is killed at any moment goes on when repeated, and gives the same bytes.

Moments are told by what the build has stored, not by the clock, so that they are the same moments
on a slow machine; a few milliseconds on top let kills fall between and into writes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from pipeline.build import build
from pipeline.recipe import load_recipe
from tests.pipeline.engine.commands import MMED, fault, mmed, views, write_demo

pytestmark = pytest.mark.slow

# The demo stores 24 results. Then come the ledger, the release under a temporary name, the
# release, and the manifest.
MOMENTS: tuple[int | str, ...] = (0, 3, 7, 10, 14, 18, 22, 24, ".release.new", "release")


def start(
    recipe: Path | str, folder: Path, *arguments: object, stderr: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a build as the leader of a process group of its own."""
    return subprocess.Popen(
        [MMED, "build", str(recipe), "--out", "out", *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )


def has_come(out: Path, moment: int | str) -> bool:
    """Tell whether a build has stored so many results, or made the file of this name."""
    if isinstance(moment, str):
        return (out / moment).exists()
    return (out / "store").exists() and len(list((out / "store").glob("*/entry.json"))) >= moment


def is_due(process: subprocess.Popen[bytes], out: Path, moment: int | str) -> bool:
    return has_come(out, moment) or process.poll() is not None


def wait_until(condition: Callable[[], bool], timeout_s: float = 60) -> bool:
    """Wait for a condition and tell whether it came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def kill_group(process: subprocess.Popen[bytes]) -> bool:
    """Kill a build with all its processes; tell whether it was still running."""
    was_running = process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return was_running


def members(group: int) -> list[int]:
    """Return the living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it ended meanwhile
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def command_line(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


def test_build_killed_at_ten_moments_gives_the_bytes_of_an_unbroken_one(
    tmp_path: Path, demo_build: Path
) -> None:
    out = tmp_path / "out"
    num_killed = 0
    for number, moment in enumerate(MOMENTS):
        process = start("demo.yaml", tmp_path)
        wait_until(partial(is_due, process, out, moment))
        time.sleep(0.003 * number)
        num_killed += kill_group(process)
        copy = shutil.copytree(out, tmp_path / f"copy-{number}")
        build(load_recipe("demo.yaml"), raw=tmp_path, out=copy, workers=1)
        assert views(copy) == views(demo_build), moment
    assert num_killed >= len(MOMENTS) - 2  # the last moments are milliseconds before the end

    repeated = mmed("build", "demo.yaml", "--out", "out", cwd=tmp_path)
    assert repeated.returncode == 0, repeated.stderr
    assert views(out) == views(demo_build)
    assert [path.name for path in out.iterdir() if path.name.count(".") > 1] == []
    assert list((out / "store").glob(".*")) == []


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """Return the demo's recipe in shards small enough to keep two workers busy."""
    return write_demo(tmp_path, shard_rows=40)


def test_build_killed_with_its_workers_goes_on(
    tmp_path: Path, demo_build: Path, sharded: Path
) -> None:
    process = start(sharded, tmp_path, "--workers", 2)
    assert wait_until(lambda: has_come(tmp_path / "out", 5))
    assert kill_group(process)
    repeated = mmed("build", sharded, "--out", "out", "--workers", 1, cwd=tmp_path)
    assert repeated.returncode == 0, repeated.stderr
    assert views(tmp_path / "out") == views(demo_build)


def test_worker_that_is_killed_stops_the_build_and_the_same_command_goes_on(
    tmp_path: Path, demo_build: Path, sharded: Path
) -> None:
    process = start(sharded, tmp_path, "--workers", 2)
    assert wait_until(lambda: has_come(tmp_path / "out", 5))
    workers = [one for one in members(process.pid) if b"spawn_main" in command_line(one)]
    os.kill(workers[0], signal.SIGKILL)
    assert process.wait(60) == 3
    build(load_recipe(sharded), raw=tmp_path, out=tmp_path / "out", workers=1)
    assert views(tmp_path / "out") == views(demo_build)


def test_workers_end_when_their_build_is_killed(tmp_path: Path, sharded: Path) -> None:
    process = start(sharded, tmp_path, "--workers", 2)
    assert wait_until(lambda: has_come(tmp_path / "out", 5))
    process.kill()
    process.wait()
    try:
        assert wait_until(lambda: members(process.pid) == [], timeout_s=3)
    finally:
        for member in members(process.pid):
            os.kill(member, signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("moment", [0, 1, 5, 12])
def test_interrupt_from_a_terminal_reaches_the_workers_too_and_shows_no_traceback(
    tmp_path: Path, sharded: Path, moment: int, workers: int
) -> None:
    process = start(sharded, tmp_path, "--workers", workers, stderr=subprocess.PIPE)
    assert wait_until(lambda: has_come(tmp_path / "out", moment))
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    result = subprocess.CompletedProcess([], process.returncode, "", errors.decode())
    said = fault(result, 130)
    assert said == "interrupted; the same command goes on where this one stopped."
    assert wait_until(lambda: members(process.pid) == [], timeout_s=3)


def test_interrupted_language_says_that_it_begins_anew(tmp_path: Path) -> None:
    texts = [f"Пациент {number} жалуется на боль в груди." for number in range(200_000)]
    pl.DataFrame({"id": range(len(texts)), "text": texts}).write_parquet(tmp_path / "in.parquet")
    process = subprocess.Popen(
        [MMED, "language", "in.parquet", "out.parquet", "--text", "text"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    assert wait_until(lambda: list(tmp_path.glob(".out.parquet.*")) != [])
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert errors.decode() == "mmed: interrupted; the same command begins anew.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]
