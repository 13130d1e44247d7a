"""One GGUF model in memory: from the messages of a chat to a text, by llama-cpp-python.

The only module that imports it (extra `local-llm`).
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import InputError

# A build for this very processor (GGML_NATIVE) answers differently from machine to machine, and
# one that uses AMX crashed at the first token on a virtual machine. pip would reuse such a build.
INSTALL = (
    'CMAKE_ARGS="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF" pip install --no-cache-dir '
    "-c constraints.txt -e '.[local-llm]'"
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Turn(_Model):
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class JsonSchema(BaseModel):
    """What a `json_schema` format names; other keys of it (name, strict) change nothing here."""

    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(BaseModel):
    """How the text has to look; a schema can be stated in either of two ways."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")

    @property
    def wanted(self) -> dict[str, Any] | None:
        """Return the JSON Schema of the text, None where it is free."""
        if self.type == "text":
            return None
        stated = self.json_schema.schema_ if self.json_schema else self.schema_
        return stated or {"type": "object"}


class Generation(_Model):
    """A request for a chat completion; what this server cannot do is refused, never ignored."""

    model: str
    messages: tuple[Turn, ...] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(0.95, gt=0, le=1)
    seed: int = Field(0, ge=0, lt=2**32 - 1)  # the highest means a random one to llama.cpp
    response_format: ResponseFormat | None = None
    n: Literal[1] = 1
    stream: Literal[False] = False
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A generated text."""

    text: str
    finish_reason: Literal["stop", "length"]
    num_prompt_tokens: int
    num_tokens: int


class RefusedError(Exception):
    """A request that cannot be answered, ever."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ChatModel(Protocol):
    """What the server needs of a model."""

    def complete(self, generation: Generation, is_wanted: Callable[[], bool]) -> Completion:
        """Return the completion of a chat; it may be cut short when it is no longer wanted."""
        ...


