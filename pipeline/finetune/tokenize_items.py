"""Turns conversations into tokens with the exact span that the model is asked to predict.

That span is the last answer and the token that ends it, nothing else: earlier answers of a
conversation, and what a template writes after the end of the turn, teach nothing. An item ends
with its end-of-turn token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

import numpy as np
from jinja2.exceptions import TemplateError

from pipeline.finetune.pool import Items
from pipeline.finetune.templates import Chat, special_tokens
from pipeline.finetune.tokenize_cut import cut_to_fit
from pipeline.finetune.tokenize_rows import Row
from pipeline.finetune.tokenizer import backend

OVERLONG = "overlong"  # more tokens than the capacity
SPECIAL = "special_token"  # its text holds what the tokenizer reads as a special token
REFUSED = "template"  # the template refuses its turns, or does not write the answer as it is

Overlong = Literal["drop", "cut_prompt"]


@dataclass(slots=True)
class Counts:
    """What became of rows, per language."""

    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    fertility: dict[str, dict[str, int]] = field(default_factory=dict)
    shortest_overlong: int | None = None

    def drop(self, row: Row, reason: str) -> None:
        """Count a row that is left out."""
        reasons = self.dropped.setdefault(row.language, {})
        reasons[reason] = reasons.get(reason, 0) + 1

    def keep(self, item: Item) -> None:
        """Count an item's tokens, and the characters of its messages without the template."""
        texts = [message["content"] for message in item.row.messages]
        figures = {
            "items": 1,
            "tokens": len(item.tokens),
            "characters": sum(map(len, texts)),
            "supervised_tokens": len(item.tokens) - item.begin,
            "supervised_characters": len(texts[-1]),
        }
        _add(self.fertility.setdefault(item.row.language, {}), figures)

    def merge(self, other: Counts) -> None:
        """Add the counts of other rows."""
        for language, reasons in other.dropped.items():
            _add(self.dropped.setdefault(language, {}), reasons)
        for language, figures in other.fertility.items():
            _add(self.fertility.setdefault(language, {}), figures)
        _add(self.cut, other.cut)
        lengths = [self.shortest_overlong, other.shortest_overlong]
        self.shortest_overlong = min((one for one in lengths if one is not None), default=None)


def _add(into: dict[str, int], figures: Mapping[str, int]) -> None:
    for name, value in figures.items():
        into[name] = into.get(name, 0) + value


@dataclass(frozen=True, slots=True)
class Item:
    """A tokenised row; tokens from `begin` to the end are supervised."""

    row: Row
    tokens: list[int]
    begin: int


@dataclass(frozen=True, slots=True)
class _Written:
    row: Row
    prompt: str
    whole: str
    answer_start: int  # characters of `whole` before what the model is asked to write


