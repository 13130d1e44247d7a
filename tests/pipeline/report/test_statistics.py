from __future__ import annotations

from math import exp, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.statistics import chi_square, chi_square_p, upper_bound


@pytest.mark.parametrize(
    ("errors", "judged", "bound"),
    [  # qbeta(.95, errors + 1, judged - errors), as R gives it
        (0, 60, 0.0487029),
        (0, 1, 0.95),
        (1, 60, 0.0766400),
        (3, 100, 0.0757108),
        (600, 2000, 0.3173151),
    ],
)
def test_the_upper_bound_is_that_of_clopper_and_pearson(
    errors: int, judged: int, bound: float
) -> None:
    assert upper_bound(errors, judged) == pytest.approx(bound, abs=1e-7)


@given(st.integers(1, 500))
def test_without_errors_the_bound_has_a_closed_form(judged: int) -> None:
    assert isclose(upper_bound(0, judged), 1 - 0.05 ** (1 / judged), abs_tol=1e-9)


def test_nothing_judged_and_nothing_right_bound_nothing() -> None:
    assert upper_bound(0, 0) == upper_bound(7, 7) == 1


@given(st.integers(0, 60), st.integers(61, 400))
def test_another_error_raises_the_bound_and_another_row_lowers_it(errors: int, judged: int) -> None:
    bound = upper_bound(errors, judged)
    assert errors / judged < bound < upper_bound(errors + 1, judged)
    assert upper_bound(errors, judged + 1) < bound


@pytest.mark.parametrize(
    ("statistic", "degrees"),
    [(3.841458821, 1), (5.991464547, 2), (7.814727903, 3), (9.487729037, 4), (11.07049769, 5)],
)
def test_the_critical_values_of_chi_square_have_a_p_of_five_percent(
    statistic: float, degrees: int
) -> None:
    assert chi_square_p(statistic, degrees) == pytest.approx(0.05, abs=1e-9)


@given(st.floats(0, 700))
def test_with_two_degrees_the_p_has_a_closed_form(statistic: float) -> None:
    assert isclose(chi_square_p(statistic, 2), exp(-statistic / 2), rel_tol=1e-9, abs_tol=1e-12)


def test_chi_square_of_a_die_thrown_sixty_times() -> None:
    thrown = dict(enumerate([5, 8, 9, 8, 10, 20]))  # the textbook's loaded die
    assert chi_square(thrown, dict.fromkeys(range(6), 10.0)) == pytest.approx(13.4)
    assert chi_square_p(13.4, 5) == pytest.approx(0.0199052, abs=1e-7)


def test_a_letter_that_never_is_the_key_counts() -> None:
    assert chi_square({0: 10}, {0: 5.0, 1: 5.0}) == pytest.approx(10)
