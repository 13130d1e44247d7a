"""How long a build takes and how much memory: cold, repeated, with one source changed; `--help`.

The recipe is `real.yaml` with every registered source whose files are at hand listed in full,
reference sources included, and a small table of a user's own, which is the source that changes.
`--quick` does the same with the starter corpus alone and needs no files. Only our own commands are
run: no other pipeline builds from these files, so there is no peer to set beside them.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pipeline.fetch import locate
from pipeline.recipe import RECIPES
from sources import registry

MMED = str(Path(sys.executable).with_name("mmed"))
SAMPLE_S = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TABLE = "benchmark_table"
ORGANS = ("corazón", "riñón", "hígado", "pulmón", "páncreas", "bazo", "esófago", "estómago")
SIGNS = ("dolor intenso", "fiebre persistente", "edema progresivo", "fatiga extrema", "tos seca")


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value; a floor is the worst that passes, a goal what is aimed at."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    goal: float | None = None

    @property
    def is_worse_than_floor(self) -> bool:
        """Tell whether the value fails; whatever has a floor is better when it is lower."""
        return self.floor is not None and self.value > self.floor


@dataclass(frozen=True, slots=True)
class Measured:
    """A command that has run: wall and processor seconds, and the peak memory of its processes.

    The processor seconds that others took meanwhile tell how far the wall time can be trusted.
    """

    seconds: float
    cpu_seconds: float
    others_cpu_seconds: float
    peak_bytes: int


def main() -> None:
    """Measure, print, and exit 1 where a value is worse than its floor."""
    arguments = _arguments()
    print(_machine(), file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="mmed-benchmark-") as folder:
        figures = list(measure(Path(folder), arguments))
    if arguments.json:
        print(json.dumps({"figures": [asdict(figure) for figure in figures]}, indent=1))
    else:
        print("\n".join(map(_line, figures)))
    failed = [figure for figure in figures if figure.is_worse_than_floor]
    for figure in failed:
        print(f"{figure.name}: {figure.value} is worse than {figure.floor}", file=sys.stderr)
    sys.exit(1 if failed else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the starter corpus alone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--raw", default=os.environ.get("MMED_RAW"), help="upstream files")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if not arguments.quick and not (arguments.raw and Path(arguments.raw).is_dir()):
        parser.error("give --raw DIR or set MMED_RAW to a folder of upstream files, or --quick")
    return arguments


def _machine() -> str:
    gibibytes = os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES / 2**30
    return (
        f"{os.cpu_count()} cores, {gibibytes:.0f} GiB, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} before the start"
    )


def measure(folder: Path, arguments: argparse.Namespace) -> Iterator[Figure]:
    """Yield every figure, in the order in which the commands run."""
    recipe = write_recipe(folder, None if arguments.quick else Path(arguments.raw))
    out = folder / "out"
    raw = arguments.raw or str(folder / "raw")
    command = [MMED, "build", str(recipe), "--raw", raw, "--out", str(out)]
    command += ["--workers", str(arguments.workers)]
    yield from _cold(run(command), _manifest(out))
    warm = run(command)
    yield Figure("warm_build", round(warm.seconds, 2), "s", floor=2.0, goal=1.0)
    yield from _changed(folder, command, out)
    helps = [run([MMED, "--help"]).seconds for _ in range(10)]
    yield Figure("help_median_of_10", round(statistics.median(helps), 3), "s", 0.3, 0.2)


def _cold(cold: Measured, manifest: dict[str, Any]) -> Iterator[Figure]:
    seconds = manifest["seconds"]
    deduplicate = seconds["deduplicate"]
    stages = manifest["stages"]
    yield Figure("rows_read", stages[0]["rows_in"], "rows")
    yield Figure("cold_build", round(cold.seconds, 1), "s")
    rest = cold.seconds - deduplicate
    yield Figure("cold_build_without_deduplicate", round(rest, 1), "s", floor=60, goal=30)
    yield Figure("cold_deduplicate", round(deduplicate, 1), "s")
    yield Figure("cold_build_processor_time", round(cold.cpu_seconds, 1), "s")
    others = round(cold.others_cpu_seconds, 1)
    yield Figure("cold_build_processor_time_of_others", others, "s")
    yield Figure("cold_peak_memory", round(cold.peak_bytes / 2**30, 2), "GiB", floor=2, goal=1)
    for stage in stages:
        per_second = stage["rows_in"] / max(seconds[stage["name"]], 0.001)
        yield Figure(f"rows_per_second_{stage['name']}", round(per_second), "rows/s")


def _changed(folder: Path, command: Sequence[str], out: Path) -> Iterator[Figure]:
    """Change the table by one row, build again, and say what had to be made anew."""
    before, known = _manifest(out), _units(out)
    write_table(folder, num_rows=41)
    changed = run(command)
    yield Figure("one_source_changed", round(changed.seconds, 2), "s")
    after = _manifest(out)
    for stage, sources in _remade(out, before, after).items():
        shown = ", ".join(f"{name} {count}" for name, count in sorted(sources.items()))
        print(f"  {stage}: {sum(sources.values())} shards anew ({shown})", file=sys.stderr)
    made = sum(sum(sources.values()) for sources in _remade(out, before, after).values())
    yield Figure("one_source_changed_shards_anew", made, "shards")
    shards = sum(len(tables["kept"]) for tables in after["tables"].values())
    yield Figure("one_source_changed_shards_in_all", shards, "shards")
    yield Figure("one_source_changed_units_anew", len(_units(out) - known), "units")


def _remade(out: Path, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Counter[str]]:
    """Return, per stage, the shards by source that the first build had not stored."""
    remade: dict[str, Counter[str]] = defaultdict(Counter)
    for stage in (entry["name"] for entry in after["stages"]):
        old = set(before["tables"][stage]["kept"])
        for path in after["tables"][stage]["kept"]:
            if path not in old:
                source = pl.scan_parquet(out / "store" / path).select("source").head(1).collect()
                remade[stage][source.item().partition(".")[0]] += 1
    return remade


def _units(out: Path) -> set[str]:
    return {entry.parent.name for entry in (out / "store").glob("*/entry.json")}


def _manifest(out: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((out / "manifest.json").read_bytes())
    return values


def write_recipe(folder: Path, raw: Path | None) -> Path:
    """Write a recipe over the starter corpus, or over every source with files in `raw`."""
    write_table(folder, num_rows=40)
    recipe = yaml.safe_load((RECIPES / ("real.yaml" if raw else "demo.yaml")).read_bytes())
    listed = {entry["name"] for entry in recipe["sources"]}
    if raw is not None:
        others = [name for name in registry.names() if name not in listed and _is_here(name, raw)]
        recipe["sources"] += [{"name": name} for name in others]
    recipe["tables"] = [
        {
            "name": TABLE,
            "path": f"{TABLE}.csv",
            "fields": {"question": "question", "answer": "answer"},
            "language": "es",
            "license": "CC0-1.0",
            "form": "consultation",
        }
    ]
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


def _is_here(name: str, raw: Path) -> bool:
    source = registry.load(name).SOURCE
    files = [file for files in source.files.values() for file in files]
    return not source.packaged and all(locate(raw, file) is not None for file in files)


def write_table(folder: Path, num_rows: int) -> None:
    """Write a user's table of invented questions."""
    pairs = [(organ, sign) for sign in SIGNS for organ in ORGANS] + [("cerebro", "mareo súbito")]
    with (folder / f"{TABLE}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("question", "answer"))
        for organ, sign in pairs[:num_rows]:
            question = f"¿Qué prueba se pide primero ante {sign} con sospecha de daño del {organ}?"
            answer = f"Primero se pide una ecografía del {organ}, porque {sign} obliga a mirarlo."
            writer.writerow((question, answer))


def run(command: Sequence[str]) -> Measured:
    """Run a command to its end and measure it; its progress goes to stderr."""
    used, busy = _processor_seconds(), _busy_seconds()
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    peak = [0]
    sampler = threading.Thread(target=_sample, args=(process, peak))
    sampler.start()
    code = process.wait()
    seconds = time.monotonic() - started
    sampler.join()
    if code != 0:
        sys.exit(f"{' '.join(command)}: exit {code}")
    own = _processor_seconds() - used
    return Measured(seconds, own, max(0.0, _busy_seconds() - busy - own), peak[0])


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy_seconds() -> float:
    """Return the processor seconds that everything on this machine has taken since its start."""
    user, nice, system, _idle, _wait, *rest = (
        int(ticks) for ticks in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def _sample(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(map(_resident_bytes, _tree(process.pid))))
        time.sleep(SAMPLE_S)


def _tree(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:  # the process has just ended
            continue
        for child in found:
            yield from _tree(int(child))


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):  # the process has just ended
        return 0


def _line(figure: Figure) -> str:
    limits = [f"{k} {v:g}" for k, v in (("floor", figure.floor), ("goal", figure.goal)) if v]
    return f"{figure.name:40} {figure.value:>12,} {figure.unit:7} {', '.join(limits)}".rstrip()


if __name__ == "__main__":
    main()
