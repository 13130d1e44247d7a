import pytest

from pipeline.text.numbers import numbers_with_units


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "A 65-year-old takes 1,500 mg and 0.5 mL; 120/80 mmHg, 37.5 °C"),
        ("zh", "患者65岁，服用1500毫克和0.5毫升；120/80毫米汞柱，37.5℃"),
        ("ja", "６５歳、1500mgと0.5ｍＬ、120/80mmHg、37.5℃"),
        ("fr", "65 ans, 1 500 mg et 0,5 ml ; 120/80 mmHg, 37,5 °C"),
        ("ru", "65 лет, 1 500 мг и 0,5 мл; 120/80 мм рт. ст., 37,5 °C"),
        ("es", "65 años, 1.500 mg y 0,5 ml; 120/80 mmHg, 37,5 ºC"),
    ],
)
def test_the_same_measures_are_found_in_every_language(language: str, text: str) -> None:
    assert numbers_with_units(text, language) == (
        ("0.5", "mL"),
        ("120", ""),
        ("1500", "mg"),
        ("37.5", "°C"),
        ("65", "year"),
        ("80", "mmHg"),
    )


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "5.60 ×10^9/L", (("10^9", "/L"), ("5.6", ""))),
        ("en", "10 mg/kg/day", (("10", "mg/kg/day"),)),
        ("en", "2 g/24h in 2013", (("2", "g/24hour"), ("2013", ""))),
        ("en", "-2.5 and 120-140", (("-2.5", ""), ("120", ""), ("140", ""))),
        ("zh", "三个月前，二十四小时，2013年", (("2013", ""), ("24", "hour"), ("3", "month"))),
        (
            "ja",
            "二週間、1日3回、15万/μL",
            (("1", "day"), ("15", "10^4/μL"), ("2", "week"), ("3", "times")),
        ),
        ("fr", "5 d’eau, 12 000 000", (("12000000", ""), ("5", ""))),
        ("ru", "в 2013 г. 5 г", (("2013", ""), ("5", "g"))),
        ("es", "densidad 1.020; 16.500/uL", (("1.02", ""), ("16500", "/μL"))),
        ("en", "no numbers", ()),
    ],
)
def test_numbers_are_written_one_way(
    language: str, text: str, expected: tuple[tuple[str, str], ...]
) -> None:
    assert numbers_with_units(text, language) == expected


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "5 mg", "5 g"),
        ("zh", "三天", "三周"),
        ("ja", "3日", "3時間"),
        ("fr", "5 ans", "5 mois"),
        ("ru", "5 мг", "5 мкг"),
        ("es", "0,5 mg", "5 mg"),
    ],
)
def test_another_unit_or_value_is_another_measure(language: str, first: str, second: str) -> None:
    assert numbers_with_units(first, language) != numbers_with_units(second, language)
