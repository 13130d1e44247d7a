"""All deterministic checks of a translation, of one text or of a whole item."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain, combinations
from typing import Any

from pipeline.text.normalize import comparison_key
from pipeline.translation.chatter import chatter_problems
from pipeline.translation.consistency import term_problems
from pipeline.translation.copied import copy_problems
from pipeline.translation.drugs import drug_problems
from pipeline.translation.figures import figure_problems
from pipeline.translation.length import length_problems
from pipeline.translation.negation import negation_problems
from pipeline.translation.options import option_problems
from pipeline.translation.problem import CHECKS, Field, Pair, Problem
from pipeline.translation.script import script_problems
from pipeline.translation.untranslated import untranslated_problems
from pipeline.translation.wrong_language import language_problems
from schemas.item import Language

__all__ = ["CHECKS", "Problem", "check_item", "check_text", "check_together"]

_SEVERITY = {name: place for place, name in enumerate(CHECKS)}
_CHECKS: tuple[Callable[[Pair], Iterator[Problem]], ...] = (
    copy_problems,
    language_problems,
    script_problems,
    drug_problems,
    figure_problems,
    negation_problems,
    untranslated_problems,
    length_problems,
)
_FIELDS: tuple[Field, ...] = ("question", "context", "answer", "rationale")


def check_text(
    source: str,
    target: str,
    source_language: Language,
    target_language: Language,
    field: Field = "text",
    examples: Collection[str] = (),
) -> list[Problem]:
    """Return what is wrong with the translation of a text, gravest first.

    `examples` are the translations that the prompt showed, which an answer must not repeat.
    """
    pair = Pair(source, target, source_language, target_language, field)
    if not source.strip() and not target.strip():
        return []
    found = chain.from_iterable(check(pair) for check in _CHECKS)
    return _gravest_first([*found, *chatter_problems(pair, examples)])


def check_item(
    source: Mapping[str, Any],
    target: Mapping[str, Any],
    source_language: Language,
    target_language: Language,
    examples: Collection[str] = (),
) -> list[Problem]:
    """Return what is wrong with the translation of an item; the evidence begins with the field.

    Both have `question`, `context`, `options`, `answer` and `rationale`, each empty or missing
    where there is none.
    """
    problems: list[Problem] = []
    for name, field, own, other in _texts(source, target):
        problems += (
            Problem(one.check, f"{name}: {one.evidence}")
            for one in check_text(own, other, source_language, target_language, field, examples)
        )
    problems += check_together(source, target, source_language, target_language)
    return _gravest_first(problems)


def check_together(
    source: Mapping[str, Any],
    target: Mapping[str, Any],
    source_language: Language,
    target_language: Language,
) -> list[Problem]:
    """Return what only shows when the fields of an item, each checked before, are seen together."""
    return _gravest_first(
        [
            *_repeated_fields(source, target, target_language),
            *option_problems(_options(source), _options(target), target_language),
            *term_problems(source, target, source_language, target_language),
        ]
    )


def _repeated_fields(
    source: Mapping[str, Any], target: Mapping[str, Any], language: Language
) -> Iterator[Problem]:
    """Yield fields that became the same text: an answer that is the question once more."""
    filled = [field for field in _FIELDS if target.get(field)]
    for first, second in combinations(filled, 2):
        is_same = comparison_key(target[first], language) == comparison_key(
            target[second], language
        )
        if is_same and source.get(first) != source.get(second):
            yield Problem("copy", f"{second}: the same text as the {first}")


def _gravest_first(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: _SEVERITY[problem.check])


def _texts(
    source: Mapping[str, Any], target: Mapping[str, Any]
) -> Iterator[tuple[str, Field, str, str]]:
    """Yield name, kind, and both texts of every field of an item."""
    for field in _FIELDS:
        yield field, field, source.get(field) or "", target.get(field) or ""
    pairs = zip(_options(source), _options(target), strict=False)
    for number, (own, other) in enumerate(pairs, start=1):
        yield f"option {number}", "option", own, other


def _options(item: Mapping[str, Any]) -> list[str]:
    return list(item.get("options") or [])
