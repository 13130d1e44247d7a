"""`mmed language`: which language each row of any Parquet table is in, and which rows mix two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.tables.reading import Kind, Table, open_table, refuse_same_file, write_table
from pipeline.text.language import detect_frame
from pipeline.text.spans import MIXED_LANGUAGE, foreign_spans

ID = "id"
DECLARED = "language"


def identify(
    source: Path, output: Path, text: Sequence[str], declared: str = DECLARED, identifier: str = ID
) -> tuple[dict[str, Any], str]:
    """Write `id, language, confidence, flags` of every row; return a summary, and it as text.

    A row is judged by all its `text` columns together. The `declared` column only decides between
    zh and ja where the characters fit both, and may be missing when it has its usual name. Ids are
    those of the column `identifier`, of any type.
    """
    if not text:
        raise InputError(f"{source}: no text column is named. Name one or more with --text.")
    refuse_same_file(source, output)
    texts = dict.fromkeys(text, Kind.TEXT_OR_TEXTS)
    hints = {declared: Kind.TEXT}
    needed = texts if declared == DECLARED else {**texts, **hints}
    table = open_table(source, {identifier: Kind.ANY, **needed}, optional=hints)
    languages: Counter[str] = Counter()
    flags: Counter[str] = Counter()
    schema = _output_schema(pq.read_schema(source).field(identifier).type)
    found = _identified(table, text, declared, identifier)
    num_rows = write_table(output, _counted(found, languages, flags), schema)
    value = {
        "rows": num_rows,
        "languages": dict(languages.most_common()),
        "flags": dict(flags.most_common()),
        "not_utf8": table.num_not_utf8,
        "output": str(output),
    }
    return value, _as_text(value)


def _output_schema(id_type: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            pa.field(ID, id_type),
            pa.field("language", pa.string()),
            pa.field("confidence", pa.float32()),
            pa.field("flags", pa.list_(pa.string())),
        ]
    )


def _identified(
    table: Table, text: Sequence[str], declared: str, identifier: str
) -> Iterator[pl.DataFrame]:
    for batch in table.batches():
        parts = [
            pl.col(name).list.join("\n") if isinstance(batch.schema[name], pl.List) else name
            for name in text
        ]
        texts = batch.select(pl.concat_str(*parts, separator="\n").alias("text"))["text"]
        hints = batch[declared] if declared in table.columns else pl.Series([""] * batch.height)
        found = detect_frame(texts, hints)
        flags = [
            [] if span is None else [MIXED_LANGUAGE]
            for span in foreign_spans(texts, found["language"])
        ]
        yield found.select(
            batch[identifier].alias(ID),
            "language",
            "confidence",
            pl.Series("flags", flags, pl.List(pl.String)),
        )


def _counted(
    batches: Iterator[pl.DataFrame], languages: Counter[str], flags: Counter[str]
) -> Iterator[pl.DataFrame]:
    for batch in batches:
        languages.update(batch["language"].to_list())
        flags.update(batch["flags"].explode().drop_nulls().to_list())
        yield batch


def _as_text(value: dict[str, Any]) -> str:
    rows = value["rows"]
    lines = [f"{rows:,} rows -> {value['output']}"]
    counts = [*value["languages"].items(), *value["flags"].items()]
    width = max((len(name) for name, _ in counts), default=0)
    lines += [f"  {name:{width}} {count:>9,}  {count / rows:7.2%}" for name, count in counts]
    if value["not_utf8"]:
        lines.append(f"  {value['not_utf8']:,} texts are no UTF-8; what is readable was judged.")
    return "\n".join(lines)
