"""Turns the body of a chat completion into a typed answer. Nothing cut short is ever accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.llm.failures import TransientError, excerpt
from pipeline.llm.request import Answer, Outcome, Request
from pipeline.llm.tokens import estimate_tokens, prompt_tokens

# What endpoints say when an answer ended, in lower case.
_WHOLE = {"", "stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"}
_CUT = {"length", "max_tokens", "model_length"}
# No words about the content: the server broke off, and may not the next time.
_BROKEN = {"error", "abort", "aborted", "cancelled", "canceled"}
_FILTERED = {"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii"}


def answer_of(request: Request, body: Mapping[str, Any], request_id: str, where: str) -> Answer:
    """Return the answer in a response; `TransientError` where it is none."""
    choice, message = _choice(body, where)
    text = _text(message.get("content"))
    outcome = _outcome(str(choice.get("finish_reason") or ""), message, text, where)
    num_prompt, num_completion, is_estimated = _usage(request, body.get("usage"), text)
    return Answer(
        key=request.key,
        outcome=outcome,
        text=text,
        prompt=request.prompt,
        model=request.model,
        model_returned=str(body.get("model") or ""),
        fingerprint=str(body.get("system_fingerprint") or ""),
        request_id=request_id or str(body.get("id") or ""),
        prompt_tokens=num_prompt,
        completion_tokens=num_completion,
        is_estimated=is_estimated,
        is_local=request.is_local,
    )


def empty_answer(request: Request, outcome: Outcome, text: str = "") -> Answer:
    """Return the answer to a request that no model has seen; `text` says why."""
    return Answer(
        request.key, outcome, text, request.prompt, request.model, is_local=request.is_local
    )


def _choice(body: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the first choice and its message, which are empty where there is none."""
    choices = body.get("choices", ())
    choice = (choices or [{}])[0] if isinstance(choices, list | None) else None
    message = choice.get("message", {}) if isinstance(choice, dict) else ()
    if not isinstance(choice, dict) or not isinstance(message, dict | None):
        raise TransientError(
            f"{where} answers JSON that is no chat completion: {excerpt(str(dict(body)))}",
            is_charged=True,
        )
    return choice, message or {}


def _text(content: object) -> str:
    if isinstance(content, list):  # of parts
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    text = content if isinstance(content, str) else ""
    # Half of a character, cut off by the endpoint, cannot be stored.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _outcome(ended: str, message: Mapping[str, Any], text: str, where: str) -> Outcome:
    ended = ended.lower()
    if message.get("refusal"):
        return Outcome.REFUSAL
    if ended in _FILTERED:
        return Outcome.CONTENT_FILTER
    if ended in _CUT:
        return Outcome.LENGTH
    if ended in _BROKEN:
        raise TransientError(f"{where} broke off an answer ({ended!r})", is_charged=True)
    if ended not in _WHOLE:  # such as `tool_calls`: it would be the same every time
        return Outcome.MALFORMED
    return Outcome.OK if text.strip() else Outcome.EMPTY


def _usage(request: Request, usage: object, text: str) -> tuple[int, int, bool]:
    told = usage if isinstance(usage, dict) else {}
    counts = told.get("prompt_tokens"), told.get("completion_tokens")
    if all(isinstance(count, int) and count >= 0 for count in counts):
        return int(counts[0] or 0), int(counts[1] or 0), False
    return prompt_tokens(request), min(estimate_tokens(text), request.max_tokens), True
