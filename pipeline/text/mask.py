"""Replace personal data by typed placeholders before a text leaves the machine or is published.

E-mail addresses, telephone numbers, national identifiers and record numbers are numbers and
addresses with a known form; names are not touched. A number is masked only if its form, its check
digits or the word before it says what it is, so that doses, laboratory values, years and codes
stay. Institutions' numbers have the same form as a person's and are masked too, except those that
are free to call: no person has one, and a crisis line must not vanish from an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from pipeline.text.identifiers import (
    is_chinese_resident_id,
    is_french_nir,
    is_japanese_individual_number,
    is_russian_inn,
    is_russian_snils,
    is_spanish_dni,
    is_uk_nhs_number,
    is_us_ssn,
)
from pipeline.text.lexicon import lexicon
from pipeline.text.units import CHARACTER_LANGUAGES


class Masked(NamedTuple):
    """The text with placeholders such as [EMAIL], and the kinds found, in the text's order."""

    text: str
    found: tuple[str, ...]


class _Rule(NamedTuple):
    kind: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None


# Searched in a copy of the same length, so that one set of forms serves full-width text too.
_NARROW = str.maketrans(
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | {ord(dash): "-" for dash in "‐‑‒–—−"}
    | {ord(space): " " for space in "\u00a0\u2009\u202f\u3000"}
)
# Nothing is masked in a text without @ and without five digits in a row, two separators at most
# between two of them: a search that almost every text fails. Written so that polars can run it
# over a column: for Python alone \x1c-\x1f are spaces.
MAY_HOLD = r"[@＠]|[0-9０-９](?:[\s\x1c-\x1f‐‑‒–—−－\-().．（）]{0,2}[0-9０-９]){4}"
_MAY_HOLD = re.compile(MAY_HOLD)
# Not the tail or head of a code, a decimal, a range or an address.
_BEFORE = r"(?<![A-Za-z0-9_+./=-])"
_AFTER = r"(?![A-Za-z0-9_/]|[.,:-]\d)"

_EMAIL = r"(?<![\w.%+-])[\w.%+-]*\w@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"

_EVERYWHERE: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (r"[1-9]\d{5}(?:19|20)\d{9}[\dXx]", is_chinese_resident_id),
    (
        r"[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d",
        is_french_nir,
    ),
    (r"(?:\d{8}|[XYZ]-?\d{7})-?[A-Z]", is_spanish_dni),
    (r"\d{3}-\d{3}-\d{3}[ -]\d\d", is_russian_snils),
)
# Forms that other numbers share count in their own language only.
_IDENTIFIERS: dict[str, tuple[tuple[str, Callable[[str], bool]], ...]] = {
    "en": (
        (r"\d{3}-\d\d-\d{4}", is_us_ssn),
        (r"\d{3} \d{3} \d{4}", is_uk_nhs_number),
    ),
    "ja": ((r"\d{4}([ -]?)\d{4}\1\d{4}", is_japanese_individual_number),),
    "ru": ((r"\d{12}", is_russian_inn), (r"\d{11}", is_russian_snils)),
}

_TOLL_FREE = "8(?:00|33|44|55|66|77|88)"
_PHONES = {
    "en": (
        r"(?:1[-. ]?)?\([2-9]\d\d\) ?[2-9]\d\d[-. ]\d{4}",
        r"(?:1[-. ])?[2-9]\d\d[-.][2-9]\d\d[-.]\d{4}",
        r"1 [2-9]\d\d [2-9]\d\d \d{4}",
        rf"1{_TOLL_FREE}\d{{7}}",
        rf"(?:1[-. ])?{_TOLL_FREE}[-. ](?=[\dA-Z-]*[A-Z]{{3}})(?:[\dA-Z]-?){{6,9}}[\dA-Z]",
        r"\(?0(?:\d\d\)?[ -]\d{4}|\d{3}\)?[ -]\d{3})[ -]\d{4}",
        r"\(?0\d{4}\)?[ -]\d{3}[ -]?\d{3}",
        r"07\d{3} ?\d{6}",
    ),
    "zh": (
        r"(?:86[- ]?)?1[3-9]\d([- ]?)\d{4}\1\d{4}",
        r"\(?0\d{2,3}(?:-|\) ?)\d{7,8}",
        r"[48]00-?\d{3}-?\d{4}",
        r"[48]00-\d{4}-\d{3}",
    ),
    "ja": (
        r"0[5789]0(-?)\d{4}\1\d{4}",
        r"0(?:\d-\d{4}|\d\d-\d{3}|\d{3}-\d\d|\d{4}-\d)-\d{4}",
        r"\(?0(?:\d[()]\d{4}|\d\d[()]\d{3}|\d{3}[()]\d\d)[)-]\d{4}",
        r"0(?:120|570|800)-\d{2,3}-\d{3,4}",
    ),
    "fr": (
        r"(?:0|0033 ?)[1-9](?:[ .-]?\d\d){4}",
        r"08\d\d[ .]\d{3}[ .]\d{3}",
    ),
    "ru": (
        r"8[ -]?\(?[3489]\d\d\)?[ -]?\d{3}[ -]?\d\d[ -]?\d\d",
        r"\(\d{3,5}\) ?\d{1,3}-\d\d-\d\d",
    ),
    "es": (
        r"(?:0034 ?)?[6-9]\d\d([ -]?)\d{3}\1\d{3}(?<!000)",
        r"(?:0034 ?)?[6-9]\d\d(?:[ -]\d\d){3}",
        r"9\d[ -]\d{3}[ -]\d\d[ -]\d\d",
    ),
}
# Freephone prefixes by the national numbering plans; letters stand for digits in North America.
_FREE_TO_CALL = re.compile(
    rf"1?{_TOLL_FREE}[\dA-Z]{{7,10}}|0800\d{{5,7}}|(?:86)?[48]00\d{{7}}|0120\d{{6}}|7?8?800\d{{7}}|900\d{{6}}"
)
_INTERNATIONAL = r"(?<![\w)+])(?P<value>\+\d{1,3}(?:[-. ]?\(?\d{1,4}\)?){2,6})(?![\w/])"
# After a cue word any form of the number counts.
_AFTER_CUE = {
    "RECORD_NUMBER": r"[A-Za-zА-Я]{0,4}[-/]?\d(?:[-/]?[\dA-Za-z]){4,}",
    "NATIONAL_ID": r"[A-Za-z]?\d(?:[ -]?\d){6,17}-?[A-Za-z]?(?![A-Za-z])",
    "PHONE": r"\+?\(?\d(?:[-. ()]{0,2}\d){5,14}",
}
_CUE_KINDS = {"record": "RECORD_NUMBER", "id": "NATIONAL_ID", "phone": "PHONE"}


