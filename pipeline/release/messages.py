"""The chat messages of a record, in its language's own wording.

Which paraphrase of an instruction a record gets follows from its id. The assistant's text begins
with the letters in every style, so that training, generation and log-likelihood scoring all look
at the same first tokens.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from schemas.release import letters

Message = dict[str, str]
Row = dict[str, Any]

# "2つ選べ", "すべて選べ": the stem itself says how many, and the wrapper must not contradict it.
_STEM_SAYS_HOW_MANY = re.compile(r"[0-9０-９二三四五]\s*[つ個]\s*選|すべて選|全て選")


@cache
def wording() -> dict[str, dict[str, Any]]:
    """Return the wording of every language."""
    text = files("pipeline.release").joinpath("wording.yaml").read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return table


def messages(row: Row, mc_style: str, labels: tuple[str, ...] = ()) -> list[Message]:
    """Return the messages of a record: earlier turns, the user's text, the assistant's text.

    `labels` are the answers that a classification's source uses; they are named in its wrapper.
    """
    user = _join(_instruction(row, labels), *_asked(row), _options(row))
    return [
        *({"role": turn["role"], "content": turn["content"]} for turn in row["history"]),
        {"role": "user", "content": user},
        {"role": "assistant", "content": _assistant(row, mc_style)},
    ]


def _join(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _instruction(row: Row, labels: tuple[str, ...]) -> str:
    own = wording()[row["language"]]
    if row["form"] == "classification":
        text = _paraphrase(own["classification"], row["id"])
        options = tuple(row["options"]) or labels
        return text.replace("{labels}", "; ".join(options))  # labels themselves hold commas
    if row["task"] == "qa":
        return ""  # an open question stands alone
    if row["language"] == "ja" and _STEM_SAYS_HOW_MANY.search(row["question"]):
        return _paraphrase(own["follow_stem"], row["id"])
    return _paraphrase(own["several" if row["several_allowed"] else "one"], row["id"])


def _paraphrase(choices: list[str], record_id: str) -> str:
    return choices[int(record_id[-8:], 16) % len(choices)]


def _asked(row: Row) -> tuple[str, ...]:
    """Return the question, after its passage where it has one, each under its heading."""
    if not row["context"]:
        return (row["question"],)
    own = wording()[row["language"]]
    return f"{own['context']}\n{row['context']}", f"{own['question']}\n{row['question']}"


def _options(row: Row) -> str:
    names = letters(list(range(len(row["options"]))))
    lines = (f"{n}. {text}" for n, text in zip(names, row["options"], strict=True))
    return "\n".join(lines)


def _assistant(row: Row, mc_style: str) -> str:
    if row["task"] == "qa":
        return str(row["answer"])
    keyed = letters(row["answer_indices"])
    if mc_style == "letter":
        return ", ".join(keyed)
    texts = (row["options"][index] for index in row["answer_indices"])
    answer = "\n".join(f"{n}. {text}" for n, text in zip(keyed, texts, strict=True))
    # Several letters come first, all of them, before any option's text.
    answer = answer if len(keyed) == 1 else f"{', '.join(keyed)}\n{answer}"
    return _join(answer, row["rationale"] if mc_style == "rationale" else "")
