"""What the runs of all arms say: figures of each, then how many times faster ours is."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from benchmarks.figures import Figure
from benchmarks.finetune_case import Case
from benchmarks.finetune_runs import AGAIN, Run

TUNED = ("flattened", "trl_tuned", "trl_tuned_wide")  # packed peers, the best of which counts
LLAMA, SMOL = "llama-3-8b", "smol"  # in the names of the models that floors and goals are for


def figures(
    case: Case, runs: Mapping[str, Sequence[Run]], device: torch.device
) -> Iterator[Figure]:
    """Yield what was measured of each arm, then comparisons."""
    yield Figure("packing_efficiency", round(case.plan.efficiency, 5), "share")
    first = next((found[0].losses for found in runs.values() if found), None)
    for name, found in runs.items():
        if not found:
            yield Figure(f"{name}_out_of_memory", 1, "runs")
            continue
        assert first is not None
        yield from _of_arm(name, found, case, first, device)
    yield from _comparisons(case, runs, device)


def _of_arm(
    name: str, found: Sequence[Run], case: Case, first: Sequence[float], device: torch.device
) -> Iterator[Figure]:
    steps = range(case.warm_up, case.num_steps)
    tokens, _, targets = (sum(column) for column in zip(*map(case.totals, steps), strict=True))
    seconds = [one for run in found for one in run.seconds]
    per_run = statistics.median(sum(run.seconds) for run in found)
    yield Figure(f"{name}_tokens", round(tokens / per_run), "tokens/s", *_speed(name, case, device))
    yield Figure(f"{name}_supervised", round(targets / per_run), "tokens/s")
    yield Figure(f"{name}_step_p50", round(float(np.percentile(seconds, 50)), 5), "s")
    yield Figure(f"{name}_step_p95", round(float(np.percentile(seconds, 95)), 5), "s")
    yield Figure(f"{name}_first_step", round(found[0].first_s, 2), "s")
    share = statistics.median(run.collating_s / sum(run.seconds) for run in found)
    is_limited = name.startswith("ours") and is_h100(device) and LLAMA in case.model
    yield Figure(f"{name}_collation", round(share, 6), "share", 0.001 if is_limited else None)
    peaks = [run.peak_gib for run in found if run.peak_gib is not None]
    if peaks:
        yield Figure(f"{name}_peak_memory", round(max(peaks), 2), "GiB")
    rates = [run.mfu for run in found if run.mfu is not None]
    if rates:
        yield Figure(f"{name}_mfu", round(statistics.median(rates), 4), "share")
    yield Figure(
        f"{name}_loss_difference", _difference(found[0].losses, first), "share", _exact(case)
    )


def _difference(losses: Sequence[float], first: Sequence[float]) -> float:
    """Return the largest relative difference of the losses of a step."""
    pairs = zip(losses, first, strict=True)
    return float(f"{max(abs(one - other) / abs(other) for one, other in pairs):.3g}")


def _exact(case: Case) -> float | None:
    return 1e-5 if case.dtype == "float32" else None


def _speed(name: str, case: Case, device: torch.device) -> tuple[float | None, float | None]:
    """Return floor and goal of an arm's tokens a second; only for the best that we offer at 8B."""
    is_meant = name == "ours_compiled" and is_h100(device) and LLAMA in case.model
    return (12_500, 15_000) if is_meant and case.plan.capacity == 8192 else (None, None)


def _comparisons(
    case: Case, runs: Mapping[str, Sequence[Run]], device: torch.device
) -> Iterator[Figure]:
    """Yield how many times faster our fastest arm is; only arms that kept all activations count."""
    seconds = {
        name: statistics.median(sum(run.seconds) for run in found)
        for name, found in runs.items()
        if found and not name.endswith(AGAIN)
    }
    ours = min((taken for name, taken in seconds.items() if name.startswith("ours")), default=None)
    if ours is None:
        return
    is_small = SMOL in case.model
    best = min((seconds[name] for name in TUNED if name in seconds), default=None)
    if best is not None:
        limits = ((1.5, 2.0) if is_small else (1.2, 1.2)) if is_h100(device) else ()
        yield Figure("times_best_tuned_peer", round(best / ours, 3), "x", *limits)
    if "trl_documented" in seconds:
        limits = (3.0, 3.0) if is_small and is_h100(device) else ()
        ratio = round(seconds["trl_documented"] / ours, 3)
        yield Figure("times_trl_documented", ratio, "x", *limits)


def is_h100(device: torch.device) -> bool:
    """Tell whether this is the device that floors and goals of speed are for."""
    return "H100" in device_name(device)


def device_name(device: torch.device) -> str:
    """Return the device in words."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
