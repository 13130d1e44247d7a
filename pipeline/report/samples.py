"""The records that the page's browser holds, and what a reviewer reads them in.

Of the published rows: the review queue, a share of those that a model made or that carry a flag,
and a sample in which every language, source, form and origin has its part. Of the dropped ones: a
few of each reason, what other sections of the page link to, and the partners of all these.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.report.queue import KINDS, SAMPLE_ROWS, Queue, drawn, make_queues, with_kinds
from pipeline.report.read import BuildFacts
from pipeline.report.sample_record import make_record
from pipeline.report.tables import Tables
from pipeline.verdicts import UNUSED, histories_of, hold_against
from schemas.flags import FLAGS
from schemas.item import LANGUAGES
from schemas.ledger import REASONS
from schemas.review import CORRECTABLE, SEVERITIES, VERDICT_REASONS

SAMPLED_ROWS = 2700  # published rows on the page, where the release has as many
REMARKABLE_ROWS = 100  # of a language: made by a model, or flagged
DROPPED_ROWS = 3  # of a language and reason
BYTES = 8_000_000  # of records as JSON; a third of it, packed, is on the page


@dataclass(frozen=True, slots=True)
class Browser:
    """What the page's template needs for the section of records."""

    payload: str  # gzip in base64 of the JSON that the script reads
    num_published: int  # of the records in it
    num_dropped: int
    script: Markup
    css: Markup
    left: tuple[tuple[str, str, str], ...]  # verdicts not applied: why, id, reviewer
    num_verdicts: int
    sample_rows: int  # of the random sample of each language


def make_browser(build: BuildFacts, out: Path, linked: Collection[str] = ()) -> Browser | None:
    """Return the records of a build to look at, or None where its tables are not at hand.

    `linked` are ids that other sections of the page show.
    """
    manifest = build.manifest
    tables = Tables(out / "store", manifest["tables"])
    stages = [stage["name"] for stage in manifest["stages"]]
    if not tables.are_there(set(stages)):
        return None
    histories = histories_of(out, manifest)
    rows = _published(tables, stages[-1])
    queues = make_queues(rows)
    wanted = [*_choose(rows, queues, linked), *_choose_dropped(tables, stages, linked)]
    records = _records(tables, stages, wanted, histories)
    records |= _records(tables, stages, _partners(records.values()), histories)
    for row in rows.filter(pl.col("id").is_in(list(records))).iter_rows(named=True):
        records[row["id"]]["kinds"] = [kind for kind in KINDS if row[kind]]
    shown = _fitting(records.values())
    num_published = sum(record["state"] == "published" for record in shown)
    judged = hold_against(out, manifest, histories)
    left = [(one.state, one.verdict["id"], one.verdict["reviewer"]) for one in judged]
    return Browser(
        payload=_packed(_payload(manifest["release_digest"], shown, queues)),
        num_published=num_published,
        num_dropped=len(shown) - num_published,
        script=_script(),
        css=_inline("browser.css"),
        left=tuple(one for one in left if one[0] in UNUSED),
        num_verdicts=len(judged),
        sample_rows=SAMPLE_ROWS,
    )


def _payload(
    digest: str, records: Sequence[Mapping[str, Any]], queues: Mapping[str, Queue]
) -> dict[str, Any]:
    """Return all that the script reads."""
    return {
        "digest": digest,
        "records": records,
        "queues": {code: {"risk": one.risk, "random": one.random} for code, one in queues.items()},
        "texts": review_texts(),
        "sentences": {**FLAGS, **REASONS},
        "languages": LANGUAGES,
        "reasons": VERDICT_REASONS,
        "severities": SEVERITIES,
    }


def _published(tables: Tables, stage: str) -> pl.DataFrame:
    """Return the published rows without their texts, with what they are chosen by."""
    light = ["id", "language", "source", "form", "origin"]
    remark = pl.col("flags").list.eval(pl.element().struct.field("name")).list.first()
    turns = pl.col("history").list.eval(pl.element().struct.field("content"))
    lists = (part.list.join("\n") for part in (pl.col("options"), turns))
    said = pl.concat_str(*CORRECTABLE, *lists, separator="\n")
    # One table at a time: all texts of a large build would not fit in memory.
    read = [
        with_kinds(table.select(*light, remark=remark, said=said).collect())
        for table in tables.scan(stage, "kept")
    ]
    none = dict.fromkeys((*light, "remark"), pl.String) | dict.fromkeys(KINDS, pl.Boolean)
    rows = pl.concat([pl.DataFrame(schema=none), *read])
    return rows.with_columns(drawn(rows["id"])).sort("drawn", "id")


