"""Proves what a release claims, on the folder as it lies there, also one altered by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipeline.errors import InputError
from pipeline.release import (
    check_benchmarks,
    check_card,
    check_files,
    check_messages,
    check_questions,
    check_rows,
    check_tables,
)
from pipeline.release.contents import read_contents
from pipeline.release.findings import Check, Findings, run_check

NO_RAW = (
    "near-duplicates and containment against benchmark texts were not checked: give --raw with "
    "the folder of their files"
)


def verify(release: Path, raw: Path | None) -> Findings:
    """Run every check; `raw` adds those against the texts of the benchmarks found there.

    An `InputError` says that the folder is no release, or that `raw` is no folder; every other
    fault is a finding.
    """
    if raw is not None and not raw.is_dir():
        raise InputError(f"{raw}: no such folder. Give the folder of upstream files, or no --raw.")
    contents = read_contents(release)
    table = check_benchmarks.read_benchmarks(release)
    items = check_questions.as_items(contents.rows)
    # With --raw the keys are made anew from the texts.
    comparable = raw is not None or check_benchmarks.keys_are_current(release)
    checks = [
        run_check("every file can be read", contents.faults),
        run_check("checksums", check_files.checksums(contents)),
        run_check("only files of a release", check_files.names(contents)),
        run_check("columns and their types", check_files.columns(contents)),
        run_check("shards", check_files.shards(contents)),
        run_check("configurations load and stream offline", check_files.configurations(contents)),
        run_check("counts on the card", check_card.counts(contents)),
        run_check("tables on the card", check_tables.tables(contents)),
        run_check("sources in LICENSES.md", check_tables.sources(contents)),
        run_check("croissant.json", check_files.croissant(contents)),
        run_check("no nulls", check_rows.nulls(contents)),
        run_check("identifiers", check_rows.identifiers(contents)),
        run_check("roots and groups in one split", check_rows.splits(contents)),
        run_check("questions in one split", check_questions.questions(items)),
        run_check("near-duplicates in one split", check_questions.near_duplicates(items)),
        run_check("benchmarks on the card", check_benchmarks.as_told(contents.card, table)),
        run_check("no benchmark item", check_benchmarks.by_identifier(items, table, comparable)),
        run_check("letters, options, answers", check_rows.answers(contents)),
        run_check("messages", check_messages.messages(contents)),
        run_check("licences, languages, values", check_rows.values(contents)),
        run_check("licences within the recipe's choice", check_card.licenses(contents)),
        run_check("order of rows", check_rows.order(contents)),
    ]
    missing = sorted(set(table.filter(table["status"] == "missing")["benchmark"]))
    remarks = [f"benchmark {name} was not checked: its files were not at hand" for name in missing]
    if raw is None:
        remarks.append(NO_RAW)
    else:
        checks.append(_against_texts(items, raw, table, remarks))
    return Findings(str(release), contents.rows.height, tuple(checks), tuple(remarks))


def _against_texts(rows: pl.DataFrame, raw: Path, table: pl.DataFrame, remarks: list[str]) -> Check:
    texts = check_benchmarks.read_texts(raw, table)
    names = texts.items["source"].unique().sort().to_list()
    remarks.append(f"checked against {len(texts.items):,} texts of {', '.join(names) or 'none'}")
    if texts.missing:
        remarks.append(f"not below {raw}, so not checked by text: {', '.join(texts.missing)}")
    return run_check("no benchmark text", check_benchmarks.by_text(rows, texts))
