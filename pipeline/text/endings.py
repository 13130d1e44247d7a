"""Texts that stop too early: in the middle of a sentence, or before the answer."""

from __future__ import annotations

import re

from pipeline.text.lexicon import lexicon
from pipeline.text.units import CHARACTER_LANGUAGES, count_units

# A shorter text is a name, a number or a noun phrase, and needs no end.
_MIN_WORDS = 8
_MIN_CHARACTERS = 16
_ENOUGH = 1_000  # characters that show whether a text is longer

# Words that no sentence ends with. Single letters count only where they cannot be the name of a
# vitamin or a virus, and words that may close a clause ("used for") are left out.
_LAST_WORDS = {
    "en": (
        r"(?:the|an|and|or|of|because|but|than|between|whose|into|their|its|your|our|if"
        r"|(?:is|as|of|with|has|was|by|in|for|have) a)"
    ),
    "fr": (
        r"(?:le|les|un|une|des|du|de|et|ou|à|au|aux|que|qui|par|dans|sur|avec|car|mais|ni"
        r"|(?:lors|puis|jus)?[dlnsqj]u?['’])"
    ),
    "es": r"(?:el|la|los|las|un|una|de|del|y|o|en|con|por|para|que|pero|al|su|sus|como)",
    "ru": (
        r"(?:и|или|но|на|от|для|по|при|из|что|чтобы|если|как|за|об|под|над|без|до|также"
        r"|котор\w{2,3}|(?<!витамин )(?<!группы )(?<!гепатит )[вск])"
    ),
}
_LAST_CHARACTERS = {
    "zh": (
        r"(?:(?<![参给赋])与|(?<![饱平温缓柔调中总])和|或|以及|(?<![普涉波累危以])及|因为|但是|而且"
        r"|如果|例如|比如|并且|由于|或者|所以|因此)"
    ),
    "ja": r"(?:を|および|及び|または|又は|かつ|しかし|ならびに|もしくは|したがって)",
}
_OPEN_END = r"[(（\[「『《“«]|[A-Za-zÀ-ÿА-яё]{2}-"
_CUT_WORDS = {
    language: re.compile(rf"(?:(?<!\w){words}|{_OPEN_END})\s*\Z")
    for language, words in _LAST_WORDS.items()
} | {
    language: re.compile(rf"(?:{words}|{_OPEN_END})\s*\Z")
    for language, words in _LAST_CHARACTERS.items()
}
CUT_OFF_SUSPECTS = r"[^.!?。！？\s]\s*$"


def cut_off(text: str, language: str) -> float:
    """Return 1 where a text stops in the middle of a sentence or a word, 0.5 after a comma.

    It ends in an open bracket, with a hyphen, or with a word that no sentence ends with; a last
    comma often stands for a full stop. "..." is no sign: most that use it mean it. Meant for
    answers and rationales, as the stem of an exam's question often ends so.
    """
    ending = text[-80:]
    if _CUT_WORDS[language].search(ending) or _is_open(ending):
        score = 1.0
    else:
        score = 0.5 if _LAST_COMMA.search(ending) else 0.0
    least = _MIN_CHARACTERS if language in CHARACTER_LANGUAGES else _MIN_WORDS
    return score if score and count_units(text[:_ENOUGH], language) >= least else 0.0


_LAST_COMMA = re.compile(r"[,，、]\s*\Z")
_LAST_BRACKET = re.compile(r"[(（][^)）]*\Z")
_ENDS = re.compile(r"[.!?。！？:;；：]\s*\Z")


def _is_open(ending: str) -> bool:
    """Tell whether a text stops inside a bracket, without an end of its sentence."""
    return _LAST_BRACKET.search(ending) is not None and _ENDS.search(ending) is None


_CUES = {
    language: re.compile("(?i)" + "|".join(f"(?:{entry})" for entry in listed["list"]))
    for language, listed in lexicon("boilerplate").items()
}
BARE_LIST_SUSPECTS = "(?i)" + "|".join(
    f"(?:{entry})"
    for language in sorted(_CUES)
    for entry in lexicon("boilerplate")[language]["list"]
)
_ITEM = re.compile(r"[\r\n]+|\s[-•*·]\s")
_SENTENCE = re.compile(r"[.!?。！？]\s*\Z")


def bare_list(text: str, language: str) -> float:
    """Return 1 where a text only names other pages ("See also:", "Related topics")."""
    cue = _CUES[language]
    if not cue.search(text):
        return 0.0
    lines = [line.strip() for line in _ITEM.split(text) if line.strip()]
    return float(not any(_says_something(line, language) for line in lines if not cue.search(line)))


def _says_something(line: str, language: str) -> bool:
    long = _MIN_CHARACTERS if language in CHARACTER_LANGUAGES else _MIN_WORDS
    num_units = count_units(line[:_ENOUGH], language)
    return num_units >= 2 * long or (num_units >= long and _SENTENCE.search(line) is not None)
