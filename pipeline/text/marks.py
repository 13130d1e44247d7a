"""Signs that carry medical meaning, written one way before characters are folded together.

NFKC alone turns 10⁶ into 106, 1½ into 11/2 and ①② into 12, and dropping punctuation turns Rh− into
Rh. `spell_marks` runs before NFKC, `fold_signs` after it.
"""

from __future__ import annotations

import re

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋", "0123456789+-")
# A raised number after a number is an exponent or charge (10⁶, SO₄²⁻); after a letter it is
# written flat, as many texts do (m², Ca²⁺). "34⁺⁶ weeks" is 34+6.
_EXPONENT = re.compile(r"(?<=[\d₀-₉])⁻?[⁰¹²³⁴-⁹]+[⁺⁻]?")
_INDEX = re.compile(r"(?<=\d)[₀-₉]+")
_FRACTION = re.compile(r"[¼-¾⅐-⅞↉]")
_CIRCLED = re.compile(r"[①-⒇⓪-⓿❶-➓㉑-㉟㊱-㊿]")
_ORDINAL = str.maketrans({"º": "°", "˚": "°", "ª": "a", "™": None, "®": None, "©": None, "℠": None})


def spell_marks(text: str) -> str:
    """Spell exponents, indices, fractions and circled numbers so that NFKC cannot merge them."""
    if text.isascii():
        return text
    text = _EXPONENT.sub(lambda match: "^" + match[0].translate(_RAISED), text)
    text = _INDEX.sub(lambda match: "_" + match[0].translate(_LOWERED), text)
    text = _FRACTION.sub(r" \g<0> ", text)
    return _CIRCLED.sub(r" \g<0> ", text).translate(_ORDINAL)


# Letters that look alike in both scripts, in lower case by the look of the upper case too: upstream
# files write "гепатит B" with either letter, and whole English questions with a Cyrillic а.
CYRILLIC_AS_LATIN = str.maketrans(
    "авекмнорстухѕіјАВЕКМНОРСТУХЅІЈ", "abekmhopctyxsijABEKMHOPCTYXSIJ"
)
LATIN_AS_CYRILLIC = str.maketrans("abekmhopctyx", "авекмнорстух")

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−─", "-") | {"⁄": "/", "≧": "≥", "≦": "≤", "〜": "~"})
_TYPED = (
    (re.compile(r"\+ ?/ ?-|\+-"), "±"),
    (re.compile(r">="), "≥"),
    (re.compile(r"<="), "≤"),
    (re.compile(r"->"), "→"),
    (re.compile(r"(?<=\d) ?[x*·] ?(?=10\^)|(?<=\d) ?[x*] ?(?=\d)"), "×"),
    (re.compile(r"(?<=\d) ?\^ ?(?=[\d+-])"), "^"),
    (re.compile(r"(?<![\d ])\^"), ""),  # m^2 is m2, as m² is
    (re.compile(r"(?<=\d)·(?=\d)"), "."),  # British decimal point
)
_TYPED_SIGN = re.compile(r"[>+<*·^]|(?<=\d) ?x")
# A dash says something between numbers (a range), before a number (minus), and at the end of a
# name (Rh-, HCO3-, "(-)" for a negative test); elsewhere it only joins words.
_RANGE = re.compile(r"(?<=[\d%°]) ?[-~] ?(?=\d)")
_MINUS = re.compile(
    r"-(?:(?=\d)(?:(?<![\w-]-)|(?<=\^-))|(?<=[^\W_]-)(?=[\s.,;:)\]]|$)|(?<=\(-)(?=\)))"
)


def fold_signs(text: str) -> str:
    """Write comparison, plus-minus, times and minus signs one way; a meant minus becomes U+2212.

    The text is already folded by NFKC and to lower case. Other dashes stay "-".
    """
    text = text.translate(_DASHES)
    if _TYPED_SIGN.search(text):
        for pattern, sign in _TYPED:
            text = pattern.sub(sign, text)
    return _MINUS.sub("−", _RANGE.sub("−", text)) if "-" in text or "~" in text else text
