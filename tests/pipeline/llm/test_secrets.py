"""A canary for a key: it goes over the wire and nowhere else, however talkative the endpoint is."""

from __future__ import annotations

import json
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest

from pipeline.llm.batch import BatchRunner
from pipeline.llm.client import Client
from pipeline.llm.pack import Pack, write_pack
from pipeline.llm.serve.fault import FaultServer
from tests.pipeline.llm.loopback import TEXTS, Rig, request, run
from tests.pipeline.llm.test_client import script

CANARY = "sk-canary/4c1d5f"
# As an encoder of JSON may write it, which a decoder turns into the key again.
ESCAPED = {
    "a slash": CANARY.replace("/", "\\/"),
    "a number": CANARY.replace("s", "\\u0073").replace("/", "\\u002F"),
    "numbers alone": "".join(f"\\u{ord(letter):04x}" for letter in CANARY),
}

COMPLETION = '{"choices": [{"message": {"content": "%s"}, "finish_reason": "stop"}]}'

ECHOES: dict[str, dict[str, Any]] = {
    "401": {"status": 401, "message": f"Incorrect API key provided: {CANARY}"},
    "400": {"status": 400, "message": f"bad header Authorization: Bearer {CANARY}"},
    "500": {"status": 500, "body": f"<pre>Authorization: Bearer {CANARY}</pre>"},
    "page": {"body": f"<html>{CANARY}</html>"},
    "reset": {"reset_after": 5},
    **{
        f"{status}, {name}": {
            "status": status,
            "body": f'{{"error": {{"message": "wrong key {escaped}"}}}}',
        }
        for status in (400, 401, 500)
        for name, escaped in ESCAPED.items()
    },
    **{f"raw, {name}": {"status": 500, "body": escaped} for name, escaped in ESCAPED.items()},
    **{f"page, {name}": {"body": f'["{escaped}"]'} for name, escaped in ESCAPED.items()},
    **{f"other, {name}": {"body": f'{{"a": "{escaped}"}}'} for name, escaped in ESCAPED.items()},
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
        assert not any(escaped in str(error) for escaped in ESCAPED.values())
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


@pytest.mark.parametrize("escaped", ESCAPED.values(), ids=ESCAPED)
@pytest.mark.parametrize("is_nested", [False, True])
@pytest.mark.parametrize("is_batch", [False, True])
def test_no_answer_keeps_a_key_that_was_escaped(
    server: FaultServer,
    rig: Rig,
    client: Client,
    tmp_path: Path,
    escaped: str,
    is_nested: bool,
    is_batch: bool,
) -> None:
    text = json.dumps(f'{{"said": "{escaped}"}}')[1:-1] if is_nested else f"said {escaped}"
    body = COMPLETION % text
    if is_batch:
        line = f'{{"custom_id": "{request().key}", "response": {{"status_code": 200, "body": %s}}}}'
        output = {"when": {"path": "/v1/files/"}, "then": {"body": line % body}}
        script(server, rules=[output], batch={"polls": 0})
        by_batch(rig, client)
    else:
        script(server, default={"body": body, "content_type": "application/json"})
        rig.ask([request()], client)
    answer = rig.cache.get([request().key])[request().key]
    expected = '{"said": "[key]"}' if is_nested else "said [key]"
    assert answer.text == expected
    assert CANARY.encode() not in contents(tmp_path)


def by_batch(rig: Rig, client: Client) -> None:
    async def work() -> None:
        endpoint = rig.endpoint(environment={"OPENAI_API_KEY": CANARY})
        runner = BatchRunner(endpoint, rig.cache, rig.budget(), rig.pacing(), client)
        await runner.run_round([request()])
        await endpoint.close()

    run(work())


@pytest.mark.parametrize("letter", ['"', "\\", "/"])
def test_a_key_of_letters_that_json_escapes_is_removed(
    server: FaultServer, rig: Rig, letter: str
) -> None:
    key = f"sk-canary{letter}4c1d5f"
    script(server, default={"text": f"your key is {key}."})
    endpoint = rig.endpoint(environment={"OPENAI_API_KEY": key})
    [answer] = rig.ask([request()], rig.client(endpoint=endpoint))
    assert answer.text == "your key is [key]."


def test_a_body_of_backslashes_is_read_at_once(server: FaultServer, rig: Rig) -> None:
    script(server, default={"text": "\\" * 300_000})
    endpoint = rig.endpoint(environment={"OPENAI_API_KEY": CANARY}, timeout_s=5.0)
    [answer] = rig.ask([request()], rig.client(endpoint=endpoint))
    assert answer.text == "\\" * 300_000


def test_objects_do_not_show_the_key(rig: Rig, client: Client) -> None:
    endpoint = rig.endpoint(environment={"OPENAI_API_KEY": CANARY})
    assert CANARY not in f"{endpoint!r} {endpoint} {client!r}"
