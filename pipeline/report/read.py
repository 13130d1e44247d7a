"""Reads what a finished build left for the report, and checks that its parts belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline import ledger
from pipeline.build import MANIFEST
from pipeline.errors import InputError
from pipeline.ledger import Count
from pipeline.previous import read_previous, row_states
from pipeline.release.write import CHECKSUMS, folder_digest
from pipeline.report.clusters import TwinFacts, read_twins
from pipeline.report.contamination import Contamination, read_contamination
from pipeline.report.difference import Difference, make_difference
from pipeline.report.mixes import Heat, read_detected
from pipeline.report.read_made import MadeFacts, read_made
from pipeline.report.rows import read_rows
from pipeline.report.tables import Tables
from pipeline.verdicts import Tally, can_be_held_against, tally

LEDGER_FILE = "ledger.parquet"
_TOLD = (
    "recipe", "versions", "sources", "missing", "benchmarks", "stages", "tables", "counts",
    "unfinished", "release", "release_digest",
)  # fmt: skip
EXAMPLES = 5  # per reason and language


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """A build as the report sees it."""

    manifest: Mapping[str, Any]
    counts: Mapping[str, tuple[Count, ...]]  # per stage instance, in the order of the stages
    examples: pl.DataFrame  # rows of the ledger, with the column `question`; empty: not at hand
    published: pl.DataFrame | None  # rows by subset, language, split and form; None: not at hand
    flags: pl.DataFrame  # published rows by language and flag; empty where not at hand
    made: MadeFacts | None  # by language models; None: not at hand
    rows: pl.DataFrame | None  # published rows with measures; None: not at hand
    detected: Heat | None  # declared by detected language; None: not at hand, or not looked at
    twins: TwinFacts
    contamination: Contamination
    difference: Difference | None  # from the build before; None: there is none to compare with
    tallies: Mapping[str, Tally]  # of verdicts, by language; empty: not at hand


def read_build(out: Path) -> BuildFacts:
    """Return the facts of the build in a folder; `InputError` where there is no whole one."""
    try:
        manifest = json.loads((out / MANIFEST).read_bytes())
        drops = pl.read_parquet(out / LEDGER_FILE)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{out}: no finished build here. Run `mmed build` first.") from error
    _check_manifest(out, manifest)
    # The manifest's keys are sorted; the order of the stages is in `stages`.
    names = [stage["name"] for stage in manifest["stages"]]
    counts = {name: tuple(ledger.from_json(manifest["counts"][name])) for name in names}
    _check_ledger(out, counts, drops)
    tables = Tables(out / "store", manifest["tables"])
    stages = {entry["instance"]: entry["stage"] for entry in manifest["recipe"]["stages"]}
    published, flags = _published(out, manifest)
    rows = read_rows(tables, manifest)
    return BuildFacts(
        manifest=manifest,
        counts=counts,
        examples=_with_questions(_examples(drops), out, manifest),
        published=published,
        flags=flags,
        made=read_made(out, manifest),
        rows=rows,
        detected=read_detected(tables, stages),
        twins=read_twins(tables, stages, drops),
        contamination=read_contamination(drops, rows, tables, names[0]),
        difference=make_difference(read_previous(out), row_states(out / "store", manifest)),
        tallies=tally(out, manifest) if can_be_held_against(out, manifest) else {},
    )


def _check_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    """Raise where a build of an older version left a manifest that tells less."""
    lacking = [name for name in _TOLD if name not in manifest]
    if lacking:
        raise InputError(
            f"{out}: {MANIFEST} is of an older version and does not tell {lacking[0]!r}. "
            "Run `mmed build` again; finished work is kept."
        )


def _check_ledger(out: Path, counts: Mapping[str, tuple[Count, ...]], drops: pl.DataFrame) -> None:
    """Raise where a build that was cut off left a ledger newer than the manifest."""
    noted = {
        (stage, one.source, one.language, reason): rows
        for stage, parts in counts.items()
        for one in parts
        for reason, rows in one.dropped.items()
    }
    found = {
        (stage, source, language, reason): rows
        for stage, source, language, reason, rows in drops.group_by(
            "stage", "source", "language", "reason"
        )
        .len()
        .iter_rows()
    }
    if noted != found:
        raise InputError(
            f"{out}: {LEDGER_FILE} and {MANIFEST} are of different builds. "
            "Run `mmed build` again; finished work is kept."
        )


def _examples(drops: pl.DataFrame) -> pl.DataFrame:
    # Ids are hashes: the first by id are a fair sample, and the same one in every run.
    by_reason = drops.sort("id", "stage").group_by("language", "reason", maintain_order=True)
    return by_reason.head(EXAMPLES)


def _with_questions(examples: pl.DataFrame, out: Path, manifest: Mapping[str, Any]) -> pl.DataFrame:
    """Add the questions as the store has them, not masked yet; the store may have been deleted."""
    paths = [out / "store" / path for one in manifest["tables"].values() for path in one["dropped"]]
    questions = [pl.LazyFrame(schema={"id": pl.String, "question": pl.String})]
    questions += [pl.scan_parquet(path).select("id", "question") for path in paths if path.exists()]
    chosen = pl.col("id").is_in(examples["id"].implode())
    found = pl.concat(questions).filter(chosen).collect()
    joined = examples.join(found, on="id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("question").fill_null(""))


def _published(out: Path, manifest: Mapping[str, Any]) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """Return the published rows by form and by flag, if the release at hand is this build's."""
    flags = [pl.DataFrame(schema=_FLAGS)]
    release = out / "release"
    if not (release / CHECKSUMS).is_file() or folder_digest(release) != manifest["release_digest"]:
        return None, flags[0]
    cells = [pl.DataFrame(schema=dict.fromkeys(_CELL, pl.String) | {"rows": pl.UInt32})]
    for path in sorted(release.glob("*/*/*.parquet")):
        rows = pl.read_parquet(path, columns=["form", "flags"])
        forms = rows.group_by("form").len("rows")
        subset, language, split = path.parts[-3], path.parts[-2], path.name.partition("-")[0]
        place = {"subset": subset, "language": language, "split": split}
        cells.append(
            forms.with_columns(**{k: pl.lit(v) for k, v in place.items()}).select(_COLUMNS)
        )
        named = rows.select(language=pl.lit(language), flag=pl.col("flags")).explode("flag")
        flags.append(named.drop_nulls().group_by("language", "flag").len("rows"))
    return pl.concat(cells), pl.concat(flags)


_CELL = ("subset", "language", "split", "form")
_COLUMNS = (*_CELL, "rows")
_FLAGS = {"language": pl.String, "flag": pl.String, "rows": pl.UInt32}
