"""How fast duplicates are found, and how well: ours beside datasketch, rensa and FastSketchLSH.

The corpora (`dedup_corpus.py`) are made from the real files of all registered sources; `--quick`
makes a small one from the starter corpus and needs no files. Speed is processor seconds of one
thread, the median of interleaved rounds, each run in a process of its own (`dedup_peers.py`); the
datasketch of the same run is the 1.0 of the ratios. `million` is the command `mmed dedup`, two
workers, wall time. Traps by rule (`tuning_traps`) are reported apart from the hand-written ones
(`traps`), which nobody tunes with. `pip install -e '.[bench]'` brings the peers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from benchmarks.dedup_corpus import Texts, read_texts, write_corpus
from benchmarks.figures import Figure, machine, publish
from benchmarks.processes import run

MMED = str(Path(sys.executable).with_name("mmed"))
PEERS = ("datasketch", "rensa", "fast_sketch")
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"), "1"
)
WARM_UP_ROWS = 1_000


@dataclass(frozen=True)
class Plan:
    """What is measured on how many rows."""

    folder: Path
    raw: Path | None
    speed: tuple[tuple[int, int], ...]  # rows, rounds
    planted: int
    traps: int
    million: int
    has_limits: bool = True  # ratios of speed say little on a few thousand rows

    @cached_property
    def texts(self) -> dict[str, Texts]:
        """Return what corpora are made of."""
        return read_texts(self.raw)

    def corpus(self, num_rows: int) -> Path:
        """Return a corpus of that size, made on first use."""
        path = self.folder / f"{'real' if self.raw else 'starter'}-{num_rows}.parquet"
        if not path.exists():
            _say(f"making {path.name}")
            write_corpus(path, num_rows, self.texts)
        return path


def main() -> None:
    """Measure, print, and exit 1 where a value is worse than its floor."""
    arguments = _arguments()
    _say(machine())
    with tempfile.TemporaryDirectory(prefix="mmed-benchmark-") as temporary:
        folder = Path(arguments.work or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        plan = _plan(arguments, folder)
        figures = [
            figure
            for name, part in PARTS.items()
            if arguments.only in (None, name)
            for figure in part(plan)
        ]
    sys.exit(publish(figures, arguments.json))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small corpus, no files needed")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--raw", default=os.environ.get("MMED_RAW"), help="upstream files")
    parser.add_argument("--work", help="keep corpora in this folder, and take those that it has")
    arguments = parser.parse_args()
    if not arguments.quick and not (arguments.raw and Path(arguments.raw).is_dir()):
        parser.error("give --raw DIR or set MMED_RAW to a folder of upstream files, or --quick")
    return arguments


def _plan(arguments: argparse.Namespace, folder: Path) -> Plan:
    if arguments.quick:
        return Plan(folder, None, ((3_000, 1),), 3_000, 3_000, 3_000, has_limits=False)
    return Plan(
        folder, Path(arguments.raw), ((20_000, 3), (200_000, 1)), 200_000, 20_000, 1_000_000
    )


def speed(plan: Plan) -> Iterator[Figure]:
    """Yield processor seconds of ours and of each peer, and the ratios."""
    warm_up = plan.corpus(WARM_UP_ROWS)
    for num_rows, rounds in plan.speed:
        corpus = plan.corpus(num_rows)
        seconds: dict[str, list[float]] = {name: [] for name in ("ours", *PEERS)}
        for number in range(rounds):
            for name, measured in seconds.items():
                _say(f"{name}, {num_rows:,} rows, round {number + 1}")
                measured.append(_seconds(name, corpus, warm_up))
        medians = {name: statistics.median(measured) for name, measured in seconds.items()}
        for name, median in medians.items():
            yield Figure(f"cpu_{name}_{num_rows}", round(median, 3), "s")
        yield Figure(f"rows_per_second_{num_rows}", round(num_rows / medians["ours"]), "rows/s")
        fastest = min(medians["rensa"], medians["fast_sketch"])
        for name, peer, limits in (
            ("datasketch", medians["datasketch"], (20, 35)),
            ("fastest_peer", fastest, (3, 5)),
        ):
            floor, goal = limits if plan.has_limits else (None, None)
            ratio = round(peer / medians["ours"], 1)
            yield Figure(f"times_{name}_{num_rows}", ratio, "x", floor, goal)


def _seconds(name: str, corpus: Path, warm_up: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.dedup_peers", name, str(corpus), str(warm_up)]
    done = subprocess.run(
        command, env=os.environ | ONE_THREAD, stdout=subprocess.PIPE, check=True, text=True
    )
    found = json.loads(done.stdout)
    _say(
        f"  {found['seconds']:.3f} s, {found['num_found']:,} rows, {found['peak_bytes'] >> 20} MiB"
    )
    return float(found["seconds"])


def planted(plan: Plan) -> Iterator[Figure]:
    """Yield recall, precision and what the guard keeps apart, on planted duplicates and traps."""
    from benchmarks.dedup_quality import judge, planted_figures
    from pipeline.dedup import deduplicate

    corpus = pl.read_parquet(plan.corpus(plan.planted))
    yield from planted_figures(judge(corpus, deduplicate(corpus)))


def traps(plan: Plan) -> Iterator[Figure]:
    """Yield what became of the hand-written traps and rewordings, among other rows."""
    from benchmarks.dedup_quality import reporting_figures

    yield from reporting_figures(pl.read_parquet(plan.corpus(plan.traps)))


def partition(plan: Plan) -> Iterator[Figure]:
    """Yield whether order and threads change the result."""
    from benchmarks.dedup_quality import partition_figures

    yield from partition_figures(pl.read_parquet(plan.corpus(plan.traps)))


def million(plan: Plan) -> Iterator[Figure]:
    """Yield wall time and peak memory of the command, and whether each row came out once."""
    out = plan.folder / "found"
    # The first run compiles; a cache of compiled code is a user's from the second run on.
    run(_command(plan.corpus(WARM_UP_ROWS), out))
    corpus = plan.corpus(plan.million)
    _say(f"mmed dedup, {plan.million:,} rows")
    measured = run(_command(corpus, out))
    floors = ((30, 15), (4, 2)) if plan.has_limits else ((None, None), (None, None))
    name = f"{plan.million}_rows"
    yield Figure(f"wall_{name}", round(measured.seconds, 1), "s", *floors[0])
    yield Figure(f"cpu_{name}", round(measured.cpu_seconds, 1), "s")
    yield Figure(f"cpu_of_others_{name}", round(measured.others_cpu_seconds, 1), "s")
    yield Figure(f"peak_memory_{name}", round(measured.peak_bytes / 2**30, 2), "GiB", *floors[1])
    rows = sum(
        pl.scan_parquet(out / f"{part}.parquet").select(pl.len()).collect().item()
        for part in ("kept", "dropped")
    )
    yield Figure(f"kept_or_dropped_{name}", rows / plan.million, "share", 1, 1)


def _command(corpus: Path, out: Path) -> list[str]:
    return [MMED, "dedup", str(corpus), str(out), "--workers", "2"]


def _say(text: str) -> None:
    print(text, file=sys.stderr)


PARTS: dict[str, Callable[[Plan], Iterator[Figure]]] = {
    "speed": speed,
    "planted": planted,
    "traps": traps,
    "partition": partition,
    "million": million,
}


if __name__ == "__main__":
    main()
