"""What `mmed` prints: each function returns the value for `--json` and the text for a person."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.build import LEDGER_FILE, build, dry_run
from pipeline.caught import Row, caught_fault, fault_text
from pipeline.errors import InputError
from pipeline.forecast import CellForecast, Forecast, forecast
from pipeline.llm.budget import Price
from pipeline.llm.session import CallOptions
from pipeline.plan import Plan
from pipeline.recipe import Recipe
from pipeline.report import write_report
from pipeline.runner import StageRun
from pipeline.verdicts import UNUSED
from schemas.release import SPLITS
from sources import registry

if TYPE_CHECKING:
    from pipeline.check_sources import CheckResult

Shown = tuple[Any, str]
MAX_IDS = 4  # named of verdicts that were not applied


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


def build_text(
    recipe: Recipe, raw: Path, out: Path, workers: int | None, options: CallOptions
) -> Shown:
    """Run a build and return its manifest and what a person wants to see first."""
    built = build(recipe, raw, out, workers, options)
    report = write_report(out)
    fault = caught_fault(built)
    parts = [
        _unfinished_text(built.manifest),
        _rows_text(built.manifest),
        fault_text(*fault) if fault else "",
        _record_text(out),
        _review_text(built.manifest),
        f"Report: {report}",
        _next_text(recipe, out, fault[0] if fault else None),
    ]
    return built.manifest, "\n\n".join(part for part in parts if part)


def _rows_text(manifest: Mapping[str, Any]) -> str:
    rows = []
    for config, splits in manifest["release"].items():
        subset, _, language = config.partition(".")
        if language:
            rows.append((language, subset, *(splits.get(split, 0) for split in SPLITS)))
    return table(("language", "subset", *SPLITS), sorted(rows))


def _record_text(out: Path) -> str:
    files = sorted((out / "release").glob("mmed_ift*/*/train-*.parquet"))
    if not files:
        return "The release is empty: every row was dropped; see the report for the reasons."
    # One that a person wrote, where there is any.
    row = pl.read_parquet(files[0]).sort(pl.col("parent_id").is_not_null()).row(0, named=True)
    said = "\n".join(
        f"  {message['role']}: " + message["content"].replace("\n", "\n    ")
        for message in row["messages"]
    )
    return f"One record ({row['id']}, {row['language']}, {row['source']}):\n{said}"


def _next_text(recipe: Recipe, out: Path, fault: Row | None) -> str:
    commands = [
        f"verify {_quoted(out / 'release')}",
        f"explain {_worth_explaining(out, fault)} --out {_quoted(out)}",
        "build real.yaml --dry-run" if _is_demo(recipe) else "sources",
    ]
    return "\n".join(["Next:", *(f"  {_command()} {command}" for command in commands)])


def _worth_explaining(out: Path, fault: Row | None) -> str:
    """Return the place of the fault, or of a row that was dropped, or of any row."""
    if fault:
        return _quoted(f"{fault['source_row']['file']}:{fault['source_row']['row']}")
    drops = pl.scan_parquet(out / LEDGER_FILE).filter(~pl.col("reason").str.starts_with("role_"))
    for row in drops.sort("id").head(1).collect().iter_rows(named=True):
        return _quoted(f"{row['file']}:{row['row']}")
    files = sorted((out / "release").glob("mmed_ift*/*/train-*.parquet"))
    return str(pl.read_parquet(files[0], columns=["id"]).item(0, 0)) if files else "ID"


def _is_demo(recipe: Recipe) -> bool:
    """Tell whether a recipe reads nothing but the corpus that comes with the project."""
    sources = [registry.load(entry.name).SOURCE for entry in recipe.sources]
    return not recipe.tables and all(source.packaged for source in sources)


def _quoted(text: object) -> str:
    return shlex.quote(str(text))


def _command() -> str:
    """Return how to call `mmed` from here: by name where it is on the path."""
    own = Path(sys.argv[0])
    if shutil.which(own.name) or own.name != "mmed":
        return "mmed"
    return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)


def _unfinished_text(manifest: Mapping[str, Any]) -> str:
    left: Mapping[str, int] = manifest["unfinished"]
    told = ", ".join(f"{jobs:,} of {stage}" for stage, jobs in left.items())
    return f"Incomplete: jobs are left ({told}). The same command goes on." if left else ""


def _review_text(manifest: Mapping[str, Any]) -> str:
    """Return what became of reviewers' verdicts; nothing where there are none."""
    review = manifest["review"]
    if not review["verdicts"]:
        return ""
    lines = [f"Verdicts of reviewers: {review['verdicts']:,}."]
    for state, why in UNUSED.items():
        shown = ", ".join(review[state][:MAX_IDS]) + ", …" * (len(review[state]) > MAX_IDS)
        lines += [f"  {len(review[state]):,} not applied, {why}: {shown}"] if review[state] else []
    return "\n".join(lines)


