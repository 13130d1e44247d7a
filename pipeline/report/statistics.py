"""The two figures of the report that need a distribution: a bound of a rate, and a chi-square.

Small and exact enough (1e-9) for what is shown with two digits, so that no library is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, lgamma, log, log1p

CONFIDENCE = 0.95
_STEPS = 50  # of a bisection: 2 ** -50 is far below what is shown
_TERMS = 10_000


def upper_bound(errors: int, judged: int) -> float:
    """Return the one-sided upper 95 % bound of an error rate (Clopper and Pearson, 1934).

    The rate at which as few errors as these would still turn up in one sample of twenty. Nothing
    judged bounds nothing: 1.
    """
    if errors >= judged:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_most(errors, judged, middle) > 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return high


def _at_most(errors: int, judged: int, rate: float) -> float:
    """Return the probability of so many errors or fewer, of a binomial distribution."""
    ways = lgamma(judged + 1)
    return sum(
        exp(
            ways - lgamma(n + 1) - lgamma(judged - n + 1)
            + n * log(rate) + (judged - n) * log1p(-rate)
        )
        for n in range(errors + 1)
    )  # fmt: skip


def chi_square(observed: Mapping[int, int], expected: Mapping[int, float]) -> float:
    """Return Pearson's statistic; every cell that is expected at all counts."""
    return sum(
        (observed.get(cell, 0) - mean) ** 2 / mean for cell, mean in expected.items() if mean
    )


def chi_square_p(statistic: float, degrees: int) -> float:
    """Return the probability of a statistic this large or larger by chance alone."""
    if degrees < 1:
        return 1.0
    return _upper_gamma(degrees / 2, statistic / 2)


def _upper_gamma(shape: float, x: float) -> float:
    """Return the regularised upper incomplete gamma function Q(shape, x).

    By the series where that converges fast, else by the continued fraction (Lentz); Numerical
    Recipes, 6.2.
    """
    if x <= 0:
        return 1.0
    scale = exp(shape * log(x) - x - lgamma(shape))
    return 1 - scale * _series(shape, x) if x < shape + 1 else scale * _fraction(shape, x)


def _series(shape: float, x: float) -> float:
    term = total = 1 / shape
    for n in range(1, _TERMS):
        term *= x / (shape + n)
        total += term
        if term < total * 1e-15:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    value = d
    for n in range(1, _TERMS):
        a = n * (shape - n)
        b += 2
        d = 1 / ((a * d + b) or tiny)
        c = (b + a / c) or tiny
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value
