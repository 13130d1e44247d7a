"""How fast a model is fine-tuned, and to what losses: our loop beside transformers' and TRL's.

Every arm starts from the same weights and takes the same optimiser steps over the same documents.
Arms run one after another, all of them once more in each round, so that a device that grows slower
does so for all. Nothing is compared with an arm that ran out of memory; it runs again, recomputing
activations, under a name of its own. Floors and goals of speed are for one H100 alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks.figures import machine, publish
from benchmarks.finetune_arms import Ours
from benchmarks.finetune_case import Case, drawn_items, plan_of, pool_items
from benchmarks.finetune_figures import device_name, figures
from benchmarks.finetune_peers import Flattened, Grouped, Padded, Trl, has_trl
from benchmarks.finetune_runs import AGAIN, Make, Run, run, say
from pipeline.errors import InputError

ARMS: Mapping[str, Make] = {
    "padded_random": Padded,
    "padded_grouped": Grouped,
    "flattened": Flattened,
    "trl_documented": Trl,
    "trl_tuned": partial(Trl, is_tuned=True, is_compiled=True),
    "trl_tuned_wide": partial(Trl, is_tuned=True, is_compiled=True, packs_per_row=2),
    "ours_eager": Ours,
    "ours_compiled": partial(Ours, is_compiled=True),
    "ours_graphs": partial(Ours, is_compiled=True, is_captured=True),
}
# Compiling takes a CPU half a minute, so that nothing is compiled there for a first look.
QUICK: Mapping[str, Make] = {
    **{name: make for name, make in ARMS.items() if not isinstance(make, partial)},
    "trl_tuned": partial(Trl, is_tuned=True),
    "trl_tuned_wide": partial(Trl, is_tuned=True, packs_per_row=2),
}


def main() -> None:
    """Measure, print, and exit 1 where a value is worse than its floor."""
    arguments = _parser().parse_args()
    device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    try:
        case = make_quick() if arguments.quick else make_case(arguments, device)
    except InputError as error:
        sys.exit(f"finetune: {error}")
    if arguments.quick:
        device = torch.device("cpu")
        torch.set_num_threads(1)  # a model this small only waits for more
    known = QUICK if arguments.quick else ARMS
    arms = {name: known[name] for name in arguments.arms or known if name in known}
    say(f"{machine()}; {device_name(device)}; {_versions()}; {' '.join(sys.argv[1:])}")
    say(f"{case.model}: {case.num_steps} steps of {case.packs_per_step} x {case.plan.capacity}")
    rounds = 1 if arguments.quick else arguments.rounds
    runs, failed = measure(case, arms, rounds, device, arguments.minutes * 60)
    sys.exit(publish(list(figures(case, runs, device)), arguments.json) or bool(failed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tiny model on the CPU, two steps")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--model", default="random:llama-3-8b", help="or random:smollm2-135m, …")
    parser.add_argument("--pool", type=Path, help="folder of a token pool; else lengths are drawn")
    parser.add_argument("--arms", nargs="+", choices=[*ARMS], help="all, if not given")
    parser.add_argument("--capacity", type=int, default=8192, help="tokens of a pack")
    parser.add_argument("--packs", type=int, default=2, help="packs of a step")
    parser.add_argument("--steps", type=int, default=6, help="measured steps of a run")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before them")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each arm")
    parser.add_argument("--minutes", type=float, default=9, help="start no arm that takes longer")
    return parser


def make_quick() -> Case:
    """Return a case of a few seconds: a tiny model in float32."""
    items = drawn_items(120, 500, shorter=8, longest=128)
    return Case(
        "random:tiny", "float32", items, plan_of(items, 512, 2), 1, 2, padded_docs=8, rate=1e-2
    )


def make_case(arguments: argparse.Namespace, device: torch.device) -> Case:
    """Return the case that the arguments ask for."""
    num_steps = arguments.warm_up + arguments.steps
    # Some 23 documents of the mix fill a pack of 8,192 tokens.
    number = 30 * num_steps * arguments.packs * arguments.capacity // 8192
    items = (
        pool_items(arguments.pool)
        if arguments.pool
        else drawn_items(number, 49_152, shorter=1, longest=arguments.capacity)
    )
    planned = plan_of(items, arguments.capacity, arguments.packs)
    if planned.num_steps < num_steps:
        raise InputError(
            f"{arguments.pool}: {planned.num_steps} steps of {arguments.packs} packs, {num_steps} "
            "are asked for. Give a larger pool, or fewer --steps or --packs."
        )
    return Case(
        model=arguments.model,
        dtype="bfloat16" if device.type == "cuda" else "float32",
        items=items,
        plan=planned,
        warm_up=max(arguments.warm_up, 1),  # the first step compiles
        measured=arguments.steps,
        padded_docs=8,  # transformers' default batch
    )


def measure(
    case: Case, arms: Mapping[str, Make], rounds: int, device: torch.device, seconds: float
) -> tuple[dict[str, list[Run]], set[str]]:
    """Return the runs of each arm, and the arms that failed; one out of memory has no runs."""
    runs: dict[str, list[Run]] = {}
    failed: set[str] = set()
    waiting, longest, since = [*arms] * rounds, 0.0, time.perf_counter()
    while waiting:
        name = waiting.pop(0)
        why = "it failed" if name in failed else _missing(name, device, runs)
        if not why and time.perf_counter() - since + longest > seconds:
            why = f"{seconds / 60:g} minutes would not do"
        if why:
            say(f"{name}: not measured, {why}")
            continue
        begin = time.perf_counter()
        try:
            found = run(name, arms[name.removesuffix(AGAIN)], case, device)
        except Exception as error:
            # Whatever a peer raises is told; the minutes of a GPU are for the other arms too.
            say(f"{name}: failed, {type(error).__name__}: {error}")
            failed.add(name)
            continue
        longest = max(longest, time.perf_counter() - begin)
        runs.setdefault(name, []).extend(found)
        if not found and not name.endswith(AGAIN):
            again = name + AGAIN
            waiting = [again, *(again if one == name else one for one in waiting)]
    return runs, failed


def _missing(name: str, device: torch.device, runs: Mapping[str, list[Run]]) -> str:
    """Say why an arm cannot be measured here, if so."""
    if name.startswith("trl") and not has_trl():
        return "TRL is not installed"
    if name.startswith("ours_graphs") and device.type != "cuda":
        return "there is no GPU to capture a graph on"
    return "it ran out of memory" if runs.get(name) == [] else ""


def _versions() -> str:
    names = ["torch", "transformers", "peft", *(["trl"] if has_trl() else [])]
    return ", ".join(f"{name} {version(name)}" for name in names)


if __name__ == "__main__":
    main()
