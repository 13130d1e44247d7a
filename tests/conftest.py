"""What the whole test suite shares: where the real upstream files are, if anywhere."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> None:
    """Undo what a command run in this process leaves: ignored Ctrl-C, which children inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections beyond this machine, so that no test needs or uses a network."""
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
            raise ConnectionRefusedError(f"a test connects to {address[0]}; tests stay on loopback")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def raw_root() -> Path:
    """Return the folder of real upstream files; skip without one, fail if one is required."""
    location = os.environ.get("MMED_RAW", "")
    if location and Path(location).is_dir():
        return Path(location)
    if os.environ.get("MMED_REQUIRE_REAL") == "1":
        pytest.fail(f"MMED_RAW={location!r} is not a folder, and MMED_REQUIRE_REAL=1 demands one")
    pytest.skip("MMED_RAW names no folder of real upstream files")
