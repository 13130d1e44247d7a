"""Chat templates: the text that a conversation becomes, the same in training and in evaluation.

The model's own template, or one of ours by name. Whatever a template writes by itself is written
too: begin of text, and a system line where it has one (SmolLM2 and Qwen introduce themselves);
`Chat.opening` states it. A date in a template is always that of `DATE`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2.exceptions import TemplateError
from transformers import PreTrainedTokenizerBase

from pipeline.errors import InputError
from pipeline.finetune.tokenizer import backend

NAMED = ("llama3", "alpaca")
OWN = "model"  # the template that comes with the tokenizer
# What the template of Llama 3.1 takes where no date is given; the day of a run must not show.
DATE = datetime(2024, 7, 26)
_CLOCK = re.compile(r"""strftime_now\(\s*(['"])(.*?)\1\s*\)""")

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Chat:
    """A tokenizer with the template that its conversations are written in."""

    tokenizer: PreTrainedTokenizerBase
    name: str  # one of NAMED, or OWN
    source: str  # Jinja, whose calls of the clock are replaced by `DATE`
    opening: str  # what stands before the text of the first user
    end_of_turn: int  # the token that ends an answer

    def prompt(self, messages: Sequence[Message]) -> str:
        """Return the text that asks for the next answer."""
        return _render(self.tokenizer, self.source, messages, is_asking=True)

    def conversation(self, messages: Sequence[Message]) -> str:
        """Return the text of a finished conversation; `TemplateError` where turns are refused."""
        return _render(self.tokenizer, self.source, messages, is_asking=False)

    @property
    def digest(self) -> str:
        """Return a digest of what decides the text: the template and the date given to it."""
        return sha256(f"{self.source}\0{DATE.isoformat()}".encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Write the tokenizer with this template, as transformers reads it."""
        whole = copy(self.tokenizer)
        whole.chat_template = self.source
        whole.save_pretrained(folder)

    def facts(self) -> dict[str, Any]:
        """Return what a pool says of its template."""
        return {
            "name": self.name,
            "digest": self.digest,
            "opening": self.opening,
            "end_of_turn": self.end_of_turn,
        }


def load_chat(tokenizer: PreTrainedTokenizerBase, template: str, model: str) -> Chat:
    """Return the tokenizer with its own template (`model`), or with one of `NAMED`.

    An `InputError` says that a model has none, that it cannot be used, or that an answer would not
    end in a special token, so that a model could not learn to stop.
    """
    source = _with_fixed_date(_source(tokenizer, template, model))
    turns = [{"role": "user", "content": "QUESTION"}, {"role": "assistant", "content": "ANSWER"}]
    try:
        whole = _render(tokenizer, source, turns, is_asking=False)
        opening, tail = whole.split("QUESTION")[0], whole.rsplit("ANSWER", 1)[1]
    except (TemplateError, IndexError) as error:
        raise InputError(
            f"{model!r}: its chat template does not write a question and its answer ({error}). "
            f"Name another: template: {' or '.join(NAMED)}."
        ) from error
    return Chat(
        tokenizer, template, source, opening, _end_of_turn(tokenizer, tail, template, model)
    )


def _source(tokenizer: PreTrainedTokenizerBase, template: str, model: str) -> str:
    if template != OWN:
        place = files("pipeline.finetune").joinpath("templates", f"{template}.jinja")
        return place.read_text(encoding="utf-8")
    if not tokenizer.chat_template:
        raise InputError(
            f"{model!r} has no chat template. Name one in the recipe: "
            f"`template: {'` or `template: '.join(NAMED)}`."
        )
    return str(tokenizer.get_chat_template())


def _with_fixed_date(source: str) -> str:
    """Return a template that asks no clock; `{{ strftime_now("%Y") }}` becomes `{{ "2024" }}`."""
    return _CLOCK.sub(lambda call: f'"{DATE.strftime(call[2])}"', source)


def _end_of_turn(tokenizer: PreTrainedTokenizerBase, tail: str, template: str, model: str) -> int:
    """Return the first special token of what a template writes after an answer."""
    special = special_tokens(tokenizer)
    after = backend(tokenizer).encode(tail, add_special_tokens=False)
    for token, identifier in zip(after.tokens, after.ids, strict=True):
        if token in special:
            return int(identifier)
    raise InputError(
        f"{model!r}: its template ends an answer with {tail!r}, which is no special token of the "
        f"tokenizer, so that a model could not learn to stop. Name another `template`: "
        f"{' or '.join(sorted({OWN, *NAMED} - {template}))}."
    )


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> frozenset[str]:
    """Return the texts that the tokenizer reads as special tokens, wherever they stand."""
    added = backend(tokenizer).get_added_tokens_decoder().values()
    return frozenset(token.content for token in added if token.special)


def _render(
    tokenizer: PreTrainedTokenizerBase, source: str, messages: Sequence[Message], *, is_asking: bool
) -> str:
    text = tokenizer.apply_chat_template(
        list(messages),
        chat_template=source,
        tokenize=False,
        add_generation_prompt=is_asking,
        date_string=DATE.strftime("%d %b %Y"),
    )
    return str(text)
