"""What `mmed` prints: each function returns the value for `--json` and the text for a person."""

from __future__ import annotations

import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.build import Built, build, dry_run
from pipeline.errors import InputError
from pipeline.plan import Plan
from pipeline.recipe import Recipe
from pipeline.report import write_report
from pipeline.runner import StageRun
from pipeline.text.mask import mask
from schemas.item import LANGUAGES
from schemas.ledger import REASONS
from schemas.release import SPLITS, SUBSETS
from sources import registry

if TYPE_CHECKING:
    from pipeline.check_sources import CheckResult

Shown = tuple[Any, str]

# Faults that best show what a build catches, for the one that is printed.
TELLING_REASONS = ("conflicting_key", "near_duplicate", "benchmark_root", "language_mismatch")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as aligned columns; numbers to the right, with thousands separators."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    numeric = [bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        parts = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(parts).rstrip()

    return "\n".join([line(list(header)), *(line(row) for row in cells)])


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace("-", "").isdigit() or text in ("", "-")


def registry_table() -> Shown:
    """Return every registered source."""
    value: list[dict[str, Any]] = [
        {
            "name": source.name,
            "title": source.title,
            "languages": list(source.languages),
            "license": source.license,
            "redistributable": source.redistributable,
            "splits": dict(source.splits),
            "rows": sum(sum(v.values()) for k, v in source.expected_rows.items() if k != "refused"),
            "verified": source.verified,
        }
        for source in registry.all_sources()
    ]
    rows = [
        (
            one["name"],
            " ".join(one["languages"]),
            one["rows"],
            ", ".join(sorted(set(one["splits"].values()))),
            one["license"],
            one["verified"],
        )
        for one in value
    ]
    return value, table(("source", "languages", "rows", "roles", "licence", "verified by"), rows)


def build_text(recipe: Recipe, raw: Path, out: Path, workers: int | None) -> Shown:
    """Run a build and return its manifest and what a person wants to see first."""
    built = build(recipe, raw, out, workers)
    report = write_report(out)
    parts = [
        _rows_text(built.manifest),
        _fault_text(built),
        _record_text(out),
        f"Report: {report}",
        _next_text(out),
    ]
    return built.manifest, "\n\n".join(part for part in parts if part)


def _rows_text(manifest: Mapping[str, Any]) -> str:
    rows = []
    for config, splits in manifest["release"].items():
        subset, _, language = config.partition(".")
        if language:
            rows.append((language, subset, *(splits.get(split, 0) for split in SPLITS)))
    return table(("language", "subset", *SPLITS), sorted(rows))


def _fault_text(built: Built) -> str:
    """Return one dropped row with the reason, beside the row that gave it away."""
    for reason in TELLING_REASONS:
        for run in built.runs:
            if any(reason in count.dropped for count in run.counts):
                paths = [table.path for table in run.dropped if table.rows]
                rows = pl.scan_parquet(paths).filter(pl.col("reason") == reason)
                return _fault(rows.sort("id").head(1).collect().row(0, named=True), run)
    return ""


def _fault(row: Mapping[str, Any], run: StageRun) -> str:
    place = f"{row['source_row']['file']}, row {row['source_row']['row']}"
    lines = [f"One fault caught: {row['reason']} ({place}). {REASONS[row['reason']]}"]
    lines.append(f"  dropped  {_excerpt(row)}")
    tables = [shard.table for shard in run.shards] + list(run.dropped)
    paths = [table.path for table in tables if table.rows]
    others = pl.scan_parquet(paths, missing_columns="insert", extra_columns="ignore").filter(
        pl.col("id") == row["kept_instead"]
    )
    lines += [f"  beside   {_excerpt(other)}" for other in others.collect().to_dicts()]
    return "\n".join(lines)


def _excerpt(row: Mapping[str, Any]) -> str:
    text = mask(" ".join(row["question"].split()), row["language"]).text
    answer = " | ".join(row["answer"].splitlines())
    return (text[:120] + ("…" if len(text) > 120 else "")) + f" -> {answer[:80]}"


def _record_text(out: Path) -> str:
    files = sorted((out / "release").glob("mmed_ift*/*/train-*.parquet"))
    if not files:
        return "The release is empty: every row was dropped; see the report for the reasons."
    row = pl.read_parquet(files[0]).row(0, named=True)
    said = "\n".join(
        f"  {message['role']}: " + message["content"].replace("\n", "\n    ")
        for message in row["messages"]
    )
    return f"One record ({row['id']}, {row['language']}, {row['source']}):\n{said}"


def _next_text(out: Path) -> str:
    files = sorted((out / "release").glob("mmed_ift*/*/train-*.parquet"))
    record = pl.read_parquet(files[0], columns=["id"]).item(0, 0) if files else "ID"
    mmed = _command()
    return (
        "Next:\n"
        f"  {mmed} verify {out / 'release'}\n"
        f"  {mmed} explain {record} --out {out}\n"
        f"  {mmed} build real.yaml --dry-run"
    )


def _command() -> str:
    """Return how to call `mmed` from here: by name where it is on the path."""
    own = Path(sys.argv[0])
    if shutil.which(own.name) or own.name != "mmed":
        return "mmed"
    return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)


