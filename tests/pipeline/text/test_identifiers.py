from collections.abc import Callable

import pytest

from pipeline.text import identifiers

# Published specimens and numbers computed for this test; none belongs to a person.
VALID: list[tuple[Callable[[str], bool], str]] = [
    (identifiers.is_us_ssn, "219099999"),
    (identifiers.is_uk_nhs_number, "9434765919"),
    (identifiers.is_chinese_resident_id, "11010519491231002X"),
    (identifiers.is_japanese_individual_number, "123456789018"),
    (identifiers.is_french_nir, "184127645108946"),
    (identifiers.is_french_nir, "255082A12345646"),
    (identifiers.is_russian_snils, "11223344595"),
    (identifiers.is_russian_inn, "500100732259"),
    (identifiers.is_spanish_dni, "12345678Z"),
    (identifiers.is_spanish_dni, "X1234567L"),
]


@pytest.mark.parametrize(("check", "number"), VALID)
def test_a_true_number_passes(check: Callable[[str], bool], number: str) -> None:
    assert check(number)


@pytest.mark.parametrize(("check", "number"), VALID[1:])
def test_a_changed_digit_fails(check: Callable[[str], bool], number: str) -> None:
    place = 7
    changed = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
    assert not check(changed)


@pytest.mark.parametrize("number", ["000123456", "666123456", "900123456", "219009999"])
def test_an_ssn_that_is_never_given_out_fails(number: str) -> None:
    assert not identifiers.is_us_ssn(number)
