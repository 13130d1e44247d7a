"""One HTTP call to an OpenAI-compatible endpoint: an answer, or a typed failure.

The `openai` client sends, with its own retries off; status, headers and body are judged here. The
key comes from the environment alone and is taken out of whatever the endpoint says.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from pipeline.errors import InputError
from pipeline.llm.completion import answer_of, empty_answer
from pipeline.llm.failures import (
    CallError,
    FatalError,
    RejectedError,
    TransientError,
    error_object,
    excerpt,
    of_status,
)
from pipeline.llm.request import Answer, Outcome, Request
from pipeline.llm.schema_mode import SchemaMode, SchemaWay, tell
from pipeline.llm.structured import MalformedError, parse

if TYPE_CHECKING:
    import httpx2
    import openai

BASE_URL = "OPENAI_BASE_URL"
KEY = "OPENAI_API_KEY"
TIMEOUT_S = 600.0
_CONNECT_TIMEOUT_S = 10.0
_SHORTEST_KEY = 8
_FILTER_CODES = {"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"}
_LIMIT_NAMES = ("max_tokens", "max_completion_tokens")
_OURS = {*_LIMIT_NAMES, "messages", "model", "n", "response_format", "stream", "temperature"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over the wire; the body without the key."""

    status: int
    headers: Mapping[str, str]
    body: str


