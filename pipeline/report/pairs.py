"""A row and what a language model made of it, side by side: fields, verdict, and what checks found.

The report shows a few such pairs, shortened and masked; the page of a pilot shows all it tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pipeline.augment.checks import CHECKS as WRITTEN_CHECKS
from pipeline.translation.problem import CHECKS as TRANSLATION_CHECKS
from schemas.flags import FLAGS
from schemas.ledger import REASONS

TEXTS = ("context", "question", "options", "answer", "rationale")
IN_PLACE = ("rationale", "score")  # operations that fill something in, where others make a child
_OF_MODEL = {name: text for name, text in REASONS.items() if name.startswith("llm_")}
_SENTENCES = {
    "translate": {**_OF_MODEL, **TRANSLATION_CHECKS},
    "rationale": {**_OF_MODEL, **WRITTEN_CHECKS},
    "rewrite": {**_OF_MODEL, **WRITTEN_CHECKS},
    "score": _OF_MODEL,
}
_FOUND = {  # as `evidence_of` writes it: the name of each check before what it found
    operation: re.compile(rf"(?:^|; )({'|'.join(sentences)}|local_model): ?")
    for operation, sentences in _SENTENCES.items()
}


@dataclass(frozen=True, slots=True)
class Line:
    """A text of a row; of its options, whether this one is in the key."""

    text: str
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class FieldPair:
    """A field of both rows, a line per option; empty: the row has nothing there."""

    name: str
    source: tuple[Line, ...]
    made: tuple[Line, ...]
    is_shared: bool  # of one row that the model was not to change here


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found; `sentence` says what the check is about."""

    check: str
    sentence: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A row, what was made of it, and the reason for which that is not kept, if there is one."""

    operation: str
    source_id: str
    made_id: str
    source_language: str
    made_language: str
    fields: tuple[FieldPair, ...]
    reason: str | None
    found: tuple[Found, ...]

    @property
    def title(self) -> str:
        """The beginning of what was asked, to tell one pair from another."""
        questions = [field.source for field in self.fields if field.name == "question"]
        return questions[0][0].text if questions and questions[0] else ""


def make_pair(
    operation: str,
    source: Mapping[str, Any],
    made: Mapping[str, Any],
    reason: str | None,
    evidence: str,
    shorten: Callable[[str, str], str] = lambda text, _language: text,
) -> Pair:
    """Return two rows side by side; `shorten` is given each text and its language."""
    return Pair(
        operation=operation,
        source_id=source["id"],
        made_id=made["id"],
        source_language=source["language"],
        made_language=made["language"],
        fields=tuple(_fields(operation, source, made, shorten)),
        reason=reason,
        found=tuple(_found(operation, reason, evidence, made["language"], shorten)),
    )


def _fields(
    operation: str,
    source: Mapping[str, Any],
    made: Mapping[str, Any],
    shorten: Callable[[str, str], str],
) -> Iterator[FieldPair]:
    for name in TEXTS:
        left, right = _lines(name, source, shorten), _lines(name, made, shorten)
        if left or right:
            yield FieldPair(name, left, right, operation in IN_PLACE and left == right)
    if operation == "score":
        points = (made["scores"] or {}).get("llm_score")
        shown = () if points is None else (Line(f"{points:g}"),)
        yield FieldPair("points of 10", (), shown, is_shared=False)


def _lines(
    name: str, row: Mapping[str, Any], shorten: Callable[[str, str], str]
) -> tuple[Line, ...]:
    value: str | Sequence[str] = row[name]
    texts = [value] if isinstance(value, str) else value
    keyed = row["answer_indices"] if name == "options" else ()
    shown = [shorten(text, row["language"]) for text in texts]
    return tuple(Line(text, number in keyed) for number, text in enumerate(shown) if text or keyed)


def found_by(operation: str, reason: str | None, evidence: str) -> list[tuple[str, str]]:
    """Return each check that a row failed with what it found, the gravest first."""
    parts = _FOUND[operation].split(evidence)
    if reason is None or parts[0]:  # an evidence without the name of a check says one thing
        return [(reason, evidence)] if reason else []
    pairs = zip_longest(parts[1::2], parts[2::2], fillvalue="")
    return [(check, text) for check, text in pairs] or [(reason, "")]


def _found(
    operation: str,
    reason: str | None,
    evidence: str,
    language: str,
    shorten: Callable[[str, str], str],
) -> Iterator[Found]:
    for check, text in found_by(operation, reason, evidence):
        yield Found(check, sentence_of(operation, check), shorten(text, language))


def sentence_of(operation: str, check: str) -> str:
    """Return what a check of an operation is about, or what a reason or flag says."""
    return {**REASONS, **FLAGS, **_SENTENCES[operation]}[check]
