"""The script of the fault server: what it answers, and what goes wrong, request by request.

A script is YAML (or these models, in a test). Every key has a default; an empty script echoes the
last user message of every request.

    seed: 7                       # of the probabilities
    key: secret                   # 401 for whoever does not send it
    models: [local/rehearsal]     # of /v1/models
    latency_ms: 200               # of every answer
    response_format: ignore       # honour, ignore, json_object (alone), 400 or 500
    limit: {in_flight: 16, requests: 100, window_s: 1}   # beyond it: 429
    answers: {"Où avez-vous mal ?": "¿Dónde le duele?"}   # by the last user message, or a part
    default: {fingerprint: fp_1}  # a reply, see below; where no rule holds
    rules:                        # the first that holds decides
      - when: {number: 3}         # the third request; also [3, 9]
        then: {status: 429, headers: {Retry-After: "2"}}
      - when: {seen: 1, probability: 0.05}   # one in twenty payloads, the first time it is seen
        then: {status: 502, body: "<html>Bad gateway</html>"}
      - when: {contains: metformin}          # in any message
        then: {refusal: "I cannot help with that."}
      - when: {max_tokens_below: 512}
        then: {finish_reason: length, wrap: cut}
      - when: {path: /v1/batches}            # another path than /v1/chat/completions
        times: 1                             # this rule holds once
        then: {status: 503}
    batch: {polls: 2, order: reversed, end: completed, answered: 1.0}

All conditions of a `when` have to hold. What a reply (`then`, `default`) can say is in `Reply`
below. `Retry-After: date+5` becomes the HTTP date five seconds from now. Of `status: 429` and the
like, `code: insufficient_quota` makes the error an exhausted account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import InputError
from pipeline.llm.request import LOCAL_MODEL

CHAT = "/v1/chat/completions"
REHEARSAL = f"{LOCAL_MODEL}rehearsal"  # how the only names begin that `mmed llm serve` answers


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reply(_Model):
    """How one request is answered."""

    # An answer.
    text: str | None = None  # fixed; else from `answers`, else the echo
    content: Literal["text", "null"] = "text"
    wrap: Literal["", "fenced", "cut", "chatter"] = ""  # done to the text
    finish_reason: str | None = "stop"
    refusal: str | None = None
    num_choices: int = Field(1, ge=0)
    usage: tuple[int, int] | Literal["count", "missing"] = "count"  # prompt, completion tokens
    model: str | None = None  # returned; else as asked
    fingerprint: str | None = None
    # A failure.
    status: int = Field(200, ge=200, le=599)
    code: str | None = None  # of the error, such as insufficient_quota
    message: str | None = None  # of the error
    body: str | None = None  # sent instead of any JSON
    content_type: str = "text/html"  # of `body`
    headers: Mapping[str, str] = {}
    # The way it is sent.
    delay_ms: float = Field(0, ge=0)
    drip_ms: float = Field(0, ge=0)  # between every 16 bytes
    reset_after: int | None = Field(None, ge=0)  # bytes of the body


class When(_Model):
    """Which requests a rule is for."""

    path: str = CHAT  # begins with this
    number: int | tuple[int, ...] | None = None  # among the requests to that path, from 1
    seen: int | tuple[int, ...] | None = None  # how many times this payload has come, from 1
    contains: str | None = None  # in one of the messages
    max_tokens_below: int | None = None
    response_format: Literal["json_schema", "json_object", "none"] | None = None
    probability: float = Field(1.0, ge=0, le=1)  # by digest of payload, `seen` and seed


class Rule(_Model):
    """A condition and what is answered under it."""

    when: When = When()
    then: Reply
    times: int | None = Field(None, ge=1)  # how often the rule holds


class Limit(_Model):
    """What the server takes; beyond it, it answers with the status given here."""

    in_flight: int | None = Field(None, ge=1)
    requests: int | None = Field(None, ge=1)  # in a window
    window_s: float = Field(1.0, gt=0)
    status: int = 429
    headers: Mapping[str, str] = {}


class BatchPlan(_Model):
    """How batches go."""

    polls: int = Field(1, ge=0)  # answered `in_progress` before the end
    order: Literal["input", "reversed", "shuffled"] = "input"
    end: Literal["completed", "expired", "failed", "no_output"] = "completed"
    answered: float = Field(1.0, ge=0, le=1)  # share of the lines done when a batch expires


class Script(_Model):
    """All that a fault server does; see the module's docstring."""

    seed: int = 0
    key: str | None = None
    models: tuple[str, ...] = (REHEARSAL,)
    latency_ms: float = Field(0, ge=0)
    response_format: Literal["honour", "ignore", "json_object", 400, 500] = "honour"
    limit: Limit = Limit()
    answers: Mapping[str, str] = {}
    default: Reply = Reply()
    rules: tuple[Rule, ...] = ()
    batch: BatchPlan = BatchPlan()


def load_script(path: Path) -> Script:
    """Read a script; an `InputError` says what is wrong with it, in one line."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: the script cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: the script is no YAML ({reason}).") from error
    return parse_script(values or {}, str(path))


def parse_script(values: object, place: str) -> Script:
    """Return a script from plain values; `place` is where they stand."""
    try:
        return Script.model_validate(values)
    except ValidationError as error:
        raise InputError(
            f"{place}: {_first_fault(error)}. `docs/llm.md` lists what a script can say."
        ) from error


def _first_fault(error: ValidationError) -> str:
    # A misspelt key also misses under its right name; the spelling is what is wrong.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    *above, last = first["loc"] or ("the script",)
    where = ".".join(map(str, above))
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(_model_at(above).model_fields))
        return f"{where or 'the script'}: unknown key {last!r}; known are {known}"
    return f"{where}{where and '.'}{last}: {first['msg']}, found {first['input']!r}"


def _model_at(location: Sequence[int | str]) -> type[BaseModel]:
    """Return the model that reads what stands at a place of a script."""
    model: type[BaseModel] = Script
    for step in location:
        if isinstance(step, str):  # a number is a place in a list
            model = _model_in(model.model_fields[step].annotation)
    return model


def _model_in(annotation: Any) -> type[BaseModel]:  # noqa: ANN401 - `Rule`, `tuple[Rule, ...]`
    while not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        annotation = get_args(annotation)[0]
    return annotation
