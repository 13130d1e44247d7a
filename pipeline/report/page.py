"""The values on the report's page, computed from a build; the templates only lay them out.

Everything follows from the build alone: no clock, host or path, so the same build gives the same
page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import polars as pl

from pipeline.recipe import Report
from pipeline.report.answers import Answers, make_answers
from pipeline.report.clusters import make_clusters
from pipeline.report.funnel import (
    drop_matrix,
    only,
    reason_views,
    source_views,
    stage_views,
    whole_flow,
)
from pipeline.report.lengths import make_lengths
from pipeline.report.locales import format_share, published_rows
from pipeline.report.made import made_notices, make_made
from pipeline.report.mixes import by_language, directions, forms_by_language, sources_by_language
from pipeline.report.read import BuildFacts
from pipeline.report.status import Seen, by_trouble, judge, judge_nothing
from pipeline.report.values import (
    LANGUAGE_NAMES,
    FlagCount,
    LanguageView,
    MadeView,
    Page,
    PublishedRow,
    SourceView,
)
from pipeline.verdicts import Tally
from schemas.flags import FLAGS
from schemas.item import LANGUAGES
from schemas.release import SPLITS, SUBSETS

SUBSET_TITLES = {"mmed_ift": "MMed-IFT", "mmed_ift_mc": "MMed-IFT-MC"}
TASK_TITLES = {task: SUBSET_TITLES[subset] for task, subset in SUBSETS.items()}


def make_page(build: BuildFacts) -> Page:
    """Return the values of the page, without the browser of records."""
    manifest, release = build.manifest, build.manifest["recipe"]["release"]
    limits = Report.model_validate(manifest["recipe"].get("report", {}))
    kinds = {entry["stage"] for entry in manifest["recipe"]["stages"]}
    found = {one.language for parts in build.counts.values() for one in parts}
    codes = [code for code in (*LANGUAGES, "") if code in found]
    languages = [_language(build, code, limits) for code in codes]
    rows = build.rows
    return Page(
        title=release["name"],
        version=release["version"],
        licenses=manifest["recipe"]["licenses"],
        digest=manifest["release_digest"],
        splits=SPLITS,
        whole=whole_flow(build.counts),
        languages=tuple(sorted(languages, key=_by_trouble)),
        absent_languages=tuple(LANGUAGE_NAMES[c][0] for c in LANGUAGES if c not in found),
        limits=limits,
        has_forms=build.published is not None,
        has_made=build.made is not None,
        has_rows=rows is not None,
        unfinished=manifest["unfinished"],
        spent_usd=manifest.get("spent_usd", 0.0),
        difference=build.difference,
        sources=sources_by_language(list(build.counts.values())[-1]),
        forms=forms_by_language(rows, TASK_TITLES) if rows is not None else None,
        license_mix=by_language(rows, "license") if rows is not None else None,
        detected=build.detected,
        directions=tuple(directions(build.made)) if build.made else (),
        contamination=tuple(build.contamination.overlaps()),
        checked=tuple(manifest["benchmarks"]["checked"]) if "decontaminate" in kinds else (),
        missing=tuple(manifest["benchmarks"]["missing"]),
        missing_files=manifest["missing"],
        versions=manifest["versions"],
        files=manifest["sources"],
    )


def shown_ids(page: Page) -> Iterator[str]:
    """Yield the ids of the records that the page names, for its browser to hold them."""
    for language in page.languages:
        for reason in language.reasons:
            for example in reason.examples:
                yield example.id
                if example.kept_instead and not reason.is_protected:
                    yield example.kept_instead
        for cluster in language.clusters.shown if language.clusters else ():
            yield cluster.id
            yield from (twin.id for twin in cluster.twins)
        made = language.made
        for pair in (*made.kept, *made.quarantined) if made else ():
            yield pair.source_id
            yield pair.made_id
        yield from (match.id for match in language.matches)


def _by_trouble(view: LanguageView) -> tuple[bool, tuple[int, float, int, int, int]]:
    return not view.code, by_trouble(view.status)  # rows of no language come last


def _language(build: BuildFacts, code: str, limits: Report) -> LanguageView:
    counts = only(build.counts, language=code)
    whole = whole_flow(counts)
    published = _published(build, code)
    made = make_made(build.made, code) if build.made else None
    sources = source_views(counts)
    benchmarks = tuple(
        (source.name, rows)
        for source in sources
        if (rows := source.whole.drops.get("role_benchmark"))
    )
    answers = make_answers(build.rows, code) if build.rows is not None else None
    seen = _with_rows(_seen(build, code, sources, benchmarks), build.rows)
    seen = _with_made(_with_answers(seen, answers), made)
    moves = build.difference.moves if build.difference else ()
    return LanguageView(
        code=code,
        name=LANGUAGE_NAMES[code][0],
        own_name=LANGUAGE_NAMES[code][1],
        whole=whole,
        published=published,
        flags=tuple(_flags(build.flags.filter(pl.col("language") == code))),
        notices=(
            *_notices(code, published, sources, benchmarks, limits),
            *made_notices(made, code),
        ),
        stages=stage_views(counts),
        sources=sources,
        benchmarks=benchmarks,
        matrix=drop_matrix(counts),
        reasons=reason_views(build.examples, whole, code),
        made=made,
        status=judge(seen, limits) if code else judge_nothing(seen),
        own_line=published_rows(whole.kept, code) if code else "",
        lengths=make_lengths(build.rows, code) if build.rows is not None else (),
        answers=answers,
        clusters=make_clusters(build.twins, code),
        matches=tuple(one for one in build.contamination.matches if one.language == code),
        moves=tuple(move for move in moves if move.language == code),
    )


def _seen(
    build: BuildFacts,
    code: str,
    sources: Sequence[SourceView],
    benchmarks: Sequence[tuple[str, int]],
) -> Seen:
    """Return what the rules look at, as far as manifest and ledger tell it."""
    release = build.manifest["release"]
    difference = build.difference
    return Seen(
        code=code,
        subsets={
            title: sum(release.get(f"{subset}.{code}", {}).values())
            for subset, title in SUBSET_TITLES.items()
        },
        origins=None,
        jobs=0,
        failed=0,
        overlaps=0,
        dropped_overlaps=build.contamination.num_dropped(code),
        benchmark_items=sum(rows for _, rows in benchmarks),
        losses=[(source.name, source.whole.loss) for source in sources if source.whole.candidates],
        detected=0,
        misdetected=0,
        rationales_read=0,
        rationales_agreed=0,
        keys=(),
        tally=build.tallies.get(code, Tally()),
        rows_in=difference.rows(True, code) if difference else 0,
        rows_out=difference.rows(False, code) if difference else 0,
    )


def _with_rows(seen: Seen, rows: pl.DataFrame | None) -> Seen:
    if rows is None:
        return seen
    own = rows.filter(pl.col("language") == seen.code)
    detected = own.drop_nulls("detected_language")
    return replace(
        seen,
        origins=dict(own.group_by("origin").len().sort("origin").iter_rows()),
        overlaps=own.filter(pl.col("overlaps").list.len() > 0).height,
        detected=detected.height,
        misdetected=detected.filter(pl.col("detected_language") != seen.code).height,
    )


def _with_answers(seen: Seen, answers: Answers | None) -> Seen:
    keys = answers.keys if answers else ()
    return replace(seen, keys=[(k.num_options, k.p, k.farthest) for k in keys if k.is_tested])


def _with_made(seen: Seen, made: MadeView | None) -> Seen:
    if made is None:
        return seen
    read = made.rationales
    return replace(
        seen,
        jobs=made.num_kept + made.num_quarantined,
        failed=made.num_quarantined,
        rationales_read=read.read if read else 0,
        rationales_agreed=read.agreed if read else 0,
    )


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
    limits: Report,
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
        f"{source.name} lost {format_share(source.whole.loss, code)} of its rows for training."
        for source in sources
        if source.whole.loss > limits.loss.amber
    ]
    if not benchmarks:
        notices.append("No benchmark in this language was at hand to check against.")
    return tuple(notices)
