"""Runs a command and measures it: seconds, and the peak memory of it and all that it starts."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_S = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Measured:
    """A command that has run: wall and processor seconds, and the peak memory of its processes.

    The processor seconds that others took meanwhile tell how far the wall time can be trusted.
    """

    seconds: float
    cpu_seconds: float
    others_cpu_seconds: float
    peak_bytes: int


def run(command: Sequence[str]) -> Measured:
    """Run a command to its end and measure it; its progress goes to stderr."""
    used, busy = _processor_seconds(), _busy_seconds()
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    peak = [0]
    sampler = threading.Thread(target=_sample, args=(process, peak))
    sampler.start()
    code = process.wait()
    seconds = time.monotonic() - started
    sampler.join()
    if code != 0:
        sys.exit(f"{' '.join(command)}: exit {code}")
    own = _processor_seconds() - used
    return Measured(seconds, own, max(0.0, _busy_seconds() - busy - own), peak[0])


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy_seconds() -> float:
    """Return the processor seconds that everything on this machine has taken since its start."""
    user, nice, system, _idle, _wait, *rest = (
        int(ticks) for ticks in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def _sample(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(map(_resident_bytes, _tree(process.pid))))
        time.sleep(SAMPLE_S)


def _tree(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:  # the process has just ended
            continue
        for child in found:
            yield from _tree(int(child))


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):  # the process has just ended
        return 0
