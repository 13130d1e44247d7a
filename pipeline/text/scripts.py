"""Which script a text is in, which language its script alone tells (ja, zh, ru), and capitals."""

from __future__ import annotations

import re
from functools import cache

KANA = re.compile("[ぁ-ゖァ-ヺｦ-ｯｱ-ﾝ]+")
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
CYRILLIC = re.compile("[\u0400-\u052f]+")
LATIN_LETTERS = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
LATIN = re.compile(f"[{LATIN_LETTERS}]+")
HANGUL = re.compile("[\uac00-\ud7a3\u1100-\u11ff]+")
OTHER = re.compile(r"[^\W\d_A-Za-zÀ-ɏḀ-ỿ\u0400-\u052f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
NOT_ONLY_LATIN = re.compile("[\u0370-\u1dff\u2e80-\uffff]")

# A line in capitals is a sentence when it has so many words, one of them so long: "IL-2, IL-4, TNF"
# has only short ones, and in small letters IL would be a French pronoun.
MIN_WORDS_IN_CAPITALS = 3
MIN_LONGEST_IN_CAPITALS = 4

# Letters that look alike in both scripts, in lower case by the look of the upper case too: upstream
# files write "гепатит B" with either letter, and whole English questions with a Cyrillic а.
CYRILLIC_AS_LATIN = str.maketrans(
    "авекмнорстухѕіјАВЕКМНОРСТУХЅІЈ", "abekmhopctyxsijABEKMHOPCTYXSIJ"
)

# Chinese texts hold a stray の or メ; Japanese ones have 5 % of kana at the least.
MIN_KANA_SHARE = 0.03

# No neighbour of Russian has ы or э without having letters that Russian lacks.
_RUSSIAN = re.compile("[ыэЫЭ]")
_NOT_RUSSIAN = re.compile("[\u0400\u0402-\u040f\u0450\u0452-\u052f]")
_CHINESE_WORDS = re.compile("[这這们們吗嗎呢吧您你她它哪怎么麼没沒]")

# Written out, and without Cyrillic, which is told by its letters: twice as fast as [A-Z]{4}.
_LONG_WORD_IN_CAPITALS = re.compile("[A-ZÀ-ÖØ-Þ]" * MIN_LONGEST_IN_CAPITALS)
_WORD = re.compile(r"[^\W\d_]{2,}")


def in_small_letters(text: str) -> str:
    """Return a text with its sentences in capitals, each on lines of its own, in lower case.

    Line by line, because a question in capitals may have its answer in lower case.
    """
    if text.isupper():
        return text.lower()
    if not _LONG_WORD_IN_CAPITALS.search(text):
        return text
    return "\n".join(line.lower() if _is_in_capitals(line) else line for line in text.split("\n"))


def _is_in_capitals(line: str) -> bool:
    lengths = sorted(len(word) for word in _WORD.findall(line) if word.isupper())
    if len(lengths) < MIN_WORDS_IN_CAPITALS or lengths[-1] < MIN_LONGEST_IN_CAPITALS:
        return False
    return sum(lengths) > sum(map(str.islower, line))


def count(letters: re.Pattern[str], text: str) -> int:
    """Return how many characters of a script a text has."""
    return len("".join(letters.findall(text)))


def is_surely_russian(text: str) -> bool:
    """Tell whether Cyrillic letters are of Russian alone among the languages that use them."""
    return bool(_RUSSIAN.search(text)) and not _NOT_RUSSIAN.search(text)


def japanese_or_chinese(text: str, declared: str) -> tuple[str, float]:
    """Return `ja` or `zh` and how sure, for a text of Han characters and perhaps kana.

    Kana decide; without them, characters that only one country's character set has. What both
    write alike goes to the declared language, half sure.
    """
    han, kana = count(HAN, text), count(KANA, text)
    if kana and kana >= MIN_KANA_SHARE * (kana + han):
        return "ja", 1.0
    japanese_only, _, not_simplified = _han_patterns()
    japanese, chinese = len(japanese_only.findall(text)), num_chinese(text)
    if japanese == chinese:
        # 糖尿病 is written alike in both, 腎臓 of Japanese like that of traditional Chinese.
        either = "ja" if not_simplified.search(text) else "zh"
        return declared if declared in ("zh", "ja") else either, 0.5
    sure = 0.5 + 0.5 * abs(japanese - chinese) / (japanese + chinese)
    return "ja" if japanese > chinese else "zh", round(sure, 4)


def num_chinese(text: str) -> int:
    """Return how many characters of a text Chinese has and Japanese lacks."""
    return len(_han_patterns()[1].findall(text)) + len(_CHINESE_WORDS.findall(text))


def chinese_only() -> str:
    """Return a pattern of the characters that Chinese has and Japanese lacks."""
    return _han_patterns()[1].pattern


@cache
def _han_patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return the Han characters of Japanese alone, of Chinese alone, and not of simplified Chinese.

    By national character sets: JIS for Japanese, GB 2312 for simplified and Big5 for traditional
    Chinese. 圧 and 薬 are in JIS alone, 压 and 药 in GB 2312 alone, 頭 in JIS and Big5.
    """
    han = [chr(point) for point in range(0x4E00, 0xA000)]
    japanese, simplified, traditional = (
        {character for character in han if _has(character, encoding)}
        for encoding in ("cp932", "gb2312", "big5")
    )
    sets = (
        japanese - simplified - traditional,
        (simplified | traditional) - japanese,
        japanese & traditional - simplified,
    )
    first, second, third = (re.compile(f"[{''.join(sorted(characters))}]") for characters in sets)
    return first, second, third


def _has(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
