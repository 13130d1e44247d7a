"""An OpenAI-compatible server around one GGUF model, run by llama-cpp-python on this machine.

Requests are answered one at a time, and an answer depends on its request alone: what may be left
in the model's memory from an earlier request is the beginning of this one's prompt, and only if it
was evaluated in exactly the steps that this request would have taken.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.llm.serve.gguf import Announce, ModelFile, obtain
from pipeline.llm.serve.http import Call, LoopbackServer, Response, error_response, json_response
from pipeline.llm.serve.model import ChatModel, Completion, Generation, LlamaModel, RefusedError
from pipeline.llm.serve.script import CHAT

CONTEXT_TOKENS = 4096
_UNWANTED = "The server is ending, or the client did not wait."


class LlamaServer(LoopbackServer):
    """Serves one chat model under the name of its file."""

    def __init__(self, model: ChatModel, file: ModelFile, port: int = 0) -> None:
        super().__init__(self._respond, port)
        self._model = model
        self._file = file
        self._turn = asyncio.Lock()
        self._is_ending = threading.Event()
        self._num_answers = 0

    def __exit__(self, *reason: Any) -> None:  # noqa: ANN401
        """End; the answer under way is given up."""
        self._is_ending.set()
        super().__exit__(*reason)

    @property
    def base_url(self) -> str:
        """Return what a client is given as its base URL."""
        return f"{self.address}/v1"

    async def _respond(self, call: Call) -> Response:
        if call.path == "/v1/models":
            entry = {"id": self._file.model, "object": "model", "owned_by": "local"}
            return json_response({"object": "list", "data": [entry]})
        if call.path != CHAT or call.method != "POST":
            return error_response(404, f"No such path: {call.method} {call.path}")
        try:
            generation = Generation.model_validate_json(call.body)
        except ValidationError as error:
            return error_response(400, _first_fault(error))
        if generation.model != self._file.model:
            message = f"The model {generation.model!r} is not served here, {self._file.model!r} is."
            return error_response(404, message, code="model_not_found")
        return await self._complete(generation, call.is_gone)

    async def _complete(self, generation: Generation, is_gone: Callable[[], bool]) -> Response:
        def is_wanted() -> bool:
            return not (is_gone() or self._is_ending.is_set())

        async with self._turn:
            if not is_wanted():
                return error_response(503, _UNWANTED)
            try:
                done = await asyncio.to_thread(self._model.complete, generation, is_wanted)
            except RefusedError as error:
                return error_response(400, str(error), code=error.code)
        if not is_wanted():  # so the text may be cut, which must not pass for its length
            return error_response(503, _UNWANTED)
        self._num_answers += 1
        return json_response(self._body(done))

    def _body(self, done: Completion) -> dict[str, Any]:
        total = done.num_prompt_tokens + done.num_tokens
        return {
            "id": f"chatcmpl-{self._num_answers}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self._file.model,
            "system_fingerprint": self._file.sha256,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": done.text},
                    "logprobs": None,
                    "finish_reason": done.finish_reason,
                }
            ],
            "usage": {
                "prompt_tokens": done.num_prompt_tokens,
                "completion_tokens": done.num_tokens,
                "total_tokens": total,
            },
        }


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the request"
    return f"{where}: {first['msg']}, found {json.dumps(first['input'], default=str)[:200]}"


def serve_llama(
    model: str, port: int, folder: Path, announce: Announce, context_tokens: int = CONTEXT_TOKENS
) -> None:
    """Serve a model until the process is interrupted; `announce` gets the lines to print.

    `model` is a path, `hf:OWNER/REPO/FILE` or the name of a packaged model, see
    `pipeline.llm.serve.gguf`; `folder` is where a packaged one is put together.
    """
    LlamaModel.require()
    file = obtain(model, folder, announce)
    announce(f"loading {file.path}")
    loaded = LlamaModel(file.path, context_tokens)
    with LlamaServer(loaded, file, port) as server:
        announce(f"{server.base_url} serves {file.model}")
        server.wait()
