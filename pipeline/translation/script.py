"""Checks `script` and `mixed_script`: is a translation in the letters of its language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.text.scripts import CYRILLIC, HAN, HANGUL, KANA, LATIN, count
from pipeline.translation.problem import Pair, Problem

# Fewer letters are a name or an abbreviation.
MIN_LETTERS = 8
# A text in its own letters may list Latin names; four of those weigh as much as one ideograph.
MIN_OWN_SHARE = 0.3
LETTERS_PER_HAN = 3
# Japanese sentences without kana do not exist, names of that length do.
MIN_HAN_WITHOUT_KANA = 10

# In the school list of 2010 with forms that cp932 lacks.
_JAPANESE_TOO = frozenset("頰剝塡噓摑簞蟬蠟醬醱顚鹼麴")
_UKRAINIAN = re.compile("[іїєґІЇЄҐ]")
_NOT_RUSSIAN = re.compile(
    "[\u0402\u0403\u0405\u0408-\u040f\u0452\u0453\u0455\u0458-\u045f\u0460-\u052f]"
)
_FOREIGN_TO_LATIN = re.compile("[\u0400-\u052f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2,}")
_FOREIGN_TO_RUSSIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
_FOREIGN_TO_HAN = re.compile("[\u0400-\u052f]{3,}|[\uac00-\ud7a3]+")
# Three letters glued to other letters: "амoxicиллории". One or two may be a look-alike or a unit.
_MIXED_WORD = re.compile(
    "[а-яё]+[a-z]+[а-яё]*|[a-z]+[а-яё]+[a-z]*|[А-Яа-яё]{2,}[A-Za-z]{2,}|[A-Za-z]{3,}[а-яё]{2,}"
)


def script_problems(pair: Pair) -> Iterator[Problem]:
    """Yield what is written in letters that the target language does not have."""
    text, language = pair.target, pair.target_language
    if language in ("en", "fr", "es"):
        yield from _strange(_FOREIGN_TO_LATIN, text, pair)
    elif language == "ru":
        yield from _russian(text, pair)
    else:
        yield from _east_asian(text, pair)
    if not text.isascii():
        yield from _mixed(text)


def _strange(letters: re.Pattern[str], text: str, pair: Pair) -> Iterator[Problem]:
    found = letters.search(text)
    # A source that explains a foreign word keeps it.
    if found and not (pair.source_language in ("en", "fr", "es") and found[0] in pair.source):
        yield Problem("script", found[0])


def _russian(text: str, pair: Pair) -> Iterator[Problem]:
    if found := _UKRAINIAN.search(text) or _NOT_RUSSIAN.search(text):
        yield Problem("script", f"{found[0]} is no Russian letter")
        return
    yield from _strange(_FOREIGN_TO_RUSSIAN, text, pair)
    yield from _too_few(text, count(CYRILLIC, text), pair)


def _east_asian(text: str, pair: Pair) -> Iterator[Problem]:
    han, kana = count(HAN, text), count(KANA, text)
    if found := _FOREIGN_TO_HAN.search(text):
        yield Problem("script", found[0])
    elif pair.target_language == "zh" and kana:
        yield Problem("script", f"kana: {''.join(KANA.findall(text))[:20]}")
    elif pair.target_language == "ja" and (strange := _not_japanese(text)):
        yield Problem("script", f"not written in Japanese: {strange}")
    elif (
        pair.target_language == "ja"
        and not kana
        and not pair.is_short
        and han >= MIN_HAN_WITHOUT_KANA
    ):
        yield Problem("script", "no kana")
    else:
        yield from _too_few(text, LETTERS_PER_HAN * (han + kana), pair)


def _not_japanese(text: str) -> str:
    """Return the ideographs that no Japanese character set has: Chinese leaked in."""
    return "".join(
        character
        for word in HAN.findall(text)
        for character in word
        if character not in _JAPANESE_TOO and not _is_in_cp932(character)
    )


def _is_in_cp932(character: str) -> bool:
    try:
        character.encode("cp932")
    except UnicodeEncodeError:
        return False
    return True


def _too_few(text: str, num_own: int, pair: Pair) -> Iterator[Problem]:
    num_latin = count(LATIN, text)
    if pair.is_short:
        return  # "Kayser-Fleischer環", "COPD": `untranslated` looks for words
    if num_latin >= MIN_LETTERS and num_own < MIN_OWN_SHARE * (num_own + num_latin):
        yield Problem("script", f"{num_latin} Latin letters")


def _mixed(text: str) -> Iterator[Problem]:
    if HANGUL.search(text):
        yield Problem("mixed_script", "Hangul")
    if CYRILLIC.search(text) and (found := _MIXED_WORD.search(text)):
        yield Problem("mixed_script", found[0])
