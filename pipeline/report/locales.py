"""Numbers and counted rows as each of the six languages writes them, for its own section.

The separators and plural forms are those of the Unicode CLDR for each language.
"""

from __future__ import annotations

from dataclasses import dataclass

_NO_BREAK = "\u00a0"  # a space at which no line breaks
_NARROW = "\u202f"  # the same, narrow


@dataclass(frozen=True, slots=True)
class Separators:
    """What stands between groups of three digits, before decimals, and before a percent sign."""

    group: str
    decimal: str
    percent: str
    fewest_grouped: int = 4  # digits; Spanish writes 1234, but 12.345


ENGLISH = Separators(",", ".", "")
_SEPARATORS = {
    "fr": Separators(_NARROW, ",", _NO_BREAK),
    "ru": Separators(_NO_BREAK, ",", _NO_BREAK),
    "es": Separators(".", ",", _NO_BREAK, fewest_grouped=5),
}
# One form for each class of numbers that a language tells apart.
_PUBLISHED = {
    "en": {"one": "{} row published", "other": "{} rows published"},
    "zh": {"other": "已发布 {} 条"},
    "ja": {"other": "{} 件を公開"},
    "fr": {"one": "{} ligne publiée", "other": "{} lignes publiées"},
    "ru": {
        "one": "опубликована {} строка",
        "few": "опубликованы {} строки",
        "other": "опубликовано {} строк",
    },
    "es": {"one": "{} fila publicada", "other": "{} filas publicadas"},
}


def format_number(value: float, language: str) -> str:
    """Return a number as a language writes it; of fractions, at most four decimals."""
    mark = _SEPARATORS.get(language, ENGLISH)
    text = f"{value:,}" if isinstance(value, int) else f"{round(value, 4):,.10g}"
    whole, dot, decimals = text.partition(".")
    grouped = sum(map(str.isdigit, whole)) >= mark.fewest_grouped
    whole = whole.replace(",", mark.group if grouped else "")
    return whole + (mark.decimal if dot else "") + decimals


def format_share(share: float, language: str) -> str:
    """Return a share in percent with one decimal; a share above zero never reads as nothing."""
    mark = _SEPARATORS.get(language, ENGLISH)
    number = f"<{_NO_BREAK}0.1" if 0 < share < 0.001 else f"{100 * share:.1f}"
    return f"{number.replace('.', mark.decimal)}{mark.percent}%"


def plural_class(value: int, language: str) -> str:
    """Return which form of a noun a whole number takes: one, few or other."""
    if language in ("zh", "ja"):
        return "other"
    if language == "fr":  # zéro ligne
        return "one" if value < 2 else "other"
    if language != "ru":
        return "one" if value == 1 else "other"
    if value % 10 == 1 and value % 100 != 11:
        return "one"
    return "few" if 2 <= value % 10 <= 4 and not 12 <= value % 100 <= 14 else "other"


def published_rows(rows: int, language: str) -> str:
    """Return how many rows are published, said in the language itself."""
    form = _PUBLISHED[language][plural_class(rows, language)]
    return form.format(format_number(rows, language))