def dry_run_text(recipe: Recipe, raw: Path, out: Path) -> Shown:
    """Return what a build would take from the store, make, find missing, and give."""
    plan, runs = dry_run(recipe, raw, out)
    expected = expected_rows(recipe)
    value = {
        "stages": [
            {"name": run.instance, "units": run.units, "hits": run.hits, "unknown": run.unknown}
            for run in runs
        ],
        "missing": dict(plan.missing),
        "expected": expected,
    }
    stages = [(run.instance, run.hits, _to_make(run)) for run in runs]
    parts = [
        table(("stage", "stored", "to make"), stages),
        _expected_text(recipe, expected),
        _missing_text(plan, recipe),
    ]
    return value, "\n\n".join(part for part in parts if part)


def _to_make(run: StageRun) -> str:
    missing = run.units - run.hits
    return f"{missing} or more" if run.unknown else f"{missing}"


def expected_rows(recipe: Recipe) -> dict[str, dict[str, int]]:
    """Return upstream's train rows per language and subset, after the caps on whole sources.

    What validation and deduplication take is not known beforehand and not subtracted.
    """
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in recipe.sources:
        source = registry.load(entry.name).SOURCE
        roles = {**source.splits, **entry.splits}
        own: Counter[tuple[str, str]] = Counter()
        for split, rows in source.expected_rows.items():
            if roles.get(split) == "train":
                own.update({_cell_of(kind): count for kind, count in rows.items()})
        for (language, subset), count in own.items():
            cap = _source_cap(recipe, entry.name, language, subset)
            totals[language][subset] += min(count, cap)
    return {language: dict(sorted(totals[language].items())) for language in sorted(totals)}


def _cell_of(kind: str) -> tuple[str, str]:
    language, _, task = kind.partition("/")
    return language, SUBSETS[task]


def _mix_settings(recipe: Recipe) -> Mapping[str, Any]:
    return next((entry.settings for entry in recipe.stages if entry.stage == "mix"), {})


def _source_cap(recipe: Recipe, source: str, language: str, subset: str) -> int:
    """Return the smallest cap on the whole of a source in a language and subset."""
    entry = next(entry for entry in recipe.sources if entry.name == source)
    caps = [entry.max_rows] if entry.max_rows is not None else []
    for cap in _mix_settings(recipe).get("caps", ()):
        fits = cap["language"] in (None, language) and cap["subset"] in (None, subset)
        if cap["source"] == source and fits and not cap["per"] and cap["rows"] is not None:
            caps.append(cap["rows"])
    return min(caps, default=1 << 60)


def _expected_text(recipe: Recipe, expected: Mapping[str, Mapping[str, int]]) -> str:
    goals = _mix_settings(recipe).get("goals", {})
    rows = []
    for language in LANGUAGES:
        for subset in sorted(SUBSETS.values()):
            found = expected.get(language, {}).get(subset, 0)
            goal = goals.get(language, {}).get(subset)
            short = max(0, goal - found) if goal is not None else "-"
            rows.append((language, subset, found, goal if goal is not None else "-", short))
    header = ("language", "subset", "rows upstream", "goal", "to be translated")
    return "Rows for training, before validation and deduplication:\n" + table(header, rows)


def _missing_text(plan: Plan, recipe: Recipe) -> str:
    if not plan.missing:
        return ""
    lines = []
    for name, file in plan.missing.items():
        allowed = "allowed by the recipe" if name in recipe.allow_missing else f"mmed fetch {name}"
        lines.append(f"  {name}: {file} ({allowed})")
    return "Missing here:\n" + "\n".join(lines)


def check_text(name: str, raw: Path) -> Shown:
    """Return five parsed items and every refusal of a source or of a recipe's tables."""
    from pipeline.check_sources import as_json, render

    try:
        results = _checked(name, raw)
    except ValueError as error:  # a fault of a whole file, told in one line
        raise InputError(str(error)) from error
    return [as_json(one) for one in results], "\n\n".join(render(one) for one in results)


def _checked(name: str, raw: Path) -> list[CheckResult]:
    from pipeline.check_sources import check
    from pipeline.recipe import load_recipe

    if name in registry.names():
        return [check(registry.load(name), raw)]
    if not name.endswith((".yaml", ".yml")):
        raise InputError(
            f"{name!r} is neither a source nor a recipe file; `mmed sources` lists the sources."
        )
    results = [check(one, raw) for one in load_recipe(name).tables]
    if not results:
        raise InputError(f"{name}: the recipe has no tables. Name a source to check it.")
    return results


def fetch_text(names: Sequence[str], raw: Path) -> Shown:
    """Download the files of these sources, or of all, and return what became of each."""
    from pipeline.fetch import fetch, summary

    wanted = list(names) or list(registry.names())
    unknown = sorted(set(wanted) - set(registry.names()))
    if unknown:
        raise InputError(f"source {unknown[0]!r} is not registered; see `mmed sources`.")
    sources = [registry.load(name).SOURCE for name in wanted]
    results = fetch([source for source in sources if not source.packaged], raw)
    value = [{**asdict(one), "path": str(one.path), "is_there": one.is_there} for one in results]
    return value, "\n".join(summary(results))
