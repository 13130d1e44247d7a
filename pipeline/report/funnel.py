"""Rows through the stages: the funnel of a language and of its sources, and why rows left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.ledger import Count
from pipeline.report.shorten import cut, masked
from pipeline.report.values import (
    Example,
    Flow,
    Matrix,
    MatrixRow,
    ReasonCount,
    ReasonView,
    Segment,
    SourceView,
    StageView,
    is_role,
    repeats_protected,
)
from schemas.ledger import REASONS

EXAMPLE_BYTES = 340  # of text; with every reason in six languages the page has 0.98 MB
EVIDENCE_BYTES = 170  # of these, where there is a question too
BAR_WIDTH = 98.0  # of 100; the rest is room for slivers that are widened to stay visible
SLIVER = 0.6


def only(counts: Mapping[str, Sequence[Count]], **equal: str) -> dict[str, tuple[Count, ...]]:
    """Return the counts of one language or source."""
    return {
        stage: tuple(c for c in parts if all(getattr(c, k) == v for k, v in equal.items()))
        for stage, parts in counts.items()
    }


def _flow(counts: Iterable[Count]) -> Flow:
    """Add up counts of one stage."""
    rows_in = added = kept = 0
    drops: Counter[str] = Counter()
    for one in counts:
        rows_in, added, kept = rows_in + one.rows_in, added + one.rows_added, kept + one.rows_kept
        drops.update(one.dropped)
    return Flow(rows_in, added, kept, drops)


def whole_flow(counts: Mapping[str, Sequence[Count]]) -> Flow:
    """Return the flow from the first stage to the last."""
    flows = [_flow(parts) for parts in counts.values()]
    drops: Counter[str] = Counter()
    for flow in flows:
        drops.update(flow.drops)
    return Flow(flows[0].rows_in, sum(flow.added for flow in flows), flows[-1].kept, drops)


def _bar(flow: Flow, scale: int) -> tuple[Segment, ...]:
    """Return the parts of a flow's bar, where `scale` rows are the full width."""
    segments: list[Segment] = []
    x = 0.0
    for kind, rows in (("kept", flow.kept), ("dropped", flow.dropped), ("aside", flow.set_aside)):
        if rows:
            width = round(max(SLIVER, BAR_WIDTH * rows / scale), 2)
            segments.append(Segment(kind, round(x, 2), width))
            x += width
    return tuple(segments)


def stage_views(counts: Mapping[str, Sequence[Count]]) -> tuple[StageView, ...]:
    """Return the steps of a funnel, all bars to one scale."""
    flows = {stage: _flow(parts) for stage, parts in counts.items()}
    scale = max(flow.rows_in + flow.added for flow in flows.values())
    return tuple(StageView(stage, flow, _bar(flow, scale)) for stage, flow in flows.items())


def source_views(counts: Mapping[str, Sequence[Count]]) -> tuple[SourceView, ...]:
    """Return the sources of a language by name, each with the reasons why rows left."""
    names = sorted({one.source for parts in counts.values() for one in parts})
    return tuple(_source(counts, name) for name in names)


def _source(counts: Mapping[str, Sequence[Count]], name: str) -> SourceView:
    own = only(counts, source=name)
    whole = whole_flow(own)
    return SourceView(
        name=name,
        whole=whole,
        kept_first=_flow(next(iter(own.values()))).kept,
        bar=_bar(whole, whole.rows_in + whole.added),
        reasons=tuple(
            ReasonCount(stage, reason, REASONS[reason], rows)
            for stage, parts in own.items()
            for reason, rows in _most_first(_flow(parts).drops)
        ),
    )


def _most_first(drops: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return reasons with most rows first; roles, which are no fault, last."""
    return sorted(drops.items(), key=lambda pair: (is_role(pair[0]), -pair[1], pair[0]))


def drop_matrix(counts: Mapping[str, Sequence[Count]]) -> Matrix:
    """Return the dropped rows by reason and stage."""
    drops = {stage: _flow(parts).drops for stage, parts in counts.items()}
    stages = tuple(stage for stage, reasons in drops.items() if reasons)
    rows = []
    for reason, total in _most_first(whole_flow(counts).drops):
        cells = tuple(drops[stage].get(reason, 0) for stage in stages)
        rows.append(MatrixRow(reason, REASONS[reason], cells, total))
    totals = tuple(sum(drops[stage].values()) for stage in stages)
    return Matrix(stages, tuple(rows), totals, sum(totals))


def reason_views(examples: pl.DataFrame, whole: Flow, code: str) -> tuple[ReasonView, ...]:
    """Return the reasons of a language, most rows first, each with its examples."""
    own = examples.filter(pl.col("language") == code)
    views = []
    for reason, rows in _most_first(whole.drops):
        chosen = own.filter(pl.col("reason") == reason).iter_rows(named=True)
        views.append(ReasonView(reason, REASONS[reason], rows, tuple(map(_example, chosen))))
    return tuple(views)


def _example(row: Mapping[str, Any]) -> Example:
    # The text of benchmark and validation items has no business on a page.
    is_withheld = is_role(row["reason"]) or repeats_protected(row["reason"])
    question = "" if is_withheld else masked(row["question"], row["language"])
    evidence = "" if is_withheld else " ".join(row["evidence"].split())
    evidence = "" if question.startswith(evidence) else evidence
    evidence = cut(evidence, EVIDENCE_BYTES if question else EXAMPLE_BYTES)
    question = cut(question, EXAMPLE_BYTES - len(evidence.encode()))
    own = {name: row[name] for name in Example.__slots__}
    return Example(**{**own, "question": question, "evidence": evidence})