class Encoder:
    """Encodes rows for one tokenizer, template and capacity."""

    def __init__(self, chat: Chat, capacity: int, overlong: Overlong) -> None:
        self._chat = chat
        self._capacity = capacity
        self._overlong = overlong
        self._backend = backend(chat.tokenizer)
        texts = sorted(special_tokens(chat.tokenizer))
        self._header = _header(chat)
        self._special = re.compile("|".join(map(re.escape, texts)))

    def encode(self, rows: Sequence[Row]) -> tuple[list[Item], Counts]:
        """Return the items of the rows that can be trained on, in order, and what was counted."""
        counts = Counts()
        items = []
        for row, encoded in zip(rows, self._encode(rows), strict=True):
            item = encoded if isinstance(encoded, str) else self._fit(encoded, counts)
            if isinstance(item, str):
                counts.drop(row, item)
            else:
                counts.keep(item)
                items.append(item)
        return items, counts

    def _fit(self, item: Item, counts: Counts) -> Item | str:
        if len(item.tokens) <= self._capacity:
            return item
        shorter = cut_to_fit(item.row, self._excess, self._backend) if self._cuts else None
        if shorter is None:
            shortest = counts.shortest_overlong or len(item.tokens)
            counts.shortest_overlong = min(shortest, len(item.tokens))
            return OVERLONG
        (fitting,) = self._encode([shorter])
        if isinstance(fitting, Item):
            _add(counts.cut, {shorter.language: 1})
        return fitting

    @property
    def _cuts(self) -> bool:
        return self._overlong == "cut_prompt"

    def _excess(self, row: Row) -> int:
        (item,) = self._encode([row])
        return 0 if isinstance(item, str) else len(item.tokens) - self._capacity

    def _encode(self, rows: Sequence[Row]) -> list[Item | str]:
        """Return an item per row, or the reason why there is none; all cores work on a batch."""
        written = [self._write(row) for row in rows]
        wholes = self._backend.encode_batch_fast(
            [one.whole for one in written if isinstance(one, _Written)], add_special_tokens=False
        )
        tokens = iter(wholes)
        return [
            one if isinstance(one, str) else self._item(one, next(tokens).ids) for one in written
        ]

    def _write(self, row: Row) -> _Written | str:
        if any(self._special.search(message["content"]) for message in row.messages):
            return SPECIAL
        try:
            prompt = self._chat.prompt(row.messages[:-1])
            whole = self._chat.conversation(row.messages)
        except TemplateError:
            return REFUSED
        # A template may write the asking text otherwise once it is answered (thinking models do);
        # then only the answer's own text is left to go by.
        answer = row.messages[-1]["content"].strip()
        start = len(prompt) if whole.startswith(prompt) else whole.rfind(answer)
        return _Written(row, prompt, whole, start) if start > 0 else REFUSED

    def _item(self, text: _Written, whole: list[int]) -> Item | str:
        end_of_turn = self._chat.end_of_turn
        end = len(whole) - whole[::-1].index(end_of_turn) if end_of_turn in whole else 0
        begin = self._after_header(whole[: end - 1]) if text.whole.startswith(text.prompt) else 0
        begin = begin or self._after_prompt(text, whole)
        return Item(text.row, whole[:end], begin) if 0 < begin < end else REFUSED

    def _after_header(self, tokens: list[int]) -> int:
        """Return where the answer begins, found by the tokens that every prompt ends with, or 0.

        They begin with a special token, at which a tokenizer always cuts. So where these tokens
        stand whole before the answer, all tokens before are those of the prompt alone, and the
        prompt, which is most of the text, need not be encoded a second time.
        """
        if not self._header or self._header[0] not in tokens:
            return 0
        begin = len(tokens) - 1 - tokens[::-1].index(self._header[0])
        end = begin + len(self._header)
        return end if tokens[begin:end] == self._header else 0

    def _after_prompt(self, text: _Written, whole: list[int]) -> int:
        """Return where the answer begins, found by the prompt's tokens, or else by characters.

        The prompt's last token can become another one when an answer follows. Then the token that
        holds the answer's first character begins it, though it holds the prompt's last one too.
        """
        prompt = self._backend.encode(text.prompt, add_special_tokens=False).ids
        if whole[: len(prompt)] == prompt:
            return len(prompt)
        encoding = self._backend.encode(text.whole, add_special_tokens=False)
        return int(encoding.char_to_token(text.answer_start) or 0)


def _header(chat: Chat) -> list[int]:
    """Return what every prompt ends with, from its last special token on; empty without one.

    Such as `<|im_start|>assistant` and a line break.
    """
    special = special_tokens(chat.tokenizer)
    ends = []
    for question in ("QUESTION", "1"):
        prompt = chat.prompt([{"role": "user", "content": question}])
        encoding = backend(chat.tokenizer).encode(prompt, add_special_tokens=False)
        places = [at for at, token in enumerate(encoding.tokens) if token in special]
        ends.append(encoding.ids[places[-1] :] if places else [])
    return ends[0] if ends[0] == ends[1] else []


def as_arrays(items: Sequence[Item], names: Mapping[str, Sequence[str]]) -> Items:
    """Return items as the arrays of a pool; `names` are those that its indices point to."""
    index = {kind: {name: at for at, name in enumerate(known)} for kind, known in names.items()}
    lengths = [len(item.tokens) for item in items]
    spans = [(item.begin, len(item.tokens)) for item in items]
    rows = [item.row for item in items]
    ids = np.frombuffer(b"".join(bytes.fromhex(row.id) for row in rows), np.uint8)
    return Items(
        tokens=np.fromiter(chain.from_iterable(item.tokens for item in items), np.int32),
        lengths=np.array(lengths, np.int32),
        num_spans=np.ones(len(items), np.int32),
        spans=np.array(spans, np.int32).reshape(-1, 2),
        language=np.array([index["language"][row.language] for row in rows], np.int8),
        source=np.array([index["source"][row.source] for row in rows], np.int16),
        form=np.array([index["form"][row.form] for row in rows], np.int8),
        ids=ids.reshape(-1, 16),
    )
