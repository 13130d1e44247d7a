"""The values on the report's page, computed from a build; the templates only lay them out.

Everything follows from the build alone: no clock, host or path, so the same build gives the same
page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.ledger import Count
from pipeline.report.made import made_notices, make_made
from pipeline.report.read import BuildFacts
from pipeline.report.shorten import cut, masked
from pipeline.report.values import (
    LANGUAGE_NAMES,
    Example,
    FlagCount,
    Flow,
    LanguageView,
    Matrix,
    MatrixRow,
    Page,
    PublishedRow,
    ReasonCount,
    ReasonView,
    Segment,
    SourceView,
    StageView,
    is_role,
)
from schemas.flags import FLAGS
from schemas.item import LANGUAGES
from schemas.ledger import REASONS
from schemas.release import SPLITS, SUBSETS

SUBSET_TITLES = {"mmed_ift": "MMed-IFT", "mmed_ift_mc": "MMed-IFT-MC"}

EXAMPLE_BYTES = 340  # of text; with every reason in six languages the page has 0.98 MB
EVIDENCE_BYTES = 170  # of these, where there is a question too
HEAVY_LOSS = 0.5  # share of a source's rows that is worth a notice
BAR_WIDTH = 98.0  # of 100; the rest is room for slivers that are widened to stay visible
SLIVER = 0.6


def make_page(build: BuildFacts) -> Page:
    """Return the values of the page."""
    manifest, release = build.manifest, build.manifest["recipe"]["release"]
    found = {one.language for parts in build.counts.values() for one in parts}
    codes = [code for code in (*LANGUAGES, "") if code in found]
    return Page(
        title=release["name"],
        version=release["version"],
        licenses=manifest["recipe"]["licenses"],
        digest=manifest["release_digest"],
        splits=SPLITS,
        whole=_whole(build.counts),
        languages=tuple(_language(build, code) for code in codes),
        absent_languages=tuple(LANGUAGE_NAMES[c][0] for c in LANGUAGES if c not in found),
        has_forms=build.published is not None,
        has_made=build.made is not None,
        unfinished=manifest["unfinished"],
        checked=tuple(manifest["benchmarks"]["checked"]),
        missing=tuple(manifest["benchmarks"]["missing"]),
        missing_files=manifest["missing"],
        versions=manifest["versions"],
        files=manifest["sources"],
    )


def _language(build: BuildFacts, code: str) -> LanguageView:
    counts = _only(build.counts, language=code)
    whole = _whole(counts)
    published = _published(build, code)
    made = make_made(build.made, code) if build.made else None
    sources = tuple(_source(counts, name) for name in _source_names(counts))
    benchmarks = tuple(
        (source.name, rows)
        for source in sources
        if (rows := source.whole.drops.get("role_benchmark"))
    )
    return LanguageView(
        code=code,
        name=LANGUAGE_NAMES[code][0],
        own_name=LANGUAGE_NAMES[code][1],
        whole=whole,
        published=published,
        flags=tuple(_flags(build.flags.filter(pl.col("language") == code))),
        notices=(*_notices(code, published, sources, benchmarks), *made_notices(made, code)),
        stages=_stages(counts),
        sources=sources,
        benchmarks=benchmarks,
        matrix=_matrix(counts),
        reasons=_reasons(build.examples, whole, code),
        made=made,
    )


def _only(counts: Mapping[str, Sequence[Count]], **equal: str) -> dict[str, tuple[Count, ...]]:
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


def _whole(counts: Mapping[str, Sequence[Count]]) -> Flow:
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


def _stages(counts: Mapping[str, Sequence[Count]]) -> tuple[StageView, ...]:
    flows = {stage: _flow(parts) for stage, parts in counts.items()}
    scale = max(flow.rows_in + flow.added for flow in flows.values())
    return tuple(StageView(stage, flow, _bar(flow, scale)) for stage, flow in flows.items())


def _source_names(counts: Mapping[str, Sequence[Count]]) -> list[str]:
    return sorted({one.source for parts in counts.values() for one in parts})


def _source(counts: Mapping[str, Sequence[Count]], name: str) -> SourceView:
    own = _only(counts, source=name)
    whole = _whole(own)
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


def _matrix(counts: Mapping[str, Sequence[Count]]) -> Matrix:
    drops = {stage: _flow(parts).drops for stage, parts in counts.items()}
    stages = tuple(stage for stage, reasons in drops.items() if reasons)
    rows = []
    for reason, total in _most_first(_whole(counts).drops):
        cells = tuple(drops[stage].get(reason, 0) for stage in stages)
        rows.append(MatrixRow(reason, REASONS[reason], cells, total))
    totals = tuple(sum(drops[stage].values()) for stage in stages)
    return Matrix(stages, tuple(rows), totals, sum(totals))


def _reasons(examples: pl.DataFrame, whole: Flow, code: str) -> tuple[ReasonView, ...]:
    own = examples.filter(pl.col("language") == code)
    views = []
    for reason, rows in _most_first(whole.drops):
        chosen = own.filter(pl.col("reason") == reason).iter_rows(named=True)
        views.append(ReasonView(reason, REASONS[reason], rows, tuple(map(_example, chosen))))
    return tuple(views)


def _example(row: Mapping[str, Any]) -> Example:
    # Benchmark and validation items are no fault: their text has no business on a page.
    question = "" if is_role(row["reason"]) else masked(row["question"], row["language"])
    evidence = " ".join(row["evidence"].split())
    evidence = "" if question.startswith(evidence) else evidence
    evidence = cut(evidence, EVIDENCE_BYTES if question else EXAMPLE_BYTES)
    question = cut(question, EXAMPLE_BYTES - len(evidence.encode()))
    own = {name: row[name] for name in Example.__slots__}
    return Example(**{**own, "question": question, "evidence": evidence})


def _published(build: BuildFacts, code: str) -> tuple[PublishedRow, ...]:
    """Return a line per subset, from the manifest, each followed by its forms."""
    lines = []
    for subset in sorted(SUBSETS.values()):
        rows = build.manifest["release"].get(f"{subset}.{code}", {})
        lines.append(_published_row(subset, "", rows))
        if build.published is not None:
            place = (pl.col("subset") == subset) & (pl.col("language") == code)
            lines += _forms(subset, build.published.filter(place))
    return tuple(lines)


def _forms(subset: str, cells: pl.DataFrame) -> list[PublishedRow]:
    forms: dict[str, dict[str, int]] = {}
    for form, split, rows in cells.select("form", "split", "rows").iter_rows():
        forms.setdefault(form, {})[split] = rows
    return [_published_row(subset, form, forms[form]) for form in sorted(forms)]


def _published_row(subset: str, form: str, rows: Mapping[str, int]) -> PublishedRow:
    per_split = tuple(rows.get(split, 0) for split in SPLITS)
    return PublishedRow(SUBSET_TITLES[subset], form, per_split, sum(per_split))


def _flags(flags: pl.DataFrame) -> Iterator[FlagCount]:
    """Yield the flags of one language, most rows first."""
    counts = flags.group_by("flag").agg(pl.col("rows").sum())
    for flag, rows in counts.sort("rows", "flag", descending=[True, False]).iter_rows():
        yield FlagCount(flag, FLAGS[flag], rows)


def _notices(
    code: str,
    published: Sequence[PublishedRow],
    sources: Sequence[SourceView],
    benchmarks: Sequence[tuple[str, int]],
) -> tuple[str, ...]:
    """Return what a reviewer should look at first."""
    if not code:
        return ("These rows could not be read far enough to tell their language.",)
    notices = [
        f"No row of {line.subset} is published."
        for line in published
        if not line.form and not line.total
    ]
    notices += [
        f"{source.name} lost {source.whole.loss:.0%} of its rows for training."
        for source in sources
        if source.whole.loss > HEAVY_LOSS
    ]
    if not benchmarks:
        notices.append("No benchmark in this language was at hand to check against.")
    return tuple(notices)
