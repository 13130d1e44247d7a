"""What is asked of a model and what came back; the key under which an answer is kept for ever.

The key is the digest of all that decides an answer, and of nothing else: not of the endpoint, of
the row, or of the number of the prompt's version, whose text is in the messages anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, Protocol

from pipeline.errors import InputError, StoppedError

LOCAL_MODEL = "local/"  # how names of small models begin that this project serves itself


class Outcome(StrEnum):
    """How an answer ended. Only `OK` has a text to use; the others are as final and as paid."""

    OK = "ok"
    LENGTH = "length"  # cut at max_tokens, however whole it looks
    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"
    EMPTY = "empty"
    MALFORMED = "malformed"  # not what was asked for: no JSON, or ended for an unknown reason
    REJECTED = "rejected"  # the endpoint will not take this request (400, 413, 422)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Request:
    """A chat completion to ask for.

    `attempt` is 0 first and counts varied retries, so that replay repeats them. `schema` is the
    JSON Schema that the text has to satisfy, `extra` further fields of the payload. Fields below
    `extra` say where a request comes from and are not part of its key.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float | None = 0.0  # None: the field is not sent
    attempt: int = 0
    schema: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = ""  # its exact name, such as `translate/en-ja@1+0a1b2c3d`
    row: str = ""  # id of the row that it is asked for
    is_local: bool = False  # only for a loopback endpoint, and never packed

    @cached_property
    def key(self) -> str:
        """Return the digest of what decides the answer, in hexadecimal."""
        payload = [
            self.model,
            [[one.role, one.content] for one in self.messages],
            self.max_tokens,
            self.temperature,
            self.attempt,
            self.schema,
            dict(self.extra),
        ]
        text = json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request, and what it cost; tokens as the endpoint counted them."""

    key: str
    outcome: Outcome
    text: str
    prompt: str
    model: str  # as asked
    model_returned: str = ""
    fingerprint: str = (
        ""  # the endpoint's `system_fingerprint`; of a local model, its file's digest
    )
    request_id: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    is_estimated: bool = False  # the endpoint told no usage: tokens are our estimate
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class Guess(Answer):
    """An answer that an estimate made up of the text it was asked about; it is not to be judged."""


class Ask(Protocol):
    """Gets the answers to requests, in their order: live, by replay, estimated or in batches.

    Requests given together depend on nothing but what is already answered.
    """

    async def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer per request."""
        ...


class MissError(InputError):
    """A replay found no answer to a request, and has nobody to ask."""

    @classmethod
    def of(cls, request: Request, where: str, hint: str) -> MissError:
        """Return the error for a request that `where` does not hold."""
        return cls(
            f"{where} holds no answer to prompt {request.prompt!r} for row {request.row} "
            f"(model {request.model!r}). {hint}"
        )


class RequestFailedError(StoppedError):
    """One request did not get through after all its retries; others may."""
