"""Checks the messages, which trainers read, against those that a build makes of the other columns.

The turns before the last two stand in no other column, so of them only the roles and that they say
something can be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import polars as pl

from pipeline.release.check_rows import whole
from pipeline.release.contents import Contents
from pipeline.release.findings import Finding
from pipeline.release.messages import messages as made_anew
from schemas.item import LANGUAGES, LETTERS
from schemas.release import SUBSETS

_STYLES = ("letter", "letter_text", "rationale")  # any: the release does not say which it has
_TASKS = {subset: task for task, subset in SUBSETS.items()}
_DIGEST = re.compile(r"[0-9a-f]{32}")
_SHOWN, _BEFORE = 60, 20  # characters of a text that a finding shows; of them before a difference


def messages(contents: Contents) -> Iterator[Finding]:
    """Find messages that are not those which the row's other columns give."""
    labels = _labels(contents.rows)
    for row in whole(contents).iter_rows(named=True):
        faults = _faults(row, labels.get(row["source"], ()))
        yield from (Finding(row["file"], *fault, row["row"]) for fault in faults)


def _labels(rows: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return the answers of each source of classifications, which its instructions name."""
    is_open = (pl.col("form") == "classification") & (pl.col("subset") == SUBSETS["qa"])
    found = rows.filter(is_open).drop_nulls(["source", "answer"])
    answers = found.group_by("source").agg(pl.col("answer").unique().sort())
    return {source: tuple(texts) for source, texts in answers.iter_rows()}


def _faults(row: dict[str, Any], labels: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    turns = row["messages"]
    roles = [turn["role"] for turn in turns]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        yield f"messages of the roles {roles}", "user and assistant in turn"
        return
    if not all(turn["content"].strip() for turn in turns):
        yield "an empty message", "text in every message"
    item = _item(row)
    if item is None:
        return
    styles = _STYLES if item["task"] == "mcq" else _STYLES[:1]
    made = [[turn["content"] for turn in made_anew(item, style, labels)] for style in styles]
    asked, told = (turn["content"] for turn in turns[-2:])
    if asked != made[0][0]:
        yield _difference("a user's turn", asked, made[0][0])
    answers = [answer for _, answer in made]
    if told not in answers:
        nearest = max(answers, key=lambda answer: _num_shared(answer, told))
        yield _difference("an assistant's turn", told, nearest)


def _item(row: dict[str, Any]) -> dict[str, Any] | None:
    """Return a row as the record it was made of; None where another check names what is wrong."""
    known = list(LETTERS[: len(row["options"])])
    is_whole = _DIGEST.fullmatch(row["id"]) and row["language"] in LANGUAGES
    if not is_whole or len(known) < len(row["options"]) or set(row["answer_letters"]) - set(known):
        return None
    return row | {
        "task": _TASKS[row["subset"]],
        "history": [],
        "options": [option["text"] for option in row["options"]],
        "answer_indices": [known.index(letter) for letter in row["answer_letters"]],
    }


def _difference(what: str, found: str, expected: str) -> tuple[str, str]:
    """Return what was found and expected, from shortly before the first character that differs."""
    start = max(0, _num_shared(found, expected) - _BEFORE)
    return f"{what} {_excerpt(found, start)}", _excerpt(expected, start)


def _num_shared(one: str, other: str) -> int:
    """Return how many characters two texts share at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _excerpt(text: str, start: int) -> str:
    end = start + _SHOWN
    return repr(f"{'…' * (start > 0)}{text[start:end]}{'…' * (end < len(text))}")
