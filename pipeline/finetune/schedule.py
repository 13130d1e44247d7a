"""The learning rate of each step: a linear warm-up, then half a cosine down to zero."""

from __future__ import annotations

from math import ceil, cos, pi


def learning_rate(step: int, num_steps: int, peak: float, warmup: float) -> float:
    """Return the rate of a step from 0 on; `warmup` is the share of the steps that rise."""
    num_rising = ceil(warmup * num_steps)
    if step < num_rising:
        return peak * (step + 1) / num_rising
    progress = (step - num_rising) / max(num_steps - num_rising, 1)
    return peak * (1 + cos(pi * progress)) / 2
