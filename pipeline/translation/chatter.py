"""Check `chatter`: text that is not the translation: a preface, a note, an example, a stutter."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache

from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.problem import Pair, Problem
from pipeline.translation.wordlists import wordlist

# "胫胫胫胫胫", "no no no no": the same again so often, and the source does no such thing.
_STUTTER = re.compile(r"(\b\w{2,}\b)(?:\W+\1\b){3,}")
_STUTTER_CJK = re.compile("([\u3040-\u30ff\u3400-\u9fff]{1,6}?)\\1{4,}")
_LINE_REPEATED = re.compile(r"^(.{20,})$(?:\n+\1$){2,}", re.MULTILINE)
MIN_ECHO_LETTERS = 12
# Line breaks that the source has not: an explanation below the translation.
MAX_NEW_PARAGRAPHS = 1
_NOT_LETTERS = re.compile(r"\W+")
_PARAGRAPH = re.compile(r"\n\s*\n")


def chatter_problems(pair: Pair, examples: Collection[str] = ()) -> Iterator[Problem]:
    """Yield what a model added of its own; `examples` are those of its prompt."""
    start, later = _patterns()
    target, source = pair.target.strip(), pair.source.strip()
    if said := _said(start, target, source) or _said(later, target, source):
        yield Problem("chatter", said)
    elif _num_paragraphs(target) > _num_paragraphs(source) + MAX_NEW_PARAGRAPHS:
        yield Problem("chatter", "more paragraphs than the source")
    elif (again := _repeated(target, pair.target_language)) and not _repeated(
        source, pair.source_language
    ):
        yield Problem("chatter", f"repeats {again[:30]!r}")
    elif echo := _echo(pair, examples):
        yield Problem("chatter", f"an example of the prompt: {echo[:60]}")


def _said(pattern: re.Pattern[str], target: str, source: str) -> str:
    found = pattern.search(target)
    return found[0].strip()[:60] if found and not pattern.search(source) else ""


def _repeated(text: str, language: str) -> str:
    stutter = _STUTTER_CJK if language in CHARACTER_LANGUAGES else _STUTTER
    found = stutter.search(text) or ("\n" in text and _LINE_REPEATED.search(text))
    return found[0] if found else ""


def _num_paragraphs(text: str) -> int:
    return len(_PARAGRAPH.findall(text))


def _echo(pair: Pair, examples: Collection[str]) -> str:
    """Return the example that the translation repeats and the source does not hold."""
    target, source = _letters(pair.target), _letters(pair.source)
    for example in examples:
        letters = _letters(example)
        least = MIN_ECHO_LETTERS // (2 if pair.target_language in CHARACTER_LANGUAGES else 1)
        if len(letters) >= least and letters in target and letters not in source:
            return example
    return ""


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text).casefold()


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    lists = wordlist("chatter")
    start = re.compile(rf"\A(?:{'|'.join(f'(?:{one})' for one in lists['start'])})", re.IGNORECASE)
    later = re.compile(rf"\n\s*(?:{'|'.join(f'(?:{one})' for one in lists['end'])})", re.IGNORECASE)
    return start, later
