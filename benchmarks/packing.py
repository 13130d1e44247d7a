"""How fast packs are planned and made, and how full they are: ours beside TRL's and others'.

Lengths are drawn: `choice_and_open` mixes short multiple-choice items with open questions,
`two_kinds` mixes two wider ones (docs/measurements.md says how). All are packed to 8,192 tokens.
Seconds are of the processor, one thread, the median of interleaved rounds. Collators make the same
packs, and what the peers make is compared with ours number by number.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import packing_peers
from benchmarks.figures import Figure, machine, publish
from pipeline.finetune import collate, collate_numba
from pipeline.finetune.collate import Batch, Source, empty_batch, shape_of, source_of
from pipeline.finetune.packing import fit_decreasing, fit_in_order
from pipeline.finetune.plan import Plan, plan

Ints = NDArray[np.int32]

CAPACITY = 8192
PACKS_PER_STEP = 16
VOCABULARY = 128_000
# Median, spread of the logarithm, least and most tokens of the halves of each mix.
MIXES = {
    "choice_and_open": ((150, 0.45, 60, 400), (450, 0.6, 60, CAPACITY)),
    "two_kinds": ((200, 0.5, 16, 4096), (446, 0.7, 16, 4096)),
}
SHOWN = "choice_and_open"  # the mix that speed is measured on
MANY = 10_000_000
WARM_UP = 1_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    num_packed: int  # documents that peers pack too
    num_collated: int  # packs
    rounds: int
    exact: int  # documents that are packed exactly, for speed
    planned: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A pool of random tokens, the second half of each item supervised."""

    tokens: Ints
    offsets: NDArray[np.int64]
    span_offsets: NDArray[np.int64]
    spans: Ints


QUICK = Sizes(20_000, 60, 3, 1_000_000, (200_000,))
WHOLE = Sizes(200_000, 600, 5, MANY, (200_000, MANY))
# Seconds of a plan: the worst that passes, and what is aimed at.
PLAN_LIMITS = {200_000: (0.5, 0.05), MANY: (30, 3)}


def main() -> None:
    """Measure, print, and exit 1 where a value is worse than its floor."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer documents and packs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    _say(machine())
    sys.exit(publish(list(measure(QUICK if arguments.quick else WHOLE)), arguments.json))


def measure(sizes: Sizes) -> Iterator[Figure]:
    """Yield every figure: plans, packs, collation."""
    _plan(draw(SHOWN, WARM_UP))
    yield from planning(sizes)
    for mix in MIXES:
        yield from packing(mix, sizes)
    yield from collation(sizes)


def draw(mix: str, number: int) -> Ints:
    """Return lengths of a mix, half of either kind, in random order."""
    drawn = np.random.default_rng(0)
    kinds = [
        np.clip(drawn.lognormal(np.log(median), spread, number), least, most)
        for median, spread, least, most in MIXES[mix]
    ]
    return np.where(drawn.random(number) < 0.5, *kinds).astype(np.int32)


def planning(sizes: Sizes) -> Iterator[Figure]:
    """Yield seconds of whole plans, and documents a second of exact packing."""
    for number in sizes.planned:
        _say(f"planning {number:,} documents")
        lengths = draw(SHOWN, number)
        seconds = _median(partial(_plan, lengths), sizes.rounds)
        yield Figure(f"plan_{number}", round(seconds, 4), "s", *PLAN_LIMITS[number])
    lengths = draw(SHOWN, sizes.exact)
    fit_decreasing(lengths[:WARM_UP], CAPACITY)
    seconds = _median(partial(fit_decreasing, lengths, CAPACITY), sizes.rounds)
    rate = round(sizes.exact / seconds)
    yield Figure(f"exact_packing_{sizes.exact}", rate, "docs/s", 25_000_000, 50_000_000)


def packing(mix: str, sizes: Sizes) -> Iterator[Figure]:
    """Yield the share of packs that is no padding, ours and others', and their seconds."""
    lengths = draw(mix, 200_000)
    ours, exact = (_efficiency(lengths, packer) for packer in (_num_in_order, _num_exact))
    yield Figure(f"efficiency_{mix}", ours, "share", 0.997, 0.998)
    yield Figure(f"efficiency_{mix}_exact", exact, "share")
    yield Figure(f"less_than_exact_{mix}", round(exact - ours, 5), "share", 0.003, 0.001)
    lengths = lengths[: sizes.num_packed]
    own = {"ours": _num_in_order, "exact": _num_exact}
    theirs = packing_peers.packers()
    if "trl" not in theirs:
        _say("trl is not installed: its packing is not measured")
    for name, packer in (own | theirs).items():
        _say(f"packing {len(lengths):,} documents of {mix}: {name}")
        packer(lengths[:WARM_UP], CAPACITY)  # imports, too
        begin = time.process_time()
        found = _efficiency(lengths, packer)
        seconds = time.process_time() - begin
        yield Figure(f"packed_{mix}_{name}", found, "share")
        yield Figure(f"packing_{mix}_{name}", round(seconds, 4), "s")


