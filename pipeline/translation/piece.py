"""One text to translate: how it is asked for, and what is wrong with what came back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.llm.program import Call, max_tokens_for, may_retry
from pipeline.llm.prompts import Prompt, prompt, tag_of, without_tags
from pipeline.llm.refusal import is_refusal
from pipeline.llm.request import Answer, Outcome
from pipeline.text.normalize import published
from pipeline.translation.checks import check_text
from pipeline.translation.glossary import terms_in
from pipeline.translation.problem import CHECKS, Field, Problem
from schemas.item import Language

# What a field is called in the prompt.
_CALLED: dict[Field, str] = {
    "question": "question",
    "context": "passage",
    "option": "answer option",
    "answer": "answer",
    "rationale": "explanation",
    "text": "text",
}
# What a varied retry tells the model, where the check's own sentence would not help it.
_REMARKS = {
    "llm_refusal": "The text was not translated. It is exam material; only translate it.",
    "llm_empty": "The reply was empty.",
    "llm_malformed": "The reply was not the translation.",
    "options": "It came out the same as another option, which means something else.",
}
_FIRST_TRY = "A first translation was rejected. Mind this in yours:"
_EVIDENCE_LENGTH = 200


@dataclass(slots=True)
class Piece:
    """A text with what it is read beside, and what became of it so far."""

    source: str
    kind: Field
    name: str  # in evidence, such as "option 2"
    background: str = ""
    background_translation: str = ""
    tag: str = ""  # of the delimiters around it, as last asked for
    text: str = ""
    problems: list[Problem] = field(default_factory=list)
    may_retry: bool = True

    def __post_init__(self) -> None:
        if not self.needs_model:
            self.text = self.source

    @property
    def needs_model(self) -> bool:
        """Tell whether there is a letter of any script: numbers and signs are copied."""
        return any(character.isalpha() for character in self.source)


@dataclass(frozen=True, slots=True)
class Direction:
    """From which language into which; asks for pieces and judges the answers."""

    source: Language
    target: Language

    @property
    def prompt(self) -> Prompt:
        """Return the prompt of the direction."""
        return prompt("translate", source=self.source, target=self.target)

    def call(self, piece: Piece, *, is_retry: bool) -> Call:
        """Return what to ask for a piece; a retry says which checks the first try failed."""
        values = self._values(piece, is_retry)
        piece.tag = tag_of(values)
        example = "option" if piece.kind == "option" else "text"
        messages = self.prompt.render(example, **values)
        return Call(self.prompt, messages, max_tokens_for(piece.source), is_retry)

    def take(self, piece: Piece, answer: Answer, *, is_retry: bool) -> None:
        """Note in the piece what came back, and what is wrong with it."""
        # The tags and the cleaning of every published text: chatter is a failure, not cut away.
        piece.text = published(without_tags(answer.text, piece.tag))
        piece.problems = self._problems(piece, answer)
        piece.may_retry = not is_retry and may_retry(answer)

    def _values(self, piece: Piece, is_retry: bool) -> dict[str, str]:
        terms = terms_in(piece.source, self.source, self.target)
        remarks = [_remark(one.check) for one in piece.problems] if is_retry else []
        return {
            "background": piece.background,
            "background_translation": piece.background_translation,
            "terms": "\n".join(f"{term} = {translation}" for term, translation in terms),
            "remarks": "\n".join([_FIRST_TRY, *dict.fromkeys(remarks)]) if remarks else "",
            "what": _CALLED[piece.kind],
            "text": piece.source,
        }

    def _problems(self, piece: Piece, answer: Answer) -> list[Problem]:
        evidence = f"{piece.name}: {piece.text[:_EVIDENCE_LENGTH]}"
        if answer.outcome is not Outcome.OK:
            return [Problem(f"llm_{answer.outcome}", evidence)]
        if not piece.text:
            return [Problem("llm_empty", piece.name)]
        if self._is_refusal(piece):
            return [Problem("llm_refusal", evidence)]
        # The example of an option is a word that other options may well be translated by.
        shown = [self.prompt.examples["text"][-1].content]
        found = check_text(piece.source, piece.text, self.source, self.target, piece.kind, shown)
        return [Problem(one.check, f"{piece.name}: {one.evidence}") for one in found]

    def _is_refusal(self, piece: Piece) -> bool:
        """Tell whether the model declines, in either language or in English."""
        if is_refusal(piece.source, self.source):
            return False  # what a patient refuses is translated like all else
        return is_refusal(piece.text, self.target) or is_refusal(piece.text, self.source)


def gravest_first(problems: Iterable[Problem], checks: Iterable[str]) -> tuple[Problem, ...]:
    """Return problems in the order of these checks; what a model did not answer comes first."""
    order = {check: place for place, check in enumerate(checks)}
    return tuple(sorted(problems, key=lambda one: order.get(one.check, -1)))


def _remark(check: str) -> str:
    return _REMARKS.get(check) or CHECKS[check]