class Endpoint:
    """Where requests are sent; `base_url` from the recipe goes before OPENAI_BASE_URL."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        if environment.get("OPENAI_LOG", "").lower() == "debug":
            raise InputError("OPENAI_LOG=debug would log whole requests. Unset it.")
        self.base_url = (
            _checked_url(base_url, "`llm.base_url`")
            if base_url
            else _checked_url(environment.get(BASE_URL, ""), BASE_URL)
        )
        self.is_loopback = _is_loopback(self.base_url)
        self._key = _checked_key(environment.get(KEY, ""))
        self._key_in_text = _spellings(self._key)
        if not self._key and not self.is_loopback:
            raise InputError(f"{self.base_url} needs a key. Set {KEY}; it is read nowhere else.")
        self._timeout_s = timeout_s
        self._connection: tuple[asyncio.AbstractEventLoop, openai.AsyncOpenAI] | None = None
        self._schema_modes: dict[str, SchemaMode] = {}
        self._limit_name = _LIMIT_NAMES[0]

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r})"

    def check(self, request: Request) -> None:
        """Raise an `InputError` if a request may not be sent here."""
        if request.is_local and not self.is_loopback:
            raise InputError(
                f"row {request.row} may not leave this machine (`egress: local`), and "
                f"{self.base_url} is elsewhere. Serve a model on 127.0.0.1 or leave the row out."
            )
        if taken := sorted(_OURS.intersection(request.extra)):
            raise InputError(
                f"`extra` of `llm` in the recipe states {taken[0]!r}, which is set for each "
                "request and bounds what it may cost. Remove it."
            )

    def schema_mode(self, schema: Mapping[str, Any]) -> SchemaMode:
        """Return what is known about how a schema is told."""
        text = json.dumps(schema, sort_keys=True, ensure_ascii=False)
        return self._schema_modes.setdefault(text, SchemaMode())

    def is_settled(self, request: Request) -> bool:
        """Tell whether it is known how the schema of a request is told, if it has one."""
        return request.schema is None or self.schema_mode(request.schema).is_settled

    async def complete(self, request: Request) -> Answer:
        """Send a request once; an answer, or a `CallError` or `FatalError`.

        A `ProbeError` says that the endpoint does not understand how the schema was told: the next
        time it is told otherwise. Only the holder of the schema's lock sends before it is settled.
        """
        self.check(request)
        if request.schema is None:
            return await self._complete(request, None)
        mode = self.schema_mode(request.schema)
        if mode.is_settled:
            return await self._complete(request, mode.way)
        return await self._probe(request, mode)

    async def _probe(self, request: Request, mode: SchemaMode) -> Answer:
        way, answer = mode.way, None
        try:
            answer = await self._complete(request, way)
        except RejectedError as error:
            if not mode.step_down():
                raise
            said = str(error)
        except TransientError as error:
            if error.status != 500 or not mode.is_to_blame():
                raise
            mode.step_down()
            said = str(error)
        else:
            if way is SchemaWay.PLAIN or answer.outcome is not Outcome.OK or _is_json(answer.text):
                mode.is_settled = answer.outcome is Outcome.OK
                return answer
            mode.step_down()
            said = f"{self.base_url} ignores {way}"
        raise ProbeError(said, answer)

    async def _complete(self, request: Request, way: SchemaWay | None) -> Answer:
        path = "/chat/completions"
        payload = self.payload(request, way)
        try:
            reply = await self.post(path, payload)
        except RejectedError as error:
            if not error.codes.isdisjoint(_FILTER_CODES):
                return empty_answer(request, Outcome.CONTENT_FILTER, str(error))
            # What was sent counts: another request may have found the name meanwhile.
            if _LIMIT_NAMES[1] in payload or _LIMIT_NAMES[1] not in str(error):
                raise
            self._limit_name = _LIMIT_NAMES[1]
            reply = None
        if reply is None:
            reply = await self.post(path, self.payload(request, way))
        request_id = self._without_key(reply.headers.get("x-request-id", ""))
        return answer_of(request, self.object_of(reply), request_id, self.base_url)

    def payload(self, request: Request, way: SchemaWay | None) -> dict[str, Any]:
        """Return the JSON that is sent for a request."""
        payload: dict[str, Any] = {
            "model": request.model,
            "messages": [{"role": one.role, "content": one.content} for one in request.messages],
            self._limit_name: request.max_tokens,
            **request.extra,
        }
        if request.temperature is not None:
            payload["temperature"] = request.temperature
        if request.schema is not None and way is not None:
            tell(payload, request.schema, way)
        return payload

    def object_of(self, reply: Reply) -> dict[str, Any]:
        """Return the JSON object of a response that says it went well."""
        try:
            body = json.loads(reply.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise TransientError(
                f"{self.base_url} answers no JSON object: {excerpt(reply.body)}. "
                "Is it the address of an API, such as https://host/v1?",
                is_charged=True,
            )
        if status := error_object(body):
            raise self._failure(status, reply)
        return body

    async def post(self, path: str, payload: Mapping[str, Any]) -> Reply:
        """Send JSON."""
        import httpx2

        client = self.client()
        return await self._send(client.post(path, cast_to=httpx2.Response, body=payload))

    async def get(self, path: str) -> Reply:
        """Read what lies at a path."""
        import httpx2

        return await self._send(self.client().get(path, cast_to=httpx2.Response))

    async def upload(self, name: str, content: bytes) -> Reply:
        """Send a file of requests for a batch."""
        import httpx2

        call = self.client().post(
            "/files",
            cast_to=httpx2.Response,
            body={"purpose": "batch"},
            files={"file": (name, content, "application/jsonl")},
            options={"headers": {"Content-Type": "multipart/form-data"}},
        )
        return await self._send(call)

    async def _send(self, call: Awaitable[httpx2.Response]) -> Reply:
        """Wait for a call of the `openai` client; raise what went wrong as one of ours."""
        import openai

        try:
            async with asyncio.timeout(self._timeout_s):
                response = await call
        except openai.APIStatusError as error:
            response = error.response
        except (TimeoutError, openai.APIConnectionError) as error:
            failure = self._not_received(error)
            response = None
        if response is None:
            raise failure  # outside of the block, so that no chain leads to the request
        body = self._without_key(response.content.decode("utf-8", "replace"))
        reply = Reply(response.status_code, response.headers, body)
        if reply.status >= 300:
            raise self._failure(reply.status, reply)
        return reply

    def _failure(self, status: int, reply: Reply) -> CallError | FatalError:
        return of_status(status, reply.body, reply.headers, self.base_url, has_key=bool(self._key))

    def _not_received(self, error: TimeoutError | openai.APIConnectionError) -> TransientError:
        import httpx2

        cause = error.__cause__
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
            return TransientError(f"{self.base_url} cannot be reached ({excerpt(str(cause))})")
        if isinstance(error, TimeoutError) or isinstance(cause, httpx2.TimeoutException):
            said = f"{self.base_url} did not answer within {self._timeout_s:g} s"
            return TransientError(said, is_charged=True, status=408)
        said = f"{self.base_url} broke off its answer ({type(cause).__name__})"
        return TransientError(said, is_charged=True)

    def _without_key(self, text: str) -> str:
        return self._key_in_text.sub("[key]", text) if self._key_in_text else text

    def client(self) -> openai.AsyncOpenAI:
        """Return the connection of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._connection is None or self._connection[0] is not loop:
            self._connection = loop, self._connect()
        return self._connection[1]

    def _connect(self) -> openai.AsyncOpenAI:
        import openai

        from pipeline.llm.transport import http_client

        return openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self.base_url,
            max_retries=0,
            http_client=http_client(
                self._timeout_s,
                _CONNECT_TIMEOUT_S,
                is_direct=self.is_loopback,
                is_encrypted=self.base_url.startswith("https:"),
            ),
        )

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        connection, self._connection = self._connection, None
        for mode in self._schema_modes.values():
            mode.lock = asyncio.Lock()  # a lock is its loop's
        if connection is not None and connection[0] is asyncio.get_running_loop():
            await connection[1].close()


