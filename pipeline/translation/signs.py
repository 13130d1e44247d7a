"""Reads comparison: a number with "less than", ≥ or 未満 is a limit, and from which side."""

from __future__ import annotations

import re
from functools import cache

from pipeline.translation.wordlists import wordlist


def sign_of(text: str, start: int, end: int, language: str) -> str:
    """Return "<" or ">" where words or signs beside a number compare with it, else nothing."""
    before, after = _sign_patterns(language)
    if found := before.search(text, max(0, start - 24), start):
        return "<" if found.lastgroup == "less" else ">"
    if after and (found := after.match(text, end)):
        return "<" if found.lastgroup == "less" else ">"
    return ""


@cache
def _sign_patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    table = wordlist("units")["signs"][language]
    before = "|".join(
        f"(?P<{name}>{'|'.join(map(re.escape, table[name]))})" for name in ("less", "more")
    )
    # Words that stand between the two: "less than or equal to", "inférieur à environ".
    pattern = re.compile(rf"(?:{before})\s*$", re.IGNORECASE)
    if "less_after" not in table:
        return pattern, None
    after = "|".join(
        f"(?P<{name}>{'|'.join(map(re.escape, table[f'{name}_after']))})"
        for name in ("less", "more")
    )
    return pattern, re.compile(rf".{{0,2}}?(?:{after})")
