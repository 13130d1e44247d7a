"""Translates a row field by field as plain text, checks every field, and puts the row together.

Letters, key and identifiers never go through the model, so that an answer key cannot move. A field
that fails its checks is asked for once more, with other words; a row with a field that fails twice
comes back with its problems and both texts, and the steps after that are not paid for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.llm.program import Call, ProgramSettings, RowAsk, max_tokens_for
from pipeline.llm.prompts import prompt
from pipeline.llm.request import Answer, Ask, Guess, Outcome
from pipeline.llm.structured import MalformedError, parse
from pipeline.text.normalize import comparison_key
from pipeline.translation.back_translation import back_translation_problems
from pipeline.translation.checks import check_together
from pipeline.translation.option_labels import names_options
from pipeline.translation.piece import Direction, Piece, gravest_first
from pipeline.translation.problem import CHECKS, Problem
from schemas.item import Language

Row = Mapping[str, Any]

_UNTRANSLATED_FORMS = {
    "classification": "a classification's labels are codes of its own",
    "sentence": "parallel sentences are references",
    "term": "terms are references",
}
_JUDGEMENT = {
    "type": "object",
    "properties": {"same": {"type": "boolean"}, "error": {"type": "string"}},
    "required": ["same", "error"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Translated:
    """A translated row: question, context, options, answer and rationale in both languages.

    With problems, fields hold what was rejected, and what was not reached is empty.
    """

    fields: Mapping[str, Any]
    source: Mapping[str, Any]  # less a rationale that stays behind
    problems: tuple[Problem, ...]
    keys: tuple[str, ...]  # of the answers used, in order
    variant: int  # 1 where a varied retry was asked for
    prompt: str


def can_be_translated(row: Row, *, is_loopback: bool) -> str | None:
    """Return why a row may not be translated, or None where it may."""
    if row["role"] != "train":
        return f"a {row['role']} row is never a parent"
    if row["form"] in _UNTRANSLATED_FORMS:
        return _UNTRANSLATED_FORMS[row["form"]]
    if row["jurisdiction"]:
        return f"its content rests on the law or institutions of {row['jurisdiction']}"
    if row["egress"] == "local" and not is_loopback:
        return "it may not leave this machine, and the endpoint is elsewhere"
    if row["parent_id"] or row["origin"] != "native":
        return f"it is {row['origin']} itself"
    if row["history"]:
        return "it continues a dialogue"
    return None


async def translate(row: Row, target: Language, settings: ProgramSettings, ask: Ask) -> Translated:
    """Return a row in another language, with what is wrong with it."""
    work = _Translation(row, target, settings, ask)
    steps = (work.stem, work.answers, work.distinct_options, work.rationale, work.whole)
    for step in (*steps, work.similar, work.back_translated, work.judged):
        await step()
        if work.is_failed:
            break
    return work.result()


class _Translation:
    """The work on one row; each step ends with `problems` filled, or leads to the next."""

    def __init__(self, row: Row, target: Language, settings: ProgramSettings, ask: Ask) -> None:
        self.problems: list[Problem] = []
        self._row = row
        self._direction = Direction(row["language"], target)
        self._settings = settings
        self._ask = RowAsk(row, settings, ask)
        self._variant = 0
        answer = row["answer"] if row["task"] == "qa" else ""
        self._context = Piece(row["context"], "context", "context")
        self._question = Piece(row["question"], "question", "question", row["context"])
        self._options: list[Piece] = []
        self._answer = Piece(answer, "answer", "answer")
        self._rationale = Piece(_free_rationale(row), "rationale", "rationale")

    @property
    def is_failed(self) -> bool:
        """Tell whether the rest is not worth asking for."""
        return bool(self.problems) and not self._ask.is_guess

    async def stem(self) -> None:
        """Translate context and question."""
        await self._translate([self._context, self._question])

    async def answers(self) -> None:
        """Translate options, or the open answer, with the question beside them."""
        stem = (self._question.source, self._question.text)
        self._options = [
            Piece(text, "option", f"option {number}", *stem)
            for number, text in enumerate(self._row["options"], start=1)
        ]
        self._answer.background, self._answer.background_translation = stem
        await self._translate([*self._options, self._answer])

    async def distinct_options(self) -> None:
        """Ask again for options that came out the same, where they were not asked again yet."""
        keys = [comparison_key(one.text, self._direction.target) for one in self._options]
        num_same = Counter(keys)
        same = [
            one
            for one, key in zip(self._options, keys, strict=True)
            if num_same[key] > 1 and one.needs_model and one.may_retry
        ]
        for one in same:
            one.problems = [Problem("options", f"{one.name}: {one.text}")]
        await self._attempt(same, is_retry=True)
        self._report(same)

    async def rationale(self) -> None:
        """Translate the rationale, with the words of question and options beside it."""
        read = [self._question, *self._options]
        self._rationale.background = "\n".join(one.source for one in read)
        self._rationale.background_translation = "\n".join(one.text for one in read)
        await self._translate([self._rationale])

    async def whole(self) -> None:
        """Check what only shows when all fields are seen together."""
        direction = self._direction
        source, target = self._source_fields(), self._fields()
        self.problems += check_together(source, target, direction.source, direction.target)

    async def similar(self) -> None:
        """Check that both questions are about the same matter, where that can be measured."""
        if self._settings.similarity is None:
            return
        value = self._settings.similarity(self._question.source, self._question.text)
        if value < self._settings.min_similarity:
            self.problems.append(Problem("similarity", f"question: {value:.2f}"))

    async def back_translated(self) -> None:
        """Check the numbers of the question after translating it back, where that is wanted."""
        if "back_translation" not in self._settings.checks:
            return
        source = self._direction.source
        back = Direction(self._direction.target, source)
        piece = Piece(self._question.text, "question", "question")
        answer = await self._ask.one(back.call(piece, is_retry=False))
        back.take(piece, answer, is_retry=False)
        if answer.outcome is not Outcome.OK:
            self.problems.append(Problem("back_translation", f"question: {answer.outcome}"))
            return
        found = back_translation_problems(self._question.source, piece.text, source)
        self.problems += [Problem(one.check, f"question: {one.evidence}") for one in found]

    async def judged(self) -> None:
        """Let a model compare both items, where that is wanted."""
        if "judge" not in self._settings.checks:
            return
        judge = prompt("judge", source=self._direction.source)
        source, target = _in_lines(self._source_fields()), _in_lines(self._fields())
        messages = judge.render(original=source, translation=target)
        answer = await self._ask.one(Call(judge, messages, max_tokens_for(""), schema=_JUDGEMENT))
        if error := _found_error(answer):
            self.problems.append(Problem("judge", error))

    def result(self) -> Translated:
        """Return what there is."""
        return Translated(
            fields=self._fields(),
            source=self._source_fields(),
            problems=gravest_first(self.problems, CHECKS),
            keys=tuple(self._ask.keys),
            variant=self._variant,
            prompt=self._direction.prompt.name,
        )

    async def _translate(self, pieces: Sequence[Piece]) -> None:
        """Translate pieces that depend on nothing but what is done; retry those that fail."""
        asked = [one for one in pieces if one.needs_model]
        await self._attempt(asked, is_retry=False)
        failed = [one for one in asked if one.problems and one.may_retry]
        await self._attempt(failed, is_retry=True)
        self._report(asked)

    async def _attempt(self, pieces: Sequence[Piece], *, is_retry: bool) -> None:
        if not pieces:
            return
        self._variant = max(self._variant, int(is_retry))
        calls = [self._direction.call(one, is_retry=is_retry) for one in pieces]
        for one, answer in zip(pieces, await self._ask(calls), strict=True):
            if isinstance(answer, Guess):
                one.text = one.source
            else:
                self._direction.take(one, answer, is_retry=is_retry)

    def _report(self, pieces: Sequence[Piece]) -> None:
        self.problems += [problem for one in pieces for problem in one.problems]

    def _source_fields(self) -> dict[str, Any]:
        rationale = self._rationale.source
        return {
            **{name: self._row[name] for name in ("question", "context", "answer")},
            "options": list(self._row["options"]),
            "rationale": rationale,
        }

    def _fields(self) -> dict[str, Any]:
        options = [one.text for one in self._options]
        # The key stays where it is: positions, of which the model knows nothing.
        keyed = [options[index] for index in self._row["answer_indices"]] if options else []
        return {
            "question": self._question.text,
            "context": self._context.text,
            "options": options,
            "answer": "\n".join(keyed) if self._row["task"] == "mcq" else self._answer.text,
            "rationale": self._rationale.text,
        }


def _free_rationale(row: Row) -> str:
    """Return the rationale, or nothing where it names options by their labels."""
    rationale: str = row["rationale"]
    return "" if names_options(rationale, row["language"]) else rationale


def _in_lines(fields: Mapping[str, Any]) -> str:
    texts = (fields["context"], fields["question"], *fields["options"], fields["rationale"])
    answer = () if fields["options"] else (fields["answer"],)
    return "\n".join(text for text in (*texts, *answer) if text)


def _found_error(answer: Answer) -> str:
    """Return the error that a judge found; one who gives no verdict found one too."""
    if answer.outcome is not Outcome.OK:
        return f"no verdict: {answer.outcome}"
    try:
        verdict = parse(answer.text, _JUDGEMENT)
    except MalformedError as error:
        return f"no verdict: {error}"
    return "" if verdict["same"] else verdict["error"] or "not the same"
