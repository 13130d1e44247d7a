"""A small HTTP/1.1 server on loopback, quick enough that a client under test is the slower one.

A handler gets a `Call` and returns a `Response`, which can also drip or break off: what servers do
in earnest, and what ready-made server libraries take care never to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from pipeline.errors import InputError

HOST = "127.0.0.1"
_MAX_HEAD_BYTES = 1 << 16
_DRIP_BYTES = 16  # sent at once by a dripping response
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset and not an end


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came in; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    is_gone: Callable[[], bool]  # whether the client has hung up since


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back, and how badly."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    drip_s: float = 0.0  # between every few bytes of the body
    reset_after: int | None = None  # bytes of the body after which the connection is reset


Handler = Callable[[Call], Awaitable[Response]]


def json_response(value: object, status: int = 200) -> Response:
    """Return a response that holds a value as JSON."""
    return Response(status, json.dumps(value, ensure_ascii=False).encode())


def error_response(status: int, message: str, *, code: str | None = None) -> Response:
    """Return an error in the form that OpenAI-compatible servers give it."""
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    error = {"message": message, "type": code or kind, "param": None, "code": code}
    return json_response({"error": error}, status)


class LoopbackServer:
    """Runs a handler on a free or given port of this machine, in a thread and a loop of its own.

    Used in a `with` block, which begins when the server answers and ends when it is gone.
    """

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self._handler = handler
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, daemon=True, name="loopback-server")
        self._started = threading.Event()
        self._fault: OSError | None = None

    @property
    def address(self) -> str:
        """Return where the server answers, such as `http://127.0.0.1:8000`."""
        return f"http://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        if self._fault:
            raise InputError(
                f"port {self._port} of {HOST} cannot be served on ({self._fault.strerror}). "
                "Name another with `--port`, or 0 for any that is free."
            ) from self._fault
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def wait(self) -> None:
        """Serve until the process is interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            while True:  # an interrupt just before a wait without end would not be seen
                time.sleep(1)

    def _run(self) -> None:
        try:
            listener = self._loop.run_until_complete(self._listen())
        except OSError as error:
            self._fault = error
            self._started.set()
            return
        self._port = listener.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        listener.close()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        # The queue of unaccepted connections: hundreds of clients may connect at once.
        return await asyncio.start_server(
            self._serve, HOST, self._port, limit=_MAX_HEAD_BYTES, backlog=4096
        )

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A client that hangs up, or this server ending, needs no word.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while call := await _read(reader):
                response = await self._handler(call)
                writer.write(_head(response))
                if call.method != "HEAD":
                    await _send_body(writer, response)
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Call | None:
    """Return the next request of a connection, None where the client is done with it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, path, *_ = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Call(method, unquote(path.partition("?")[0]), headers, body, lambda: _is_gone(reader))


def _is_gone(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof() or reader.exception() is not None


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return bytes(body)


async def _send_body(writer: asyncio.StreamWriter, response: Response) -> None:
    body = response.body if response.reset_after is None else response.body[: response.reset_after]
    if response.drip_s:
        for start in range(0, len(body), _DRIP_BYTES):
            writer.write(body[start : start + _DRIP_BYTES])
            await writer.drain()
            await asyncio.sleep(response.drip_s)
    else:
        writer.write(body)
        await writer.drain()
    if response.reset_after is not None:
        _reset(writer)


def _head(response: Response) -> bytes:
    status = response.status
    phrase = _PHRASES.get(status, "Unknown")
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        f"content-type: {response.content_type}",
        f"content-length: {len(response.body)}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: Any = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
    raise ConnectionResetError
