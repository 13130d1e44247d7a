"""The dataset card and the licence list, generated from what was written and from the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
import polars as pl

from pipeline.release import card_tables as tables
from pipeline.release.card_head import head
from pipeline.release.card_issues import issues
from pipeline.release.card_made import made_by, settings
from pipeline.release.counting import Counted
from schemas.item import LANGUAGES
from schemas.release import DATASET_VERSION, MEANINGS, RELEASE

if TYPE_CHECKING:
    from pipeline.recipe import Recipe
    from pipeline.release.write import ReleaseInput

KINDS = {"mmed_ift": "open questions", "mmed_ift_mc": "multiple choice"}


def card(given: ReleaseInput, counted: Counted, hits: pl.DataFrame) -> str:
    """Return the card: YAML head for the Hub, then prose and tables."""
    recipe, totals = given.recipe, counted.totals
    return _render(
        "card.md.j2",
        head=head(recipe, counted, given.sources),
        release=recipe.release,
        dataset_version=DATASET_VERSION,
        total=tables.sum_rows(totals),
        rows=tables.rows_table(totals),
        subsets=list(_subsets(totals)),
        is_reconstruction=_is_reconstruction(given),
        configs=counted.rows(),
        loading=list(_loading(counted.rows())),
        absent=tables.absent(totals),
        held_out=_split_settings(recipe),
        forms=tables.group(totals, ["language", "subset", "form"]),
        languages=LANGUAGES,
        funnel=tables.funnel(given.counts),
        stages=list(given.counts),
        kinds={entry.stage for entry in recipe.stages},
        dropped=tables.dropped(given.counts),
        provenance=list(tables.provenance(given.sources, given.counts, totals)),
        origins=tables.group(totals, ["language", "origin"]),
        made=list(made_by(counted.written)),
        settings=settings(recipe),
        unfinished=given.unfinished,
        promoted=list(_promoted(given)),
        checked=given.checked,
        missing=given.missing,
        hits=_hits(hits),
        issues=issues(totals, counted.flagged),
        flags=tables.flags(counted.flagged),
        licenses=tables.group(totals, ["license", "redistributable"]),
        permissive=tables.permissive(totals),
        kept_back=tables.not_redistributable(totals),
        columns=[(field.name, str(field.type), MEANINGS[field.name]) for field in RELEASE],
    )


def licenses_text(given: ReleaseInput, totals: pl.DataFrame) -> str:
    """Return `LICENSES.md`: per source and licence its rows, the evidence, and what to cite."""
    found = tables.provenance(given.sources, given.counts, totals)
    published = {one.source.name: one for one in found if one.rows_published}
    base = totals.with_columns(source=pl.col("source").str.split(".").list.first())
    terms = [
        {**line, "name": one.name, "evidence": one.source.license_evidence}
        for line in tables.group(base, ["source", "license", "redistributable"])
        if (one := published[line["source"]])
    ]
    return _render("licenses.md.j2", terms=terms, published=list(published.values()))


def _render(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever a template shows
    folder = files("pipeline.release")
    environment = jinja2.Environment(  # noqa: S701 - Markdown, not HTML
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["percent"] = lambda share: f"{100 * share:g} %"
    return environment.get_template(template).render(**values)


def _hits(hits: pl.DataFrame) -> list[dict[str, Any]]:
    """Return per protected source and role the rows dropped, in all and per language."""
    lines = []
    for (name, kind), rows in hits.group_by(["protected", "kind"], maintain_order=True):
        by = [tables.sum_rows(rows, language=code) for code in LANGUAGES]
        lines.append({"name": name, "kind": kind, "rows": rows["rows"].sum(), "by_language": by})
    return lines


def _promoted(given: ReleaseInput) -> Iterator[tuple[str, str]]:
    """Yield the held-out parts of sources that the recipe trains on, as (title, upstream split)."""
    for entry in given.recipe.sources:
        source = given.sources.get(entry.name)
        for split, role in entry.splits.items():
            if source and role == "train" and source.splits[split] in ("validation", "benchmark"):
                yield source.title, split


def _subsets(totals: pl.DataFrame) -> Iterator[tuple[str, str, int]]:
    """Yield the subsets that have rows: name, what they hold, how many."""
    for subset, kind in KINDS.items():
        if rows := tables.sum_rows(totals, subset=subset):
            yield subset, kind, rows


def _loading(configs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield configurations to show how the release is loaded: whole subsets, and one language."""
    wholes = [name for name in configs if name in KINDS]
    for name in wholes:
        yield name, f"{KINDS[name]}, every language"
    alone = [name for name in configs if name not in KINDS]
    if alone:
        subset, _, language = alone[-1].partition(".")
        yield alone[-1], f"{KINDS[subset]}, {language} alone"


def _is_reconstruction(given: ReleaseInput) -> bool:
    """Tell whether the recipe reads upstream sources, and not only tables or the starter corpus."""
    used = (given.sources.get(entry.name) for entry in given.recipe.sources)
    return any(source is not None and not source.packaged for source in used)


def _split_settings(recipe: Recipe) -> Mapping[str, Any]:
    return next(entry.settings for entry in recipe.stages if entry.stage == "split")
