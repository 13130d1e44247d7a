"""Check `back_translation`: numbers and their units survive the way there and back.

For a text that somebody translated back into the source language: numbers are compared within one
language, so that no spelling of another can hide a change.
"""

from __future__ import annotations

from pipeline.translation.figures import figure_problems
from pipeline.translation.problem import Pair, Problem
from schemas.item import Language


def back_translation_problems(source: str, back: str, language: Language) -> list[Problem]:
    """Return what is wrong with the numbers of a text that was translated and translated back."""
    found = figure_problems(Pair(source, back, language, language))
    return [Problem("back_translation", f"{one.check}: {one.evidence}") for one in found]
