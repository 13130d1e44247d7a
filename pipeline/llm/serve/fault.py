"""A scripted OpenAI-compatible server: answers, fails and counts as it is told.

For tests (`with FaultServer(script) as server: server.base_url`) and, as `mmed llm serve --backend
fault`, to rehearse a run before it costs anything. `GET /fault/counts` shows the counts of a server
in another process. There the server answers for models of its own name alone, so that no answer of
a rehearsal is ever taken for that of a model: the name is in its key and in every row made of it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipeline.llm.serve.batches import Batches
from pipeline.llm.serve.compose import (
    Payload,
    chat_response,
    format_of,
    messages,
    plain_response,
    sent,
)
from pipeline.llm.serve.http import Call, LoopbackServer, Response, error_response, json_response
from pipeline.llm.serve.script import (
    CHAT,
    REHEARSAL,
    Reply,
    Script,
    When,
    load_script,
    parse_script,
)

__all__ = ["Counts", "FaultServer", "Received", "Reply", "Script", "serve_fault"]

_KEPT_REQUESTS = 100_000
_OPEN = "/fault/counts"  # asks no key and is not counted


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in, without its Authorization header unless that was asked for."""

    path: str
    number: int  # among the requests to this path, from 1
    seen: int  # how many times this payload has come, from 1
    digest: str
    payload: Payload
    headers: Mapping[str, str]
    at_s: float  # since the server was made


@dataclass
class Counts:
    """What a server has seen: of chat completions, except `by_path`."""

    num_requests: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    num_batch_lines: int = 0
    by_path: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    by_digest: Counter[str] = field(default_factory=Counter)
    by_window: Counter[int] = field(default_factory=Counter)  # windows of `limit.window_s`

    def as_json(self) -> dict[str, Any]:
        """Return the counts without the digests, of which only the repeated are counted."""
        return {
            "num_requests": self.num_requests,
            "num_payloads": len(self.by_digest),
            "most_of_one_payload": max(self.by_digest.values(), default=0),
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "num_batch_lines": self.num_batch_lines,
            "by_path": self.by_path,
            "by_status": self.by_status,
            "most_in_one_window": max(self.by_window.values(), default=0),
        }