def pilot_text(recipe: Recipe, raw: Path, out: Path, options: CallOptions) -> Shown:
    """Try a few jobs of each direction and return how they went and what all would cost."""
    from pipeline.pilot import run_pilot

    pilot = run_pilot(recipe, raw, out, options)
    rows = [
        (one.stage, one.operation, one.direction, one.tried, one.passed, one.num_jobs, one.usd_text)
        for one in pilot.directions
    ]
    header = ("stage", "operation", "direction", "tried", "passed", "jobs in all", "USD for all")
    return pilot.to_json(), f"{table(header, rows)}\n\nSide by side: {pilot.page}"


def dry_run_text(recipe: Recipe, raw: Path, out: Path, options: CallOptions) -> Shown:
    """Return what a build would take from the store, make, find missing, and give."""
    plan, runs = dry_run(recipe, raw, out, options)
    foreseen = forecast(recipe, plan.missing)
    value = {
        "stages": [
            {"name": run.instance, "units": run.units, "hits": run.hits, "unknown": run.is_unknown}
            for run in runs
        ],
        "calls": {run.instance: asdict(run.foreseen) for run in runs if run.foreseen},
        "missing": dict(plan.missing),
        "rows": [{**asdict(one), "to_translate": one.to_translate} for one in foreseen.cells],
        "uncounted": [list(one) for one in foreseen.uncounted],
        "tables": [one.name for one in recipe.tables],
    }
    stages = [(run.instance, run.hits, _to_make(run)) for run in runs]
    parts = [
        table(("stage", "results stored", "to make"), stages),
        _calls_text(recipe, runs, options),
        *_foreseen_parts(foreseen),
        _tables_text(recipe),
        _missing_text(plan, recipe),
    ]
    return value, "\n\n".join(part for part in parts if part)


def _calls_text(recipe: Recipe, runs: Sequence[StageRun], options: CallOptions) -> str:
    """Return what a language model would be asked, as far as the stages before it are built."""
    stated = options.price or (recipe.llm.price if recipe.llm else None)
    price = Price(*stated) if stated else None
    lines = [
        f"{run.instance}: {run.foreseen.num_jobs:,} jobs; {run.foreseen.text(price)}"
        for run in runs
        if run.foreseen and run.foreseen.num_jobs
    ]
    asking = {entry.instance for entry in recipe.stages if entry.stage in ("translate", "augment")}
    if any(run.is_unknown and run.instance in asking for run in runs):
        lines.append(
            "What a model will be asked is known once the stages before it are built; "
            "`--pilot 5` builds them, tries five jobs of each direction and tells the cost."
        )
    return "\n".join(lines)


def _to_make(run: StageRun) -> str:
    missing = run.units - run.hits
    if run.is_unknown and not missing:
        return "one per shard"
    return f"{missing} or more" if run.is_unknown else f"{missing}"


