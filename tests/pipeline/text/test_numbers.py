import pytest

from pipeline.text.numbers import canonical_number, han_number, unit_name


@pytest.mark.parametrize(
    ("language", "spellings"),
    [
        ("en", ("mg", "ml", "years", "mmhg", "°c")),
        ("zh", ("毫克", "毫升", "岁", "毫米汞柱", "°c")),
        ("ja", ("mg", "ml", "歳", "mmhg", "°c")),
        ("fr", ("mg", "ml", "ans", "mmhg", "°c")),
        ("ru", ("мг", "мл", "лет", "мм рт. ст.", "°c")),
        ("es", ("mg", "ml", "años", "mmhg", "°c")),
    ],
)
def test_the_same_units_have_one_name_in_every_language(
    language: str, spellings: tuple[str, ...]
) -> None:
    names = [unit_name(spelling, language) for spelling in spellings]
    assert names == ["mg", "mL", "year", "mmHg", "°C"]


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "mg", "g"),
        ("zh", "天", "周"),
        ("ja", "日", "時間"),
        ("fr", "ans", "mois"),
        ("ru", "мг", "мкг"),
        ("es", "horas", "días"),
    ],
)
def test_another_unit_has_another_name(language: str, first: str, second: str) -> None:
    names = {unit_name(first, language), unit_name(second, language)}
    assert len(names) == 2
    assert "" not in names


@pytest.mark.parametrize(
    ("language", "word"),
    [("en", "heart"), ("zh", "心"), ("ja", "心"), ("fr", "cœur"), ("ru", "сердце"), ("es", "")],
)
def test_another_word_is_no_unit(language: str, word: str) -> None:
    assert unit_name(word, language) == ""


@pytest.mark.parametrize(
    ("number", "same"),
    [("05", "5"), ("5.0", "5"), ("5.60", "5.6"), ("0.5", "0.5"), ("00", "0"), ("500", "500")],
)
def test_zeros_that_change_nothing_are_dropped(number: str, same: str) -> None:
    assert canonical_number(number) == same


@pytest.mark.parametrize(
    ("numeral", "value"),
    [("三", 3), ("十", 10), ("二十四", 24), ("一百零五", 105), ("二〇二〇", 2020), ("两千", 2000)],
)
def test_han_numerals_are_read(numeral: str, value: int) -> None:
    assert han_number(numeral) == value
