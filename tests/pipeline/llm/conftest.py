"""A scripted server on loopback and a rig of clients to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.llm.serve.fault import FaultServer
from tests.pipeline.llm.loopback import Rig


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_LOG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def rig(server: FaultServer, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path, server.base_url)
    yield rig
    rig.cache.close()