def _foreseen_parts(foreseen: Forecast) -> list[str]:
    """Return the rows that are counted beforehand and what the numbers leave out, if any are."""
    told = {one.language for one in foreseen.cells if one.at_hand or one.to_fetch or one.goal}
    cells = [one for one in foreseen.cells if one.language in told]
    return [_rows_foreseen(foreseen, cells), _notes(foreseen)] if cells else []


def _tables_text(recipe: Recipe) -> str:
    names = [one.name for one in recipe.tables]
    if not names:
        return ""
    if len(names) == 1:
        return f"1 table: the rows of {names[0]} are counted when it is read."
    return f"{len(names)} tables: the rows of {', '.join(names)} are counted when they are read."


def _rows_foreseen(foreseen: Forecast, cells: Sequence[CellForecast]) -> str:
    has_goals = any(one.goal is not None for one in cells)
    rows: list[tuple[object, ...]] = []
    for one in cells:
        goal = (one.goal, one.to_translate) if one.goal is not None else ("-", "-")
        rows.append((one.language, one.subset, one.at_hand, one.to_fetch, *goal))
    sums = [sum(one.at_hand for one in cells), sum(one.to_fetch for one in cells)]
    if has_goals:
        sums += [sum(one.goal or 0 for one in cells), _left_to_translate(foreseen)]
    rows.append(("all", "", *sums, *([] if has_goals else ["-", "-"])))
    columns = 6 if has_goals else 4
    header = ("language", "subset", "at hand", "to fetch", "goal", "to translate")
    title = "Rows for training, by upstream's count and after the caps on whole sources:"
    text = f"{title}\n{table(header[:columns], [row[:columns] for row in rows])}"
    return f"{text}\n{_translation_text(foreseen)}" if has_goals else text


def _translation_text(foreseen: Forecast) -> str:
    goal, left = sum(one.goal or 0 for one in foreseen.cells), _left_to_translate(foreseen)
    stage = "" if foreseen.has_translation else ", but the recipe has no stage `translate`"
    return f"{left:,} of {goal:,} rows ({_percent(left / goal)}) are left for translation{stage}."


def _left_to_translate(foreseen: Forecast) -> int:
    return sum(one.to_translate or 0 for one in foreseen.cells)


def _notes(foreseen: Forecast) -> str:
    """Return what the numbers leave out."""
    notes = ["less: what validation, deduplication and decontamination take"]
    notes += [f"less: what is over {_share_text(cap)}" for cap in foreseen.shares]
    notes += [
        f"more: explanations as open rows, {name} ({language}), not counted upstream"
        for name, language in foreseen.uncounted
    ]
    return "Not in these numbers:\n" + "\n".join(f"  {note}" for note in notes)


def _share_text(cap: Mapping[str, Any]) -> str:
    """Return a cap on a share in words: "65 % per source"."""
    whole = [f"of one {' and '.join(cap['of'])}"] if cap["of"] else []
    given = [str(cap[name]) for name in ("source", "language", "subset", "form") if cap[name]]
    per = [f"per {' and '.join(cap['per'])}"] if cap["per"] else []
    but = [f"but {' and '.join(cap['except_languages'])}"] if cap["except_languages"] else []
    return " ".join([_percent(cap["share"]), *given, *per, *whole, *but])


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _missing_text(plan: Plan, recipe: Recipe) -> str:
    if not plan.missing:
        return ""
    lines = [f"  {name}: {file}" for name, file in plan.missing.items()]
    needed = [name for name in plan.missing if name not in recipe.allow_missing]
    ways = [f"`mmed fetch {' '.join(needed)}` gets them."] if needed else []
    allowed = [name for name in plan.missing if name in recipe.allow_missing]
    if allowed:
        ways.append(f"The recipe allows these to be missing: {', '.join(allowed)}.")
    return "\n".join(["Missing here:", *lines, *ways])


def check_text(name: str, raw: Path) -> Shown:
    """Return some parsed items and every refusal of a source or of a recipe's tables."""
    from pipeline.check_text import as_json, render

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
    recipe = load_recipe(name)
    results = [check(table, raw, recipe.licenses) for table in recipe.tables]
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
