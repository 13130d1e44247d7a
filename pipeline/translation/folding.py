"""The plain form in which the checks read a text: width and signs folded, exponents kept apart."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# NFKC would make "38oC" of 38ºC and 109 of 10⁹.
_BEFORE = str.maketrans("ºª˚‐‑‒–—―−〜～’ʼ", "°a°-------~~''")
_EXPONENT = re.compile(r"10\s?([⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+|\^\s?[-+]?\d+|\^?\(-?\d+\))")
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]|\^")


@lru_cache(maxsize=256)  # several checks ask for the same two texts
def folded(text: str) -> str:
    """Return a text in NFKC with one dash, one apostrophe and exponents as 10^9."""
    if not _NOT_PLAIN.search(text):
        return text
    text = text.replace("，", ", ")  # a full-width comma parts numbers, 6.47，95%
    text = unicodedata.normalize("NFKC", _EXPONENT.sub(_exponent, text.translate(_BEFORE)))
    return text.replace("⁄", "/").replace("\u2212", "-")


def _exponent(found: re.Match[str]) -> str:
    digits = unicodedata.normalize("NFKC", found[1]).replace("\u2212", "-")
    return f"10^{digits.strip('^()+ ')}"
