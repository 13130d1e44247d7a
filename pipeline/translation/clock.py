"""Tells hours of the clock from hours that something lasts: 7:45 p.m., 19 h 45, 午後7時45分."""

from __future__ import annotations

import re

from pipeline.text.units import CHARACTER_LANGUAGES
from pipeline.translation.quantity import Quantity

_LATE = {
    "en": re.compile(r"(?::\d\d)?\s?(?:hours?\s)?p\.?m\b", re.IGNORECASE),
    "es": re.compile(r"(?::\d\d)?\s?(?:horas )?(?:p\.?\s?m\b|de la (?:tarde|noche))"),
    "fr": re.compile(r"\s?(?:h|heures)?\s(?:de l'après-midi|du soir)"),
    "ru": re.compile(r"(?::\d\d)?\s?(?:час\w*\s)?(?:дня|вечера)"),
}
_LATE_BEFORE = re.compile("(?:午後|下午|晚上|傍晚|夜间|夜)\\s?$")
_HOUR_AND_MINUTES = r"(?<!\d)\d{1,2}:\d\d(?!\d)"
_CLOCK = {
    language: re.compile(rf"{_HOUR_AND_MINUTES}|{pattern}", re.IGNORECASE)
    for language, pattern in {
        "en": r"\d{1,2}\s?[ap]\.?\s?m\b|\d{1,2} o'clock",
        "fr": r"\d{1,2}\s?(?:h|heures?)\s?\d\d(?!\d)"
        r"|\d{1,2}\s?(?:h|heures?) (?:du (?:matin|soir)|de l'après-midi)",
        "es": r"\d{1,2} de la (?:mañana|tarde|noche|madrugada)",
        "ru": r"\d{1,2}\s?(?:ч|час\w*)\.?(?: \d\d мин\w*)? (?:утра|вечера|дня|ночи)",
        "zh": r"\d{1,2}\s?[时時點点](?:\d{1,2}\s?分)?",
        "ja": r"\d{1,2}\s?時(?!間)(?:\d{1,2}\s?分)?",
    }.items()
}


def timed(figures: list[Quantity], text: str, language: str) -> list[Quantity]:
    """Return the figures; those of the clock have no unit, which languages write or not."""
    spans = [found.span() for found in _CLOCK[language].finditer(text)]
    if not spans:
        return figures
    return [
        one._replace(unit="") if any(first <= one.start < last for first, last in spans) else one
        for one in figures
    ]


def afternoon(text: str, start: int, end: int, value: str, language: str) -> tuple[str, ...]:
    """Return the hour of 24 as another reading of "3 pm" and 午後3時."""
    if not value.isdigit() or int(value) > 11:
        return ()
    if language in CHARACTER_LANGUAGES:
        is_late = _LATE_BEFORE.search(text, max(0, start - 4), start)
    else:
        is_late = _LATE[language].match(text, start + len(value)) or _LATE[language].match(
            text, end
        )
    return (str(int(value) + 12),) if is_late else ()