def mask(text: str, language: str) -> Masked:
    """Return the text with personal data replaced, as forms and cue words of a language show it."""
    if not _MAY_HOLD.search(text):
        return Masked(text, ())
    narrow = text.translate(_NARROW)
    spans: list[tuple[int, int, str]] = []
    for rule in _rules(language):
        spans += [
            (*match.span("value"), rule.kind)
            for match in rule.pattern.finditer(narrow)
            if rule.check is None or rule.check(_compact(match["value"]))
        ]
    taken = [one for one in _taken(spans) if not _is_free_to_call(narrow[one[0] : one[1]], one[2])]
    for start, end, kind in reversed(taken):
        text = f"{text[:start]}[{kind}]{text[end:]}"
    return Masked(text, tuple(kind for _, _, kind in taken))


def _is_free_to_call(value: str, kind: str) -> bool:
    return kind == "PHONE" and _FREE_TO_CALL.fullmatch(_compact(value)) is not None


def _taken(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return spans in the text's order; of two that overlap, the one of the earlier rule."""
    taken: list[tuple[int, int, str]] = []
    for start, end, kind in spans:
        if all(end <= other[0] or other[1] <= start for other in taken):
            taken.append((start, end, kind))
    return sorted(taken)


def _compact(value: str) -> str:
    return "".join(character for character in value if character.isalnum())


@cache
def _rules(language: str) -> tuple[_Rule, ...]:
    """Return a language's rules, the surest first."""
    record, identifier, phone = (_cue_rule(cue, language) for cue in _CUE_KINDS)
    identifiers = [
        _Rule("NATIONAL_ID", _form(form), check)
        for form, check in (*_EVERYWHERE, *_IDENTIFIERS.get(language, ()))
    ]
    international = _Rule("PHONE", re.compile(_INTERNATIONAL), _is_phone_length)
    phones = [_Rule("PHONE", _form(form)) for form in _PHONES[language]]
    email = _Rule("EMAIL", re.compile(f"(?P<value>{_EMAIL})", re.ASCII))
    return (email, record, identifier, *identifiers, international, *phones, phone)


def _form(form: str) -> re.Pattern[str]:
    # The forms' own group \1 (a separator that is repeated) becomes the second one.
    body = form.replace(r"\1", r"\2")
    return re.compile(f"{_BEFORE}(?P<value>{body}){_AFTER}")


def _is_phone_length(digits: str) -> bool:
    return 9 <= len(digits) <= 15


def _cue_rule(cue: str, language: str) -> _Rule:
    kind = _CUE_KINDS[cue]
    words = sorted(lexicon("mask")[language][cue], key=len, reverse=True)
    cues = "|".join(re.escape(word) for word in words)
    link = r"(?![^\W\d_])[\s.:#№°-]*(?:(?:n[°o]|no|number|is|es|est|el|la|le)[\s.:]*){0,2}"
    if language in CHARACTER_LANGUAGES:
        link = r"[\s.:]*(?:(?:是|为|は)\s*)?"
    start = "" if language in CHARACTER_LANGUAGES else r"(?<![\w\[])"
    pattern = rf"{start}(?:{cues}){link}(?P<value>{_AFTER_CUE[kind]}){_AFTER}"
    return _Rule(kind, re.compile(pattern, re.IGNORECASE))
