"""A canary for a key: it goes over the wire and nowhere else, however talkative the endpoint is."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import pytest

from pipeline.llm.client import Client
from pipeline.llm.pack import Pack, write_pack
from pipeline.llm.serve.fault import FaultServer
from tests.pipeline.llm.loopback import TEXTS, Rig, request
from tests.pipeline.llm.test_client import script

CANARY = "sk-canary-4c1d5f"

ECHOES: dict[str, dict[str, Any]] = {
    "401": {"status": 401, "message": f"Incorrect API key provided: {CANARY}"},
    "400": {"status": 400, "message": f"bad header Authorization: Bearer {CANARY}"},
    "500": {"status": 500, "body": f"<pre>Authorization: Bearer {CANARY}</pre>"},
    "page": {"body": f"<html>{CANARY}</html>"},
    "reset": {"reset_after": 5},
    "redirect": {"status": 307, "body": CANARY, "headers": {"Location": "http://127.0.0.1:9/"}},
}


@pytest.fixture
def client(rig: Rig) -> Client:
    endpoint = rig.endpoint(environment={"OPENAI_API_KEY": CANARY}, timeout_s=5.0)
    return rig.client(endpoint=endpoint)


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def chain(error: BaseException) -> list[BaseException]:
    """Return an error and all that led to it, also what `from None` hides."""
    found: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and one not in found:
            found.append(one)
            left += [one.__cause__, one.__context__]
    return found


def test_the_key_is_sent(rig: Rig) -> None:
    with FaultServer({"key": CANARY}, keep_authorization=True) as server:
        rig.base_url = server.base_url
        endpoint = rig.endpoint(environment={"OPENAI_API_KEY": CANARY})
        rig.ask([request()], rig.client(endpoint=endpoint))
        assert server.received[0].headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_no_failure_shows_the_key(
    server: FaultServer,
    rig: Rig,
    client: Client,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    echo: dict[str, Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    script(server, default=echo)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        rig.ask([request(text) for text in TEXTS.values()], client)
    for error in chain(caught.value):
        lines = traceback.format_exception(error)
        assert CANARY not in "".join(lines)
        assert CANARY not in f"{error!r} {vars(error)!r}"
    assert CANARY not in caplog.text
    assert CANARY not in f"{client.totals!r}"
    assert CANARY.encode() not in contents(tmp_path)


def test_no_answer_keeps_the_key(
    server: FaultServer,
    rig: Rig,
    client: Client,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"text": f"your key is {CANARY}", "fingerprint": CANARY, "model": CANARY}
    script(server, default=echo)
    [answer] = rig.ask([request()], client)
    write_pack(rig.cache, tmp_path / "pack.parquet")
    assert answer.text == "your key is [key]"
    assert CANARY not in f"{answer!r} {Pack(tmp_path / 'pack.parquet').get([answer.key])!r}"
    assert CANARY.encode() not in contents(tmp_path)
    assert CANARY not in caplog.text


def test_objects_do_not_show_the_key(rig: Rig, client: Client) -> None:
    endpoint = rig.endpoint(environment={"OPENAI_API_KEY": CANARY})
    assert CANARY not in f"{endpoint!r} {endpoint} {client!r}"
