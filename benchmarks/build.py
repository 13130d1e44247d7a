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
import statistics
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from benchmarks.figures import Figure, machine, publish
from benchmarks.processes import Measured, run
from pipeline.fetch import locate
from pipeline.recipe import RECIPES
from sources import registry

MMED = str(Path(sys.executable).with_name("mmed"))
TABLE = "benchmark_table"
ORGANS = ("corazón", "riñón", "hígado", "pulmón", "páncreas", "bazo", "esófago", "estómago")
SIGNS = ("dolor intenso", "fiebre persistente", "edema progresivo", "fatiga extrema", "tos seca")


def main() -> None:
    """Measure, print, and exit 1 where a value is worse than its floor."""
    arguments = _arguments()
    print(machine(), file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="mmed-benchmark-") as folder:
        figures = list(measure(Path(folder), arguments))
    sys.exit(publish(figures, arguments.json))


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


if __name__ == "__main__":
    main()
