"""Which options a model's reply chooses: "B", "（Ｂ）", "B. Insulin", "Answer: A, C", 答えはB.

Letters are Latin; full-width ones and Cyrillic ones that look the same are read as them. A reply
that names no option, one that is not there, or two different choices, gives None: nothing is
guessed.
"""

from __future__ import annotations

import re
import unicodedata

from schemas.item import LETTERS

_LOOKS = str.maketrans("АВСЕавсе", "ABCEabce")
_NOT_LATIN_LABEL = re.compile(r"(?<!\w)[БГДбгд](?!\w)")
_JOIN = r"\s*(?:[,、，;/&+・]|\b(?:and|et|y|e|и|или|or|ou|o)\b|和|与|及|と)?\s*"
_ONE = r"[*_\"'“”«»「」『』\[(【]*(?<![A-Za-z])[A-Z](?![A-Za-z'’])[*_\"'“”«»「」『』\])】]*"
_SOME = rf"{_ONE}(?:{_JOIN}{_ONE})*"
_RUN = re.compile(rf"\W*(?P<letters>[A-Za-z]|[A-Z]{{2,8}}|{_SOME})\W*")
_WITH_TEXT = re.compile(
    rf"[\s*_\"«「(\[【]*(?P<letters>(?:[A-Z]{_JOIN})*[A-Z])[*_)\]】]*[ \t]*"
    r"(?:[.:：、．)）]|[-–—]\s|\n|$)"
)
_CUE = re.compile(
    r"(?i:\b(?:answers?|options?|choices?|r[eé]ponses?|propositions?|respuestas?|opci[oó]n(?:es)?|"
    r"letters?|lettres?|letras?|ответ\w*|вариант\w*|букв\w*)|记号|記号|字母|答案|答え|解答|正解|正答|选项|選択肢|选择|选)"
    r"(?P<between>[^A-ZА-ЯЁ.。\n]{0,40}?)"
    rf"(?P<letters>{_SOME})(?![A-Za-z]|ではな|じゃな)"
)
_NEGATION = re.compile(r"(?i)\b(?:not|no|non|pas|ne|не)\b|n['’]t\b|n['’]est|[不非]")
_LETTER = re.compile(r"[A-Z]")


def chosen(reply: str, num_options: int) -> tuple[int, ...] | None:
    """Return the 0-based options that a reply chooses, in order, or None where it is unclear."""
    text = unicodedata.normalize("NFKC", reply).strip()
    if _NOT_LATIN_LABEL.search(text):
        return None  # of А, Б, В the third looks like the second letter shown
    text = _with_latin_letters(text)
    found = _stated(text, num_options)
    if len(found) != 1:
        return None
    return found.pop()


def _with_latin_letters(text: str) -> str:
    """Return a text whose lone Cyrillic look-alikes are Latin; words stay as they are."""
    return re.sub(r"(?<!\w)[АВСЕавсе]{1,4}(?!\w)", lambda match: match[0].translate(_LOOKS), text)


def _stated(text: str, num_options: int) -> set[tuple[int, ...]]:
    """Return all different choices that a text states."""
    if whole := _RUN.fullmatch(text):
        named = [whole["letters"]]
    elif start := _WITH_TEXT.match(text):
        named = [start["letters"]]
    else:
        stated = [one for one in _CUE.finditer(text) if not _NEGATION.search(one["between"])]
        named = [match["letters"] for match in stated]
    choices = (_indices(letters) for letters in named)
    return {choice for choice in choices if choice and max(choice) < num_options}


def _indices(letters: str) -> tuple[int, ...]:
    single = letters.upper() if len(letters) == 1 else letters
    return tuple(sorted({LETTERS.index(letter) for letter in _LETTER.findall(single)}))