def _choose(rows: pl.DataFrame, queues: Mapping[str, Queue], linked: Collection[str]) -> list[str]:
    """Return ids of published rows, those that matter most first."""
    first = [one for queue in queues.values() for one in (*queue.risk, *queue.random)]
    remarkable = rows.filter(pl.col("origin").ne("native") | pl.col("remark").is_not_null())
    few = [
        one
        for code in LANGUAGES
        for one in _spread(
            remarkable.filter(pl.col("language") == code), ["origin", "remark"], REMARKABLE_ROWS
        )
    ]
    named = rows.filter(pl.col("id").is_in(list(linked)))["id"]
    chosen = dict.fromkeys([*named, *first, *few])
    rest = rows.filter(~pl.col("id").is_in(list(chosen)))
    cells = ["language", "source", "form", "origin"]
    return [*chosen, *_spread(rest, cells, max(0, SAMPLED_ROWS - len(chosen)))]


def _spread(rows: pl.DataFrame, by: Sequence[str], number: int) -> pl.Series:
    """Return ids of rows already in the order of their draw, by turns from each cell."""
    turns = rows.with_columns(turn=pl.int_range(pl.len()).over(by))
    return turns.sort("turn", "drawn")["id"].head(number)


def _choose_dropped(tables: Tables, stages: Sequence[str], linked: Collection[str]) -> list[str]:
    parts = [pl.DataFrame(schema=dict.fromkeys(("id", "language", "reason"), pl.String))]
    for stage in stages:
        for table in tables.scan(stage, "dropped"):
            own = table.filter(pl.col("role") == "train", pl.col("id") != "")
            parts.append(own.select("id", "language", "reason").collect())
    rows = pl.concat(parts).unique("id")
    ordered = rows.with_columns(drawn(rows["id"])).sort("drawn")
    named = ordered.filter(pl.col("id").is_in(list(linked)))["id"]
    few = ordered.group_by("language", "reason", maintain_order=True).head(DROPPED_ROWS)["id"]
    return [*dict.fromkeys([*named, *few])]


def _records(
    tables: Tables,
    stages: Sequence[str],
    ids: Sequence[str],
    histories: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, dict[str, Any]]:
    """Return records by id in the order of `ids`; of rows for training alone, ever."""
    found: dict[str, dict[str, Any]] = {}
    for stage, kind in [*((stage, "dropped") for stage in stages), (stages[-1], "kept")]:
        for table in tables.scan(stage, kind):
            rows = table.filter(pl.col("id").is_in(list(ids)), pl.col("role") == "train")
            for row in rows.collect().iter_rows(named=True):
                record = make_record(row, stage if kind == "dropped" else "", histories)
                found[row["id"]] = record
    return {one: found[one] for one in ids if one in found}


def _partners(records: Collection[Mapping[str, Any]]) -> list[str]:
    """Return the ids that records name: parents, and what they were compared with."""
    there = {record["id"] for record in records}
    named: dict[str, None] = {}
    for record in records:
        flagged = [one["other"] for one in record.get("flags", ())]
        for one in (record.get("parent"), record.get("instead"), *flagged):
            if one and one not in there:
                named[one] = None
    return [*named]


def _fitting(records: Collection[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return as many records as there is room for, in their order."""
    shown, room = [], BYTES
    for record in records:
        room -= len(json.dumps(record, ensure_ascii=False).encode())
        if room < 0:
            break
        shown.append(record)
    return shown


def _packed(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    packed = gzip.compress(text.encode(), mtime=0)
    return base64.b64encode(packed).decode()


@cache
def review_texts() -> dict[str, Any]:
    """Return the review pane's texts by language."""
    import yaml

    text = files("pipeline.report").joinpath("review_texts.yaml").read_text(encoding="utf-8")
    texts: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - builds no objects
    return texts


def _script() -> Markup:
    """Return the page's script: one function, so that it shares no name with anything."""
    parts = (_inline("browser.js"), _inline("browser_review.js"))
    return Markup('(() => {\n"use strict";\n') + parts[0] + parts[1] + Markup("})();")


def _inline(name: str) -> Markup:
    content = files("pipeline.report").joinpath(name).read_text(encoding="utf-8")
    return Markup(content)  # noqa: S704 - the project's own file, which holds no "</"
