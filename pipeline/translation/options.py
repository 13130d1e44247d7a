"""Check `options`: as many options as in the source, and none that became another's double."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.folding import folded
from pipeline.translation.problem import Problem

_NOT_LETTERS = re.compile(r"[^\w%<>≤≥=+\-/]+")
# "A. Aspirin": a letter of the model's own, which the source does not have.
_LABEL = re.compile(r"\s*\(?[A-Ea-eА-Да-д1-5](?:[)、．:：]|\.(?!\d))\s*\S")


def option_problems(
    source: Sequence[str], target: Sequence[str], target_language: str
) -> Iterator[Problem]:
    """Yield what is wrong with a list of options as a whole."""
    if len(source) != len(target):
        yield Problem("options", f"{len(target)} options for {len(source)}")
        return
    separator = "" if target_language in CHARACTER_LANGUAGES else " "
    first: dict[str, int] = {}
    for place, option in enumerate(target):
        before = first.setdefault(_plain(option, separator), place)
        if before != place and _plain(source[before], " ") != _plain(source[place], " "):
            yield Problem("options", f"{before + 1} and {place + 1} are both {option[:40]!r}")
    if _are_labelled(target) and not _are_labelled(source):
        yield Problem("options", f"labels of their own: {target[0][:20]!r}")


def _are_labelled(options: Sequence[str]) -> bool:
    return len(options) > 1 and all(map(_LABEL.match, options))


def _plain(text: str, separator: str) -> str:
    return _NOT_LETTERS.sub(separator, folded(text).casefold()).strip()