class FaultServer(LoopbackServer):
    """Serves a script; `script` may be replaced while it runs.

    `answer` decides a chat completion in code where no rule holds: it gets the payload and returns
    a text or a whole reply. `is_rehearsal`: models of other names than its own are not found.
    """

    def __init__(
        self,
        script: Script | Mapping[str, Any] | None = None,
        *,
        answer: Callable[[Payload], str | Reply] | None = None,
        port: int = 0,
        keep_authorization: bool = False,
        is_rehearsal: bool = False,
    ) -> None:
        super().__init__(self._respond, port)
        self.script = script if isinstance(script, Script) else parse_script(script or {}, "script")
        self.counts = Counts()
        self.received: deque[Received] = deque(maxlen=_KEPT_REQUESTS)
        self.batches = Batches(lambda: self.script, self._answer_line)
        self._answer = answer
        self._hidden = () if keep_authorization else ("authorization",)
        self._is_rehearsal = is_rehearsal
        self._rule_uses: Counter[int] = Counter()
        self._begun = time.monotonic()

    @property
    def base_url(self) -> str:
        """Return what a client is given as its base URL."""
        return f"{self.address}/v1"

    async def _respond(self, call: Call) -> Response:
        if call.path == _OPEN:
            return json_response(self.counts.as_json())
        request = self._note(call)
        if request.path != CHAT:
            return await self._respond_other(call, request)
        self.counts.in_flight += 1
        self.counts.max_in_flight = max(self.counts.max_in_flight, self.counts.in_flight)
        try:
            response = await self._respond_chat(call, request)
        finally:
            self.counts.in_flight -= 1
        self.counts.by_status[response.status] += 1
        return response

    def _note(self, call: Call) -> Received:
        """Count a request and keep it."""
        counts = self.counts
        counts.by_path[call.path] += 1
        at_s = time.monotonic() - self._begun
        payload = _payload(call)
        digest, seen = "", 1
        if call.path == CHAT:
            counts.num_requests += 1
            counts.by_window[int(at_s / self.script.limit.window_s)] += 1
            digest = _digest(payload)
            seen = self._count_digest(digest)
        headers = {name: one for name, one in call.headers.items() if name not in self._hidden}
        number = counts.by_path[call.path]
        request = Received(call.path, number, seen, digest, payload, headers, at_s)
        self.received.append(request)
        return request

    def _count_digest(self, digest: str) -> int:
        self.counts.by_digest[digest] += 1
        return self.counts.by_digest[digest]

    def _refusal(self, call: Call) -> Response | None:
        """Return the answer to a missing or wrong key, None to a right one."""
        key = self.script.key
        if key is None or call.headers.get("authorization") == f"Bearer {key}":
            return None
        return error_response(401, "Incorrect API key provided.", code="invalid_api_key")

    def _other_model(self, payload: Payload) -> Response | None:
        """Return the answer to whoever asks for another model, None where that may be."""
        if not self._is_rehearsal or str(payload.get("model")).startswith(REHEARSAL):
            return None
        message = f"this server only rehearses. Ask it for the model {REHEARSAL!r}"
        return error_response(404, message, code="model_not_found")

    def _over_limit(self) -> Response | None:
        limit, counts = self.script.limit, self.counts
        in_window = counts.by_window[int((time.monotonic() - self._begun) / limit.window_s)]
        is_over = (limit.in_flight is not None and counts.in_flight > limit.in_flight) or (
            limit.requests is not None and in_window > limit.requests
        )
        reply = Reply(status=limit.status, headers=limit.headers, message="Rate limit reached.")
        response = plain_response(reply) if is_over else None
        return response and sent(reply, response, {})

    async def _respond_chat(self, call: Call, request: Received) -> Response:
        if refused := (
            self._refusal(call) or self._other_model(request.payload) or self._over_limit()
        ):
            return refused
        script = self.script
        reply = self._reply(request)
        if delay_ms := script.latency_ms + reply.delay_ms:
            await asyncio.sleep(delay_ms / 1000)
        return chat_response(script, reply, request.payload, request.number)

    async def _respond_other(self, call: Call, request: Received) -> Response:
        if refused := self._refusal(call):
            return refused
        reply = self._ruled(request)
        if reply is None:
            return self._plainly(call)
        await asyncio.sleep(reply.delay_ms / 1000)
        return sent(reply, plain_response(reply) or self._plainly(call), {})

    def _plainly(self, call: Call) -> Response:
        if call.path == "/v1/models":
            models = [{"id": name, "object": "model"} for name in self.script.models]
            return json_response({"object": "list", "data": models})
        if call.path.startswith(("/v1/files", "/v1/batches")):
            return self.batches.respond(call)
        return error_response(404, f"No such path: {call.path}")

    def _answer_line(self, payload: Payload) -> Response:
        """Answer one line of a batch, for which the same rules hold."""
        counts = self.counts
        counts.num_batch_lines += 1
        if refused := self._other_model(payload):
            return refused
        digest = _digest(payload)
        seen = self._count_digest(digest)
        request = Received(CHAT, counts.num_batch_lines, seen, digest, payload, {}, 0.0)
        return chat_response(self.script, self._reply(request), payload, request.number)

    def _reply(self, request: Received) -> Reply:
        ruled = self._ruled(request)
        if ruled is not None or self._answer is None:
            return ruled or self.script.default
        answer = self._answer(request.payload)
        if isinstance(answer, Reply):
            return answer
        return self.script.default.model_copy(update={"text": answer})

    def _ruled(self, request: Received) -> Reply | None:
        """Return what the first rule that holds says."""
        for index, rule in enumerate(self.script.rules):
            is_used_up = rule.times is not None and self._rule_uses[index] >= rule.times
            if not is_used_up and _holds(rule.when, request, f"{self.script.seed}/{index}"):
                self._rule_uses[index] += 1
                return rule.then
        return None


def _holds(when: When, request: Received, seed: str) -> bool:
    payload = request.payload
    return (
        request.path.startswith(when.path)
        and _among(request.number, when.number)
        and _among(request.seen, when.seen)
        and (when.contains is None or any(when.contains in one for one in messages(payload)))
        and (when.max_tokens_below is None or _max_tokens(payload) < when.max_tokens_below)
        and when.response_format in (None, format_of(payload))
        and (when.probability == 1 or _chance(seed, request) < when.probability)
    )


def _among(number: int, wanted: int | tuple[int, ...] | None) -> bool:
    return wanted is None or number == wanted or (isinstance(wanted, tuple) and number in wanted)


def _max_tokens(payload: Payload) -> float:
    limit = payload.get("max_tokens", payload.get("max_completion_tokens"))
    return float("inf") if limit is None else limit


def _chance(seed: str, request: Received) -> float:
    """Return a number from 0 to 1 that depends on the payload, not on the order of arrival."""
    text = f"{seed}/{request.digest}/{request.seen}"
    return int.from_bytes(sha256(text.encode()).digest()[:8]) / 2**64


def _payload(call: Call) -> Payload:
    if not call.headers.get("content-type", "").startswith("application/json"):
        return {}
    try:
        value = json.loads(call.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _digest(payload: Payload) -> str:
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:32]


def serve_fault(port: int, script_path: Path | None, announce: Callable[[str], None]) -> None:
    """Serve a script until the process is interrupted; `announce` gets the line to print."""
    script = load_script(script_path) if script_path else Script()
    with FaultServer(script, port=port, is_rehearsal=True) as server:
        served = script_path or "an echo of every request"
        announce(f"{server.base_url} serves {served} as the model {REHEARSAL}")
        server.wait()
