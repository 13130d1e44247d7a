from __future__ import annotations

import pytest

from pipeline.report.locales import format_number, format_share, published_rows
from schemas.item import LANGUAGES

NO_BREAK, NARROW = "\u00a0", "\u202f"


@pytest.mark.parametrize(
    ("language", "large", "fraction", "share"),
    [
        ("en", "1,234,567", "1,234.5", "12.5%"),
        ("zh", "1,234,567", "1,234.5", "12.5%"),
        ("ja", "1,234,567", "1,234.5", "12.5%"),
        ("fr", f"1{NARROW}234{NARROW}567", f"1{NARROW}234,5", f"12,5{NO_BREAK}%"),
        ("ru", f"1{NO_BREAK}234{NO_BREAK}567", f"1{NO_BREAK}234,5", f"12,5{NO_BREAK}%"),
        ("es", "1.234.567", "1234,5", f"12,5{NO_BREAK}%"),
        ("", "1,234,567", "1,234.5", "12.5%"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(
    language: str, large: str, fraction: str, share: str
) -> None:
    assert format_number(1_234_567, language) == large
    assert format_number(1234.5, language) == fraction
    assert format_share(0.125, language) == share


def test_a_share_above_zero_never_reads_as_nothing() -> None:
    assert format_share(0.0004, "en") == f"<{NO_BREAK}0.1%"
    assert format_share(0.0004, "fr") == f"<{NO_BREAK}0,1{NO_BREAK}%"
    assert format_share(0, "en") == "0.0%"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_breaks_inside_a_number(language: str) -> None:
    written = [format_share(0.0004, language), format_number(1_234_567, language)]
    assert not any(" " in text for text in written)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", {0: "0 rows published", 1: "1 row published", 2: "2 rows published"}),
        ("fr", {0: "0 ligne publiée", 1: "1 ligne publiée", 2: "2 lignes publiées"}),
        ("es", {0: "0 filas publicadas", 1: "1 fila publicada", 2: "2 filas publicadas"}),
        ("zh", {1: "已发布 1 条", 2: "已发布 2 条"}),
        ("ja", {1: "1 件を公開", 2: "2 件を公開"}),
        (
            "ru",
            {
                1: "опубликована 1 строка",
                4: "опубликованы 4 строки",
                5: "опубликовано 5 строк",
                11: "опубликовано 11 строк",
                12: "опубликовано 12 строк",
                21: "опубликована 21 строка",
                22: "опубликованы 22 строки",
                111: "опубликовано 111 строк",
                1234: f"опубликованы 1{NO_BREAK}234 строки",
            },
        ),
    ],
)
def test_counted_rows_take_the_plural_of_their_language(
    language: str, said: dict[int, str]
) -> None:
    assert {rows: published_rows(rows, language) for rows in said} == said
