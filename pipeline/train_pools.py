"""Makes the pools of a training recipe: checks the release, shows progress, tells what came out."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import InputError
from pipeline.finetune.pool import Pool, fertility, open_pool
from pipeline.finetune.settings import TOKENIZER
from pipeline.finetune.templates import Chat, load_chat
from pipeline.finetune.tokenize import Settings
from pipeline.finetune.tokenize import tokenize as make_pool
from pipeline.finetune.tokenizer import load_tokenizer
from pipeline.lock import locked
from pipeline.release.verify import verify
from pipeline.show import Shown, table
from pipeline.store import stopping_when_disk_is_full
from pipeline.train_recipe import TrainingRecipe

_EVERY_S = 1.0  # on a terminal
_SELDOM_S = 30.0  # in a log


def make_pools(recipe: TrainingRecipe, out: Path) -> Shown:
    """Make the pool of every stage, and return what is in each."""
    name = recipe.tokenizer or recipe.model
    with stopping_when_disk_is_full(out), locked(out):
        check_release(recipe.data)
        chat = load_chat(load_tokenizer(name), recipe.template, name)
        folders = [_make(recipe, chat, name, settings, out) for settings in _settings(recipe)]
        chat.save(out / TOKENIZER)
    pools = [open_pool(folder) for folder in folders]
    facts = {str(pool.folder): dict(pool.facts) for pool in pools}
    return facts, "\n\n".join(map(_text, pools))


def _settings(recipe: TrainingRecipe) -> list[Settings]:
    return [
        Settings(stage.name, stage.split, recipe.capacity, recipe.overlong, stage.rationale)
        for stage in recipe.stages
    ]


def _make(recipe: TrainingRecipe, chat: Chat, name: str, settings: Settings, out: Path) -> Path:
    with _LiveLine(f"{settings.stage} {settings.split}") as line:
        return make_pool(recipe.data, out, name, chat, settings, line.update)


def check_release(release: Path) -> None:
    """Refuse a release that `mmed verify` does not pass; an `InputError` names its first fault."""
    findings = verify(release, None)
    failed = [check for check in findings.checks if check.num_findings]
    if failed:
        first = failed[0].findings[0].line()
        raise InputError(
            f"{release}: does not pass `mmed verify`: {', '.join(check.name for check in failed)} "
            f"({first}) Run `mmed verify {release}` to see all, and build the release anew."
        )


class _LiveLine:
    """Shows how many rows are tokenised, how fast, and the time left."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._started = time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._shown = self._started
        self._text = ""

    def __enter__(self) -> _LiveLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._text:
            self._print(self._text, "\n")

    def update(self, num_done: int, num_rows: int, num_tokens: int) -> None:
        """Take in how far the work is; print it where the last line is old enough."""
        now = time.monotonic()
        taken = now - self._started
        left = taken * (num_rows - num_done) / num_done
        rest = f", about {left / 60:.0f} min left" if left >= 60 else ""
        self._text = (
            f"{self._name}: {num_done:,} of {num_rows:,} rows, {num_tokens:,} tokens, "
            f"{num_tokens / taken:,.0f} tokens/s{rest}"
        )
        if now - self._shown >= (_EVERY_S if self._is_terminal else _SELDOM_S):
            self._shown = now
            self._print(self._text, "" if self._is_terminal else "\n")

    def _print(self, text: str, end: str) -> None:
        start = "\r\x1b[K" if self._is_terminal else ""
        print(f"{start}{text}", end=end, file=sys.stderr, flush=True)  # noqa: T201


def _text(pool: Pool) -> str:
    facts = pool.facts
    share = facts["num_supervised"] / facts["num_tokens"]
    head = (
        f"{pool.folder}: {facts['num_items']:,} items, {facts['num_tokens']:,} tokens, "
        f"{share:.0%} supervised, longest {facts['max_length']:,}"
    )
    columns = ("language", "items", "dropped", "cut", "tokens", "supervised", "tokens/character")
    return f"{head}\n{table(columns, _languages(pool))}"


def _languages(pool: Pool) -> Iterator[tuple[object, ...]]:
    facts, tokens_per_character = pool.facts, fertility(pool)
    for language in facts["languages"]:
        figures = facts["fertility"].get(language, {})
        yield (
            language,
            figures.get("items", 0),
            sum(facts["dropped"].get(language, {}).values()),
            facts["cut"].get(language, 0),
            figures.get("tokens", 0),
            figures.get("supervised_tokens", 0),
            f"{tokens_per_character[language]:.2f}" if language in tokens_per_character else "-",
        )
