"""One published row in the shape of each trainer's records.

Every record keeps `id` and `language` beside what the trainer reads, so that a loss or an answer
can be traced to its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]
Record = dict[str, Any]

_SHAREGPT = {"user": "human", "assistant": "gpt", "system": "system"}


def _traced(row: Row) -> Record:
    return {"id": row["id"], "language": row["language"]}


def trl(row: Row) -> Record:
    """Return everything up to the last turn as `prompt`; TRL takes no loss on it."""
    *asked, told = row["messages"]
    return {"prompt": asked, "completion": [told], **_traced(row)}


def messages(row: Row) -> Record:
    """Return the turns with `role` and `content`, for axolotl and LLaMA-Factory."""
    return {"messages": row["messages"], **_traced(row)}


def sharegpt(row: Row) -> Record:
    """Return the turns as `conversations` of `from` and `value`."""
    turns = [
        {"from": _SHAREGPT[turn["role"]], "value": turn["content"]} for turn in row["messages"]
    ]
    return {"conversations": turns, **_traced(row)}


def alpaca(row: Row) -> Record | None:
    """Return instruction and output; None for a dialogue, since the format has no earlier turns."""
    if len(row["messages"]) != 2:
        return None
    asked, told = row["messages"]
    texts = {"instruction": asked["content"], "input": "", "output": told["content"]}
    return {**texts, **_traced(row)}


def lm_eval(row: Row) -> Record | None:
    """Return a question that one letter answers; None where it takes several, or earlier turns."""
    if len(row["answer_letters"]) != 1 or len(row["messages"]) != 2:
        return None
    letters = [option["letter"] for option in row["options"]]
    target = letters.index(row["answer_letters"][0])
    return {
        "query": row["messages"][0]["content"],
        "letters": letters,
        "target": target,
        **_traced(row),
    }


SHAPES: dict[str, Callable[[Row], Record | None]] = {
    "trl": trl,
    "axolotl": messages,
    "llamafactory": messages,
    "alpaca": alpaca,
    "sharegpt": sharegpt,
    "lm-eval": lm_eval,
}
LEFT_OUT = {
    "alpaca": "dialogues of several turns, which the format cannot hold",
    "lm-eval": "questions with several right letters or earlier turns",
}
