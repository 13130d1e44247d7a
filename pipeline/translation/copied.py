"""Check `copy`: the translation is the source itself; names, values and abbreviations may be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.text.latin import LATIN_LANGUAGES
from pipeline.text.scripts import CYRILLIC, HAN, KANA, LATIN, count
from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.problem import Pair, Problem

# "糖尿病" is the same in zh and ja, "Virus" in en, fr and es.
MIN_SAME_WORDS = 4
MIN_SAME_WORDS_SHORT_FIELD = 6
MIN_SAME_IDEOGRAPHS = 10
# Of the words of a text in related languages a quarter is alike.
MAX_SHARED = 0.75
MIN_WORDS_SHARED = 6
MIN_WORD_LETTERS = 4

_SPACES = re.compile(r"\W+")
_SMALL_WORD = re.compile(r"(?<![\w-])[a-zà-ÿ]{4,}(?![\w-])")


def copy_problems(pair: Pair) -> Iterator[Problem]:
    """Yield a problem where the target is, or nearly is, the source."""
    if _plain(pair.source) == _plain(pair.target):
        if _is_text(pair):
            yield Problem("copy", pair.target[:60])
    elif not pair.is_short and (share := _shared(pair)) > MAX_SHARED:
        yield Problem("copy", f"{share:.0%} of the words are those of the source")


def _plain(text: str) -> str:
    return _SPACES.sub("", text).casefold()


def _is_text(pair: Pair) -> bool:
    """Tell whether a text that both languages have alike cannot be right in the target language."""
    text = pair.source
    own_letters = {"zh": HAN, "ja": KANA, "ru": CYRILLIC}
    if pair.target_language in own_letters:
        if pair.source_language in CHARACTER_LANGUAGES:
            return count(HAN, text) + count(KANA, text) >= MIN_SAME_IDEOGRAPHS or (
                pair.target_language == "ru" and bool(HAN.search(text))
            )
        if pair.source_language == "ru":
            return bool(CYRILLIC.search(text))
        # Latin letters: a word in small letters is no name.
        least = 2 if pair.is_short else 1
        return len(_SMALL_WORD.findall(text)) >= least
    if pair.source_language not in LATIN_LANGUAGES:
        return bool(HAN.search(text) or KANA.search(text) or CYRILLIC.search(text))
    least = MIN_SAME_WORDS_SHORT_FIELD if pair.is_short else MIN_SAME_WORDS
    return len(LATIN.findall(text)) >= least and bool(_SMALL_WORD.search(text))


def _shared(pair: Pair) -> float:
    if not {pair.source_language, pair.target_language} <= set(LATIN_LANGUAGES):
        return 0.0
    words = [
        word.casefold() for word in LATIN.findall(pair.target) if len(word) >= MIN_WORD_LETTERS
    ]
    if len(words) < MIN_WORDS_SHARED:
        return 0.0
    known = {word.casefold() for word in LATIN.findall(pair.source)}
    return sum(word in known for word in words) / len(words)
