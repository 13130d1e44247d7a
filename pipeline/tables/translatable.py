"""Rows of any table as the translation program wants them, and the columns that come of it.

What an answer is follows from the options: letters stay as they are, and the text of an option
becomes that of its translation, so that a key cannot move. Any other answer is translated as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from schemas.item import LANGUAGES, LETTERS, Language

Row = Mapping[str, Any]
FIELDS = ("question", "context", "options", "answer", "rationale")

# Why a row is not sent at all; the other reasons are those of the translate stage.
EMPTY, SAME, UNKNOWN, LOCAL, SEVERAL = (
    "question_empty",
    "language_target",
    "language_unknown",
    "egress_local",
    "answer_several",
)
_BETWEEN = r"[\s,;、，；/.()（）\[\]]*"
_LABELS = re.compile(rf"{_BETWEEN}[A-Z](?:{_BETWEEN}[A-Z])*{_BETWEEN}|{_BETWEEN}[a-z]{_BETWEEN}")

# Of an answer: a text that stays as it is, or the places of the options whose text it is.
Part = str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A row as the program wants it; `parts` is empty where the answer is translated as text."""

    number: int  # of the row in its file
    row: Row
    parts: tuple[Part, ...]
    is_list: bool  # the answer
    num_answers: int

    def answer(self, fields: Row) -> str | list[str] | None:
        """Return the answer in the form that it has in the table, in the language of `fields`.

        None where the options that it is taken from were not reached.
        """
        if self.parts and not fields["options"]:
            return None
        texts = [_text(part, fields["options"]) for part in self.parts] or [fields["answer"]]
        return texts if self.is_list else texts[0]


def record(number: int, row: Row, egress: str) -> Record:
    """Return a row of a table, of which only id, language and question need be there.

    `egress` is the table's, where it has no such column.
    """
    options = list(row.get("options") or ())
    given = row.get("answer", "")
    answers = list(given) if isinstance(given, list) else [given]
    parts = [_part(one, options) for one in answers] if options else []
    known = tuple(part for part in parts if part is not None)
    is_known = bool(options) and len(known) == len(answers)
    places = [place for part in known for place in _places(part)] if is_known else []
    keyed = [options[place] for place in places]
    return Record(
        number=number,
        row={
            "id": str(row["id"]),
            "language": row["language"],
            "egress": row.get("egress", egress) or "local",  # not stated for this row: it stays
            "question": row["question"],
            "context": row.get("context", ""),
            "rationale": row.get("rationale", ""),
            "options": options,
            "task": "mcq" if is_known else "qa",
            "answer": "\n".join(keyed if is_known else answers),
            "answer_indices": places,
        },
        parts=known if is_known else (),
        is_list=isinstance(given, list),
        num_answers=len(answers),
    )


def refusal(one: Record, to: Language, *, is_loopback: bool) -> tuple[str, str] | None:
    """Return why a row is not sent, with the evidence, or None where it is."""
    language = one.row["language"]
    if language not in LANGUAGES:
        return UNKNOWN, f"{language!r} is none of {', '.join(LANGUAGES)}"
    if language == to:
        return SAME, f"it is in {to} already"
    if not one.row["question"].strip():
        return EMPTY, "there is no question"
    if one.row["egress"] == "local" and not is_loopback:
        return LOCAL, "it may not leave this machine, and the endpoint is elsewhere"
    if one.num_answers > 1 and not one.parts:
        return SEVERAL, "several answers, of which not each is an option"
    return None


def _part(text: str, options: Sequence[str]) -> Part | None:
    """Return what an answer beside options is; None for a text of its own."""
    if text in options:
        return (options.index(text),)
    if not text.strip() or _is_label(text, len(options)):
        return text
    lines = text.split("\n")
    return tuple(map(options.index, lines)) if set(lines) <= set(options) else None


def _is_label(text: str, num_options: int) -> bool:
    plain = normalize("NFKC", text)  # letters of full width
    if not plain.isascii():  # Б, イ or 甲: of which option is not known, but it is no word
        return len(re.sub(_BETWEEN, "", plain)) == 1
    is_short = bool(_LABELS.fullmatch(plain))
    return is_short and all(LETTERS.index(one) < num_options for one in _letters(text))


def _letters(text: str) -> list[str]:
    plain = normalize("NFKC", text)
    return [one for one in plain.upper() if one in LETTERS] if plain.isascii() else []


def _places(part: Part) -> Sequence[int]:
    return part if isinstance(part, tuple) else [LETTERS.index(one) for one in _letters(part)]


def _text(part: Part, options: Sequence[str]) -> str:
    return part if isinstance(part, str) else "\n".join(options[place] for place in part)