class ProbeError(CallError):
    """An endpoint does not understand how a schema was told; `answer` if that cost something."""

    def __init__(self, message: str, answer: Answer | None) -> None:
        super().__init__(message)
        self.answer = answer


def _checked_key(key: str) -> str:
    """Return a key without the white space around it; an `InputError` never repeats it."""
    key = key.strip()
    if not (key.isascii() and key.isprintable()):
        raise InputError(
            f"{KEY} holds a character that is not printable ASCII, which no header can hold. "
            "Copy the key again."
        )
    return key


def _spellings(key: str) -> re.Pattern[str] | None:
    """Return what finds a key as it is and as JSON may write it, also within JSON in JSON.

    So what is decoded later, by us or by a reader of an answer, cannot give the key. None for a
    dummy of a few letters for a server without keys, since replacing it would garble words.
    """
    if len(key) < _SHORTEST_KEY:
        return None
    return re.compile("".join(map(_spellings_of, key)))


def _spellings_of(letter: str) -> str:
    # Each level of JSON in JSON doubles the backslashes; without a limit, a body of backslashes
    # would take time by the square of its length.
    plain = rf"\\{{0,8}}{re.escape(letter)}" if letter in '"\\/' else re.escape(letter)
    return rf"(?:{plain}|\\{{1,8}}u(?i:{ord(letter):04x}))"


def _checked_url(url: str, place: str) -> str:
    """Return a base URL; an `InputError` never repeats what may be a password."""
    if not url:
        raise InputError(
            f"no endpoint is stated for the calls. Set {place}, such as https://host/v1; none is "
            "taken by default."
        )
    parts = _parts_of(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            "the base URL of the endpoint does not begin with http:// or https:// and a host, "
            f"with a port from 0 to 65535 if any. Correct {place}."
        )
    if parts.username is not None or parts.query:
        raise InputError(
            f"the base URL of {parts.hostname} holds a user name, a password or a query. "
            f"Leave them out; a key belongs into {KEY}."
        )
    return url.rstrip("/")


def leads_to_loopback(base_url: str | None) -> bool:
    """Tell whether a recipe's `base_url`, or OPENAI_BASE_URL without one, is this machine."""
    url = base_url or os.environ.get(BASE_URL, "")
    return bool(url) and _is_loopback(_checked_url(url, f"{BASE_URL} or `llm.base_url`"))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _parts_of(url: str) -> SplitResult | None:
    """Return the parts of a URL, None where its host or port is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read now: it is what raises
    except ValueError:
        return None
    return parts if url.isprintable() else None


def _is_json(text: str) -> bool:
    try:
        parse(text, {})
    except MalformedError:
        return False
    return True
