"""Remains and faults of a text itself: each function scores one, higher is worse and 0 is clean.

`SUSPECTS` gives, for each, a pattern that every text with a score above 0 matches. Polars reads it
(no look-around), so that a caller looks over a column of hundreds of thousands of texts at once
and calls Python for the few that may be at fault. Repetition has no pattern; texts shorter than
`MIN_REPETITION_CHARACTERS` always score 0.
"""

from __future__ import annotations

from pipeline.text.boilerplate import BOILERPLATE_SUSPECTS, boilerplate
from pipeline.text.citations import CITATION_SUSPECTS, citation
from pipeline.text.endings import BARE_LIST_SUSPECTS, CUT_OFF_SUSPECTS, bare_list, cut_off
from pipeline.text.mojibake import MOJIBAKE_SUSPECTS, mojibake
from pipeline.text.remains import MARKUP_SUSPECTS, URL_SUSPECTS, markup, urls
from pipeline.text.repetition import (
    MIN_REPETITION_CHARACTERS,
    repeated_ngrams,
    repeated_paragraph,
)

__all__ = [
    "MIN_REPETITION_CHARACTERS",
    "SUSPECTS",
    "bare_list",
    "boilerplate",
    "citation",
    "cut_off",
    "markup",
    "mojibake",
    "repeated_ngrams",
    "repeated_paragraph",
    "urls",
]

SUSPECTS: dict[str, str] = {
    "mojibake": MOJIBAKE_SUSPECTS,
    "markup": MARKUP_SUSPECTS,
    "boilerplate": BOILERPLATE_SUSPECTS,
    "urls": URL_SUSPECTS,
    "citation": CITATION_SUSPECTS,
    "cut_off": CUT_OFF_SUSPECTS,
    "bare_list": BARE_LIST_SUSPECTS,
}
