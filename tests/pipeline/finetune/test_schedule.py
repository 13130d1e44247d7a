from __future__ import annotations

from math import ceil
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.finetune.schedule import learning_rate

SCHEDULES: dict[str, Any] = {
    "num_steps": st.integers(1, 400),
    "peak": st.floats(1e-8, 1),
    "warmup": st.floats(0, 0.99),
}


@given(**SCHEDULES)
def test_rates_rise_to_the_peak_then_fall_and_stay_above_zero(
    num_steps: int, peak: float, warmup: float
) -> None:
    rates = [learning_rate(step, num_steps, peak, warmup) for step in range(num_steps)]
    num_rising = ceil(warmup * num_steps)
    assert all(0 < rate <= peak * (1 + 1e-12) for rate in rates)
    assert rates[:num_rising] == sorted(rates[:num_rising])
    assert rates[num_rising:] == sorted(rates[num_rising:], reverse=True)
    assert abs(max(rates) - peak) <= 1e-12 * peak


@given(num_steps=st.integers(20, 400), peak=st.floats(1e-8, 1), warmup=st.floats(0, 0.5))
def test_the_last_rate_is_near_zero(num_steps: int, peak: float, warmup: float) -> None:
    assert learning_rate(num_steps - 1, num_steps, peak, warmup) < 0.03 * peak


@given(num_steps=st.integers(2, 400), peak=st.floats(1e-8, 1))
def test_warm_up_is_a_straight_line(num_steps: int, peak: float) -> None:
    rates = [learning_rate(step, num_steps, peak, 0.5) for step in range(ceil(num_steps / 2))]
    for step, rate in enumerate(rates):
        assert abs(rate - peak * (step + 1) / len(rates)) <= 1e-12 * peak
