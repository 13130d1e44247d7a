"""`mmed check-translation`: the checks of translations on any Parquet table, streamed.

Every row is copied with all its columns and gets a verdict, the names of the checks that found
something, and what they found. One batch is in memory at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.tables.reading import (
    Kind,
    Table,
    open_table,
    progress_shown,
    refuse_same_file,
    write_arrow,
)
from pipeline.tables.utf8 import readable
from pipeline.translation.checks import CHECKS, check_text
from pipeline.translation.problem import FIELDS, Problem
from schemas.item import LANGUAGES, Language

TEXTS = ("source_language", "target_language", "source_text", "target_text")
FIELD = "field"  # which field of an item a text is; a table without it has running text
VERDICT, REASONS, EVIDENCE = "verdict", "reasons", "evidence"
PASS, FAIL = "pass", "fail"
_ADDED = (
    pa.field(VERDICT, pa.string()),
    pa.field(REASONS, pa.list_(pa.string())),
    pa.field(EVIDENCE, pa.list_(pa.string())),
)


def check_translations(source: Path, output: Path) -> tuple[dict[str, Any], str]:
    """Write the rows with `verdict`, `reasons` and `evidence`; return a summary, and it as text.

    Columns needed are `source_language`, `target_language`, `source_text` and `target_text`;
    `field` (question, context, option, answer, rationale or text) may say what each text is.
    """
    refuse_same_file(source, output)
    table = open_table(source, dict.fromkeys(TEXTS, Kind.TEXT), optional={FIELD: Kind.TEXT})
    schema = _output_schema(source)
    reasons: Counter[str] = Counter()
    num_not_utf8 = 0

    def checked() -> Iterator[pa.Table]:
        nonlocal num_not_utf8
        first = 1
        with progress_shown() as progress:
            for batch in table.whole_batches(progress, "checking"):
                rows, not_utf8 = _rows(batch, table)
                num_not_utf8 += not_utf8
                found = [_problems(source, first + place, *row) for place, row in enumerate(rows)]
                reasons.update(name for one in found for name in _checks(one) or [PASS])
                first += len(rows)
                yield _with_verdicts(batch, found, schema)

    num_rows = write_arrow(output, checked(), schema)
    num_passed = reasons.pop(PASS, 0)
    value = {
        "rows": num_rows,
        "passed": num_passed,
        "failed": num_rows - num_passed,
        "reasons": {name: reasons[name] for name in CHECKS if name in reasons},
        "not_utf8": num_not_utf8,
        "output": str(output),
    }
    return value, _as_text(value)


def _output_schema(source: Path) -> pa.Schema:
    schema = pq.read_schema(source)
    for field in _ADDED:
        if field.name in schema.names:
            raise InputError(
                f"{source}: there is a column {field.name!r} already, which the check would write. "
                "Rename or drop it."
            )
        schema = schema.append(field)
    return schema


def _rows(batch: pa.Table, table: Table) -> tuple[list[tuple[str, ...]], int]:
    """Return the texts of each row, and how many of them are no UTF-8; a null is empty text."""
    columns, num_not_utf8 = [], 0
    for name in (*TEXTS, FIELD):
        if name not in table.columns:
            columns.append(["text"] * len(batch))
            continue
        array, not_utf8 = readable(batch.column(name).combine_chunks())
        num_not_utf8 += not_utf8
        columns.append([value or "" for value in array.to_pylist()])
    return list(zip(*columns, strict=True)), num_not_utf8


def _problems(
    source: Path, row: int, own: str, other: str, text: str, translation: str, field: str
) -> list[Problem]:
    for name, language in (("source_language", own), ("target_language", other)):
        if language not in LANGUAGES:
            raise InputError(
                f"{source}: row {row}: {name} {language!r} is not one of {', '.join(LANGUAGES)}."
            )
    if own == other:
        raise InputError(f"{source}: row {row}: both languages are {own!r}. Drop such rows first.")
    if field not in FIELDS:
        raise InputError(
            f"{source}: row {row}: {FIELD} {field!r} is not one of {', '.join(FIELDS)}."
        )
    for name, found in (("source_text", text), ("target_text", translation)):
        if not found.strip():
            return [Problem("length", f"{name} is empty")]
    languages = cast("Language", own), cast("Language", other)
    return check_text(text, translation, *languages, field)


def _checks(problems: list[Problem]) -> list[str]:
    return list(dict.fromkeys(problem.check for problem in problems))


def _with_verdicts(batch: pa.Table, found: list[list[Problem]], schema: pa.Schema) -> pa.Table:
    added = (
        [FAIL if problems else PASS for problems in found],
        [_checks(problems) for problems in found],
        [[f"{one.check}: {one.evidence}" for one in problems] for problems in found],
    )
    for field, values in zip(_ADDED, added, strict=True):
        batch = batch.append_column(field, pa.array(values, field.type))
    return batch.cast(schema)


def _as_text(value: dict[str, Any]) -> str:
    rows = value["rows"]
    lines = [f"{rows:,} rows -> {value['output']}"]
    counts = {"passed": value["passed"], "failed": value["failed"], **value["reasons"]}
    width = max(map(len, counts))
    lines += [
        f"  {name:{width}} {count:>9,}  {count / max(rows, 1):7.2%}"
        for name, count in counts.items()
    ]
    if value["not_utf8"]:
        lines.append(f"  {value['not_utf8']:,} texts are no UTF-8; what is readable was judged.")
    return "\n".join(lines)