class LlamaModel:
    """A model loaded by llama-cpp-python; one thread at a time may use it."""

    def __init__(self, path: Path, context_tokens: int, num_threads: int | None = None) -> None:
        self._llama_cpp = self.require()
        num_threads = num_threads or os.cpu_count()
        try:
            self._llama = self._llama_cpp.Llama(
                str(path),
                n_ctx=context_tokens,
                n_threads=num_threads,
                n_threads_batch=num_threads,
                verbose=False,
            )
        except ValueError as error:
            raise InputError(f"{path}: llama.cpp cannot load the model ({error}).") from error
        template = self._llama.metadata.get("tokenizer.chat_template")
        if template is None:
            raise InputError(f"{path}: no chat template, so no model that answers to messages.")
        self._template = template
        self._prefix: list[int] = []  # tokens that the model's memory begins with

    @staticmethod
    def require() -> Any:  # noqa: ANN401 - an optional package without types
        """Return the package; an `InputError` names the command that installs a fit build."""
        # Else threads that wait for each other burn the cores that others need: with two threads on
        # two busy cores, 0.17 tokens/s instead of 1.3. Read when the library is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        try:
            package: Any = importlib.import_module("llama_cpp")
        except ImportError as error:
            raise InputError(
                f"`llama-cpp-python` (extra `local-llm`) is not installed. Run: {INSTALL}"
            ) from error
        if b"AMX_INT8 = 1" in package.llama_print_system_info():
            raise InputError(f"This build of `llama-cpp-python` uses AMX. Build it by: {INSTALL}")
        return package

    def complete(self, generation: Generation, is_wanted: Callable[[], bool]) -> Completion:
        """Return the completion of a chat; it is cut short when it is no longer wanted."""
        prefix, rest = self._prompt(generation.messages)
        num_prompt_tokens = len(prefix) + len(rest)
        room = self._llama.n_ctx() - num_prompt_tokens
        if room < 1:
            message = f"The prompt has {num_prompt_tokens} tokens of {self._llama.n_ctx()}."
            raise RefusedError(message, "context_length_exceeded")
        limit = generation.max_tokens or generation.max_completion_tokens or room
        grammar = self._grammar(generation.response_format)
        self._recall(prefix)
        tokens: list[int] = []
        for token in self._generate(rest, generation, grammar):
            if self._ends(token):
                return self._completion(tokens, "stop", num_prompt_tokens)
            tokens.append(token)
            if len(tokens) >= min(limit, room) or not is_wanted():
                break
        return self._completion(tokens, "length", num_prompt_tokens)

    def _prompt(self, messages: Sequence[Turn]) -> tuple[list[int], list[int]]:
        """Return the tokens of all messages but the last, and those of the rest of the prompt."""
        for message in messages:
            self._refuse_control_tokens(message.content)
        whole = self._render(messages, is_asking=True)
        begun = self._render(messages[:-1], is_asking=False) if len(messages) > 1 else ""
        if not whole.startswith(begun):  # the template writes earlier messages by the later ones
            begun = ""
        return self._tokens(begun), self._tokens(whole.removeprefix(begun))

    def _render(self, messages: Sequence[Turn], *, is_asking: bool) -> str:
        formatter = self._llama_cpp.llama_chat_format.Jinja2ChatFormatter(
            self._template,
            eos_token=self._token_text(self._llama.token_eos()),
            bos_token=self._token_text(self._llama.token_bos()),
            add_generation_prompt=is_asking,
        )
        try:
            turns = [message.model_dump() for message in messages]
            return str(formatter(messages=turns).prompt)
        except ValueError as error:  # by the template itself, such as two turns of one role
            raise RefusedError(
                f"The model's chat template refuses the messages: {error}"
            ) from error

    def _token_text(self, token: int) -> str:
        if token < 0:
            return ""
        return bytes(self._llama.detokenize([token], special=True)).decode()

    def _tokens(self, text: str) -> list[int]:
        if not text:
            return []
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=True))

    def _refuse_control_tokens(self, text: str) -> None:
        """Refuse a text that would end its own turn and speak for somebody else."""
        plain = self._llama.tokenize(text.encode(), add_bos=False, special=False)
        if plain != self._llama.tokenize(text.encode(), add_bos=False, special=True):
            raise RefusedError("A message holds a control token of the model.", "control_token")

    def _grammar(self, wanted: ResponseFormat | None) -> Any:  # noqa: ANN401
        schema = wanted.wanted if wanted else None
        if schema is None:
            return None
        try:
            # Not by `response_format`, which falls back to any JSON where a schema is not known.
            return self._llama_cpp.LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False)
        except Exception as error:  # whatever the converter stumbles on
            raise RefusedError(f"The schema cannot be made a grammar: {error}") from error

    def _recall(self, prefix: list[int]) -> None:
        """Bring the model to where it has read the prefix, and nothing else.

        The prefix is always evaluated from the start and by itself, so that its memory is bit by
        bit the same whether it was read for this request or for an earlier one.
        """
        if prefix and prefix == self._prefix:
            self._llama.n_tokens = len(prefix)  # the next evaluation forgets what came after
            return
        self._prefix = []
        self._llama.reset()
        if prefix:
            self._llama.eval(prefix)
        self._prefix = prefix

    def _generate(self, rest: list[int], wanted: Generation, grammar: Any) -> Iterator[int]:  # noqa: ANN401
        self._llama.set_seed(wanted.seed)
        tokens: Iterator[int] = self._llama.generate(
            rest, temp=wanted.temperature, top_p=wanted.top_p, reset=False, grammar=grammar
        )
        return tokens

    def _ends(self, token: int) -> bool:
        return bool(self._llama_cpp.llama_vocab_is_eog(self._llama._model.vocab, token))

    def _completion(
        self, tokens: list[int], reason: Literal["stop", "length"], num_prompt_tokens: int
    ) -> Completion:
        # The last letter of a text that was cut may be incomplete.
        text = bytes(self._llama.detokenize(tokens)).decode(errors="ignore")
        return Completion(text, reason, num_prompt_tokens, len(tokens))
