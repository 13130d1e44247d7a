"""Garbled text: bytes of one encoding that were read as another, and characters that were lost."""

from __future__ import annotations

import re

# What the UTF-8 continuation bytes 0x80-0xBF look like when read as Latin-1 or cp1252, and cp1251.
_LATIN = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_LATIN_IN_NO_WORD = "\u0080-\u00ba\u00bc-\u00bf€‚ƒ„†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ"  # closes no quotation
_CYRILLIC = "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—™љ›њќћџ\u00a0ЎўЈ¤Ґ¦§Ё©Є«¬\u00ad®Ї°±Ііґµ¶·ё№є»јЅѕї"

_SEQUENCES = (
    rf"[ÃÂ][{_LATIN_IN_NO_WORD}]",  # Ã© é, Â° °
    r"[a-z]Ã\s",  # à whose no-break space was normalised
    r"Î[±-º¼-¿]",  # Î¼ μ
    r"Ï[\u0080-\u0089€ƒ‚†‡ˆ‰]",  # Ïƒ σ
    rf"(?:[ÐÑÎÏ][{_LATIN}]){{2,}}",  # Ð½Ðµ не; one alone may be the letter Ñ in quotes
    r"â[\u0080-\u009f€‚„†‡ˆ‰˜™]",  # â€™ ’, â‰¥ ≥
    rf"(?:[à-ï][{_LATIN}]{{2}}){{2,}}",  # ä¸­æ–‡ 中文
    r"ï¼|ï½|ï¿½|ï»¿|ã[\u0080-\u0083€‚ƒ]|ðŸ",  # full-width signs, U+FFFD, BOM, kana, emoji
    rf"(?:[РС][{_CYRILLIC}]){{2,}}",  # РЅРµ не
    r"[РС][ЂЃѓЉЊЌЋЏђљњќћџЎўҐЅѕ]|вЂ|[0-9] ?В[°±]",
    rf"[A-Za-z]Г[{_CYRILLIC}]",  # niГ±o niño
    r"锟斤|斤拷|烫烫烫|屯屯屯|鈥|锛|銆",  # U+FFFD and punctuation read as GBK
    r"(?:[縺繧繝][^\s]){2,}",  # kana read as Shift-JIS
    r"\ufffd+",
    r"[\ue000-\uf8ff]+",  # letters of a symbol font that was lost: its µ, its °
    r"[\u0080-\u0084\u0086-\u009f]+",  # no text holds C1 controls but U+0085, a line end
)
_LOST_LETTER = r"[a-zà-ÿа-я]¿[a-zà-ÿа-я]"  # Crohn¿s

MOJIBAKE_SUSPECTS = "|".join([*_SEQUENCES, _LOST_LETTER])
_IN_SPANISH = re.compile("|".join(_SEQUENCES))  # where ¿ opens a question, at times without a space
_ELSEWHERE = re.compile(MOJIBAKE_SUSPECTS)


def mojibake(text: str, language: str) -> float:
    """Return the number of garbled sequences: "Ã©", "â€™", "Рџ", "锟斤拷", U+FFFD, C1 controls."""
    pattern = _IN_SPANISH if language == "es" else _ELSEWHERE
    return float(sum(1 for _ in pattern.finditer(text)))
