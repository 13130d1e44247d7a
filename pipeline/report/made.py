"""What the report says about rows that language models made, for one language.

A translation belongs to the language that it is in; so an empty language shows why it is empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import polars as pl

from pipeline.report.locales import format_number
from pipeline.report.pairs import Pair, found_by, make_pair, sentence_of
from pipeline.report.read_made import OPERATIONS, MadeFacts
from pipeline.report.shorten import cut, masked
from pipeline.report.values import (
    LANGUAGE_NAMES,
    MadeLine,
    MadeView,
    RationaleView,
    UsedModel,
)

TEXT_BYTES = 900  # of each field of an example
_DIRECTION = ["stage", "operation", "source_language"]


def make_made(facts: MadeFacts, code: str) -> MadeView | None:
    """Return what models made in a language, or None where they were asked for nothing in it."""
    own = facts.made.filter(pl.col("language") == code)
    if own.is_empty():
        return None
    lines = sorted(_lines(own), key=lambda one: OPERATIONS.index(one.operation))
    pairs = sorted(_pairs(facts, code), key=lambda one: OPERATIONS.index(one.operation))
    return MadeView(
        lines=tuple(lines),
        reasons=tuple(_reasons(lines)),
        models=tuple(_models(own)),
        rationales=_rationales(own.filter(pl.col("operation") == "rationale")),
        kept=tuple(pair for pair in pairs if pair.reason is None),
        quarantined=tuple(pair for pair in pairs if pair.reason is not None),
    )


def made_notices(made: MadeView | None, code: str) -> Iterator[str]:
    """Yield a notice for each operation that gave nothing to keep."""
    for operation, name in (("translate", "translation"), ("rewrite", "rewrite")):
        own = [line for line in made.lines if line.operation == operation] if made else []
        jobs, kept = (sum(getattr(line, part) for line in own) for part in ("jobs", "kept"))
        into = f" into {LANGUAGE_NAMES[code][0]}" if operation == "translate" else ""
        if jobs == 1 and not kept:
            yield f"The only {name}{into} was quarantined."
        elif jobs and not kept:
            yield f"All {format_number(jobs, code)} {name}s{into} were quarantined."
    if made and made.rationales and made.rationales.written and not made.rationales.kept:
        yield "No rationale that a model wrote was kept."


def _lines(own: pl.DataFrame) -> Iterator[MadeLine]:
    groups = own.sort(_DIRECTION).group_by(_DIRECTION, maintain_order=True)
    for (stage, operation, source), part in groups:
        reasons: Counter[str] = Counter(part["reason"].drop_nulls())
        yield MadeLine(
            stage=str(stage),
            operation=str(operation),
            direction=str(source) if operation == "translate" else "",
            jobs=part.height,
            kept=part.height - reasons.total(),
            published=int(part["is_published"].sum()),
            quarantined=dict(_most_first(reasons)),
        )


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _reasons(lines: list[MadeLine]) -> Iterator[tuple[str, str]]:
    names = dict.fromkeys(reason for line in lines for reason in line.quarantined)
    for reason in names:
        yield reason, sentence_of("translate", reason)


def _models(own: pl.DataFrame) -> Iterator[UsedModel]:
    named = own.filter(pl.col("prompt") != "")
    counts = named.group_by("model", "prompt").agg(
        jobs=pl.len(), retried=(pl.col("variant") > 0).sum()
    )
    for row in counts.sort("model", "prompt").iter_rows():
        yield UsedModel(*row)


def _rationales(own: pl.DataFrame) -> RationaleView | None:
    if own.is_empty():
        return None
    refused = Counter(
        found_by("rationale", reason, evidence)[0][0]
        for reason, evidence in own.drop_nulls("reason").select("reason", "evidence").iter_rows()
    )
    kept = own["reason"].null_count()
    agreed = kept + refused["local_model"]  # kept out for who wrote it, not for what it says
    return RationaleView(
        written=own.height,
        read=agreed + refused["key"],
        agreed=agreed,
        kept=kept,
        refused=tuple(
            (check, sentence_of("rationale", check), rows) for check, rows in _most_first(refused)
        ),
    )


def _pairs(facts: MadeFacts, code: str) -> Iterator[Pair]:
    own = facts.examples.filter(pl.col("language") == code)
    for row in own.iter_rows(named=True):
        source = facts.records[row["stage"], row["source_id"]]
        made = facts.records[row["stage"], row["id"]]
        if row["operation"] == "rationale":
            source = {**source, "rationale": ""}  # as it was before
        yield make_pair(
            row["operation"], source, made, row["reason"], row["evidence"] or "", _shorten
        )


def _shorten(text: str, language: str) -> str:
    return cut(masked(text, language), TEXT_BYTES)
