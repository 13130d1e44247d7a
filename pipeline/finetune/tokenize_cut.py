"""Cuts a conversation from the left until it fits, keeping question, options and answer whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tokenizers import Tokenizer

from pipeline.finetune.tokenize_rows import Row

_FIRST_OPTION = "\n\nA. "  # as every release writes it, in every language


def cut_to_fit(row: Row, num_excess: Callable[[Row], int], tokenizer: Tokenizer) -> Row | None:
    """Return the row shortened until `num_excess` of it is not above 0, or None where it cannot be.

    The oldest turns go first, in pairs; then the beginning of the last user's text, which is an
    instruction and a passage. What the template writes stays.
    """
    shorter: Row | None = row
    while shorter and (excess := num_excess(shorter)) > 0:
        shorter = _without_oldest_turns(shorter) or _without_begin(shorter, excess, tokenizer)
    return shorter


def _without_oldest_turns(row: Row) -> Row | None:
    kept = [turn for turn in row.messages if turn["role"] == "system"]
    turns = [turn for turn in row.messages if turn["role"] != "system"]
    later = [at for at, turn in enumerate(turns) if at and turn["role"] == "user"]
    return replace(row, messages=kept + turns[later[0] :]) if later else None


def _without_begin(row: Row, excess: int, tokenizer: Tokenizer) -> Row | None:
    *before, asked, answer = row.messages
    text = asked["content"]
    start = question_start(text, row.question)
    if start <= 0:
        return None
    offsets = tokenizer.encode(text[:start], add_special_tokens=False).offsets
    end = offsets[min(excess, len(offsets)) - 1][1]  # of the last token that goes, so 1 at least
    return replace(row, messages=[*before, {**asked, "content": text[end:]}, answer])


def question_start(text: str, question: str) -> int:
    """Return where the question begins in the last user's text, or -1.

    It stands at the end, or before the options; the same words in a passage or an option are not
    the question.
    """
    if text.endswith(question):
        return len(text) - len(question)
    return text.rfind(question + _FIRST_OPTION)
