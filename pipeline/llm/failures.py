"""How a call can fail: what is tried again, what is given up, and what stops the run.

Messages hold an excerpt of what the endpoint said, without the key; exceptions are raised outside
of any `except` block, so that no chain leads back to one that knows the request's headers.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from pipeline.errors import StoppedError

_EXCERPT = 200
_REJECTING = {400, 413, 414, 422, 431, 451}
_TRANSIENT = {408, 409, 425}
_OVERLOADED = {408, 429, 503, 529}  # 408 stands for our own timeouts, too
_NO_MONEY = {"insufficient_quota", "billing_hard_limit_reached", "insufficient_credits"}
_TAGS = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class CallError(Exception):
    """A call brought no answer. `is_charged`: it may have cost something all the same."""

    def __init__(self, message: str, *, is_charged: bool = False) -> None:
        super().__init__(message)
        self.is_charged = is_charged


class TransientError(CallError):
    """It may work the next time."""

    def __init__(
        self,
        message: str,
        *,
        is_charged: bool = False,
        status: int = 0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, is_charged=is_charged)
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def is_overload(self) -> bool:
        """Tell whether fewer requests at once may help."""
        return self.status in _OVERLOADED


class RateLimitedError(TransientError):
    """The endpoint wants to be asked later."""


class RejectedError(CallError):
    """The endpoint does not take this request; it may take others. `codes` say why."""

    def __init__(self, message: str, codes: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.codes = codes


class FatalError(StoppedError):
    """The endpoint will not answer anything before a person has changed something."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def of_status(
    status: int, body: str, headers: Mapping[str, str], where: str, *, has_key: bool = True
) -> CallError | FatalError:
    """Return the failure that an HTTP status with this body is; `has_key`: one was sent."""
    codes, said = _error(body)
    found = f"{where} answers {status}: {said.rstrip('.。')}"  # our own sentence ends with one
    if status == 402 or not codes.isdisjoint(_NO_MONEY):
        return FatalError(
            f"{found}. The account has no money left; the same command goes on.", status
        )
    if status == 401:
        told = (
            "It does not accept the key in OPENAI_API_KEY. Set another"
            if has_key
            else "No key was sent. Set OPENAI_API_KEY"
        )
        return FatalError(f"{found}. {told}; the same command goes on.", status)
    if status == 429:
        wait = retry_after_s(headers)
        return RateLimitedError(found, status=status, retry_after_s=wait)
    if status in _REJECTING:
        return RejectedError(found, codes)
    if status in _TRANSIENT or status >= 500:
        return TransientError(found, status=status, retry_after_s=retry_after_s(headers))
    return FatalError(
        f"{found}. Check the base URL and the model's name; the same command goes on.",
        status,
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return for how long the endpoint wants to be left alone, None where it does not say."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    stated = headers.get("retry-after")
    seconds = _number(stated)
    return seconds if seconds is not None else _until(stated, headers.get("date"))


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return max(0.0, number) if number < float("inf") else None


def _until(date: str | None, now: str | None) -> float | None:
    """Return the seconds until a date, by the endpoint's own clock where it tells the time."""
    try:
        moment = parsedate_to_datetime(date or "").timestamp()
        present = parsedate_to_datetime(now).timestamp() if now else time.time()
    except ValueError:
        return None
    return max(0.0, moment - present)


def _error(body: str) -> tuple[frozenset[str], str]:
    """Return the codes and the words of an error's body."""
    try:
        return _told(json.loads(body), body)
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        return frozenset(), excerpt(body)


def _told(error: Any, body: str) -> tuple[frozenset[str], str]:  # noqa: ANN401 - JSON is anything
    error = error[0] if isinstance(error, list) and error else error
    inner = error.get("error", error) if isinstance(error, dict) else error
    if not isinstance(inner, dict):
        return frozenset(), excerpt(str(inner))
    return _codes(inner), excerpt(str(inner.get("message") or inner.get("detail") or body))


def _codes(error: Mapping[str, Any]) -> frozenset[str]:
    # Some put a number into `code` and the word into `type`, some the other way round.
    return frozenset(str(error.get(name)) for name in ("code", "type"))


def excerpt(text: str) -> str:
    """Return the beginning of a text in one line, without HTML tags."""
    line = " ".join(_TAGS.sub(" ", text).split())
    return (f"{line[:_EXCERPT]}…" if len(line) > _EXCERPT else line) or "(nothing)"


def error_object(body: Mapping[str, Any]) -> int | None:
    """Return the status that a 200 with an `error` inside stands for, None without one."""
    error = body.get("error")
    if not error:
        return None
    if not isinstance(error, dict):
        return 500
    if not _codes(error).isdisjoint(_NO_MONEY):
        return 402
    code = error.get("code")
    return code if isinstance(code, int) and 400 <= code <= 599 else 500