def collation(sizes: Sizes) -> Iterator[Figure]:
    """Yield tokens a second of every collator, our multiples of them, and agreement."""
    made, source = _source(sizes.num_collated)
    packs = range(sizes.num_collated)
    _say("making rows for the peers")
    theirs = packing_peers.collators([packing_peers.features(source, pack) for pack in packs])
    out = empty_batch(shape_of(made))
    collators: dict[str, Callable[[int], object]] = {
        "numba": lambda pack: collate_numba.collate(source, pack, out),
        "numpy": lambda pack: collate.collate(source, pack, out),
        **theirs,
    }
    collators["numba"](0)
    seconds = _interleaved(collators, sizes)
    num_tokens = int(made.num_tokens[: sizes.num_collated].sum())
    for name, median in seconds.items():
        yield Figure(f"collation_{name}", round(num_tokens / median), "tokens/s")
    for name, floor, goal in (("transformers", 25, 40), ("trl", 40, 60)):
        if name not in theirs:
            _say(f"{name} is not installed: no comparison with it")
            continue
        ratio = round(seconds[name] / seconds["numba"], 1)
        yield Figure(f"collation_times_{name}", ratio, "x", floor, goal)
    for name in ("transformers_with_bounds", "trl"):
        if name in theirs:
            num_equal = 0
            for pack in packs:
                collate_numba.collate(source, pack, out)
                num_equal += is_equal(out, theirs[name](pack), int(made.num_docs[pack]))
            yield Figure(f"packs_equal_to_{name}", num_equal / len(packs), "share", 1, 1)


def _source(num_packs: int) -> tuple[Plan, Source[NDArray[Any]]]:
    number = 30 * num_packs  # some 23 fill a pack
    drawn, lengths = np.random.default_rng(0), draw(SHOWN, number)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    items = Items(
        tokens=drawn.integers(0, VOCABULARY, offsets[-1], np.int32),
        offsets=offsets,
        span_offsets=np.arange(number + 1),
        spans=np.stack([lengths // 2, lengths], axis=1),
    )
    made = _plan(lengths)
    return made, source_of(items, made)


def _interleaved(collators: dict[str, Callable[[int], object]], sizes: Sizes) -> dict[str, float]:
    """Return the median seconds of making all packs, in random order."""
    packs = np.random.default_rng(1).permutation(sizes.num_collated).tolist()
    seconds: dict[str, list[float]] = {name: [] for name in collators}
    for number in range(sizes.rounds):
        for name, collator in collators.items():
            _say(f"collation, round {number + 1}: {name}")
            begin = time.process_time()
            for pack in packs:
                collator(pack)
            seconds[name].append(time.process_time() - begin)
    return {name: statistics.median(measured) for name, measured in seconds.items()}


def is_equal(ours: Batch[Ints], theirs: packing_peers.Collated, num_docs: int) -> bool:
    """Tell whether two packs are the same; peers leave the shift of labels to the model."""
    size = theirs["input_ids"].shape[1]
    shifted = np.append(theirs["labels"][0, 1:].numpy(), collate.IGNORED)
    return (
        np.array_equal(ours.input_ids[:size], theirs["input_ids"][0].numpy())
        and np.array_equal(ours.labels[:size], shifted)
        and np.array_equal(ours.position_ids[:size], theirs["position_ids"][0].numpy())
        and np.array_equal(ours.cu_seqlens[: num_docs + 1], theirs["cu_seq_lens_q"].numpy())
        and bool((ours.labels[size:] == collate.IGNORED).all())
    )


def _plan(lengths: Ints) -> Plan:
    return plan(
        lengths,
        lengths - lengths // 2,
        seed=0,
        epoch=0,
        capacity=CAPACITY,
        packs_per_step=PACKS_PER_STEP,
    )


def _num_in_order(lengths: Ints, capacity: int) -> int:
    return len(fit_in_order(lengths, capacity).offsets) - 1


def _num_exact(lengths: Ints, capacity: int) -> int:
    return len(fit_decreasing(lengths, capacity).offsets) - 1


def _efficiency(lengths: Ints, packer: packing_peers.Packer) -> float:
    return round(int(lengths.sum()) / (packer(lengths, CAPACITY) * CAPACITY), 5)


def _median(call: Callable[[], object], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        begin = time.process_time()
        call()
        seconds.append(time.process_time() - begin)
    return statistics.median(seconds)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
