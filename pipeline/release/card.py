"""The dataset card and the licence list, generated from what was written and from the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
import polars as pl

from schemas.flags import FLAGS
from schemas.item import LANGUAGES
from schemas.ledger import REASONS
from schemas.licenses import PERMISSIVE
from schemas.release import DATASET_VERSION, RELEASE, SPLITS, SUBSETS

if TYPE_CHECKING:
    from pipeline.recipe import Recipe
    from pipeline.release.write import ReleaseInput
    from sources.source import Source

KINDS = {"mmed_ift": "open questions", "mmed_ift_mc": "multiple choice"}
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True, slots=True)
class Provenance:
    """A source on the card: what was read of it, what the release holds of it."""

    source: Source
    rows_read: int
    rows_published: int

    @property
    def name(self) -> str:
        """Return the source's title, linked where it has an address on the web."""
        title, address = self.source.title, self.source.homepage
        return f"[{title}]({address})" if address.startswith("http") else title


def card(
    given: ReleaseInput,
    facts: Mapping[str, Mapping[str, int]],
    totals: pl.DataFrame,
    flagged: pl.DataFrame,
    written: pl.DataFrame,
) -> str:
    """Return the card: YAML head for the Hub, then prose and tables."""
    total = _sum(totals)
    return (
        _environment()
        .get_template("card.md.j2")
        .render(
            release=given.recipe.release,
            dataset_version=DATASET_VERSION,
            configs=_configs(facts),
            languages=[code for code in LANGUAGES if _sum(totals, language=code)],
            size=next((name for limit, name in SIZES if total < limit), "1M<n<10M"),
            total=total,
            rows=_rows_table(totals),
            subsets=list(_subsets(totals)),
            is_reconstruction=_is_reconstruction(given),
            loading=list(_loading(facts)),
            absent=_absent(totals),
            held_out=_split_settings(given.recipe),
            forms=_group(totals, ["language", "subset", "form"]),
            funnel=_funnel(given.counts),
            stages=list(given.counts),
            provenance=_provenance(given, totals),
            licenses=_group(totals, ["license", "redistributable"]),
            permissive=_sum(totals.filter(pl.col("license").is_in(sorted(PERMISSIVE)))),
            origins=_group(totals, ["language", "origin"]),
            dropped=_dropped(given.counts),
            flags=_flags(flagged),
            written=_group(written, ["language", "stage", "model"]),
            unfinished=given.unfinished,
            promoted=list(_promoted(given)),
            checked=given.checked,
            missing=given.missing,
            columns=[(field.name, str(field.type)) for field in RELEASE],
        )
    )


def licenses_text(given: ReleaseInput, totals: pl.DataFrame) -> str:
    """Return `LICENSES.md`: per source and licence its rows, the evidence, and what to cite."""
    published = {one.source.name: one for one in _provenance(given, totals) if one.rows_published}
    base = totals.with_columns(source=pl.col("source").str.split(".").list.first())
    terms = [
        {**line, "name": one.name, "evidence": one.source.license_evidence}
        for line in _group(base, ["source", "license", "redistributable"])
        if (one := published[line["source"]])
    ]
    template = _environment().get_template("licenses.md.j2")
    return template.render(terms=terms, published=list(published.values()))


def _environment() -> jinja2.Environment:
    loader = jinja2.FunctionLoader(
        lambda name: files("pipeline.release").joinpath(name).read_text(encoding="utf-8")
    )
    environment = jinja2.Environment(  # noqa: S701 - Markdown, not HTML
        loader=loader,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["percent"] = lambda share: f"{100 * share:g} %"
    return environment


def _sum(totals: pl.DataFrame, **equal: str) -> int:
    for column, value in equal.items():
        totals = totals.filter(pl.col(column) == value)
    return int(totals["rows"].sum())


def _promoted(given: ReleaseInput) -> Iterator[tuple[str, str]]:
    """Yield the held-out parts of sources that the recipe trains on, as (title, upstream split)."""
    for entry in given.recipe.sources:
        source = given.sources.get(entry.name)
        for split, role in entry.splits.items():
            if source and role == "train" and source.splits[split] in ("validation", "benchmark"):
                yield source.title, split


def _group(totals: pl.DataFrame, by: Sequence[str]) -> list[dict[str, Any]]:
    return totals.group_by(by).agg(pl.col("rows").sum()).sort(by).to_dicts()


def _configs(facts: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    configs = []
    for name in sorted(facts):
        subset, _, language = name.partition(".")
        folder = f"{subset}/{language or '*'}"
        splits = [(split, f"{folder}/{split}-*.parquet") for split in facts[name]]
        configs.append({"name": name, "splits": splits})
    return configs


def _rows_table(totals: pl.DataFrame) -> list[dict[str, Any]]:
    """Return one line per language and subset that has rows, with its rows per split."""
    lines = []
    for language in LANGUAGES:
        for subset in sorted(SUBSETS.values()):
            own = {s: _sum(totals, language=language, subset=subset, split=s) for s in SPLITS}
            if any(own.values()):
                lines.append({"language": language, "subset": subset, **own})
    return lines


def _absent(totals: pl.DataFrame) -> dict[str, list[str]]:
    """Return per subset the languages without a row, where there are any."""
    absent: dict[str, list[str]] = {
        subset: [code for code in LANGUAGES if not _sum(totals, language=code, subset=subset)]
        for subset in sorted(SUBSETS.values())
    }
    return {subset: codes for subset, codes in absent.items() if codes}


def _subsets(totals: pl.DataFrame) -> Iterator[tuple[str, str, int]]:
    """Yield the subsets that have rows: name, what they hold, how many."""
    for subset, kind in KINDS.items():
        if rows := _sum(totals, subset=subset):
            yield subset, kind, rows


def _loading(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield configurations to show how the release is loaded: whole subsets, and one language."""
    wholes = [name for name in sorted(facts) if name in KINDS]
    for name in wholes:
        yield name, f"{KINDS[name]}, every language"
    alone = [name for name in sorted(facts) if name not in KINDS]
    if alone:
        subset, _, language = alone[-1].partition(".")
        yield alone[-1], f"{KINDS[subset]}, {language} alone"


def _is_reconstruction(given: ReleaseInput) -> bool:
    """Tell whether the recipe reads upstream sources, and not only tables or the starter corpus."""
    used = (given.sources.get(entry.name) for entry in given.recipe.sources)
    return any(source is not None and not source.packaged for source in used)


def _split_settings(recipe: Recipe) -> Mapping[str, Any]:
    return next(entry.settings for entry in recipe.stages if entry.stage == "split")


def _funnel(counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return per language the rows read and what each stage left of them."""
    languages = sorted({one["language"] for stage in counts.values() for one in stage})
    lines = []
    for language in languages:
        kept = [
            sum(one["rows_kept"] for one in stage if one["language"] == language)
            for stage in counts.values()
        ]
        read = sum(c["rows_in"] for c in next(iter(counts.values())) if c["language"] == language)
        lines.append({"language": language or "not known", "read": read, "kept": kept})
    return lines


def _dropped(counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one line per stage and reason, in the order of the stages, most rows first."""
    lines = []
    for stage, parts in counts.items():
        reasons: Counter[str] = Counter()
        for part in parts:
            reasons.update(part["dropped"])
        for reason, rows in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
            lines.append(
                {"stage": stage, "reason": reason, "rows": rows, "sentence": REASONS[reason]}
            )
    return lines


def _flags(flagged: pl.DataFrame) -> list[dict[str, Any]]:
    """Return one line per flag, most rows first."""
    counts = flagged.group_by("flag").agg(pl.col("rows").sum())
    ordered = counts.sort("rows", "flag", descending=[True, False]).iter_rows()
    return [{"flag": flag, "rows": rows, "sentence": FLAGS[flag]} for flag, rows in ordered]


def _provenance(given: ReleaseInput, totals: pl.DataFrame) -> list[Provenance]:
    read: Counter[str] = Counter()
    for one in next(iter(given.counts.values()), []):
        read[one["source"].partition(".")[0]] += one["rows_in"]
    published: Counter[str] = Counter()
    for row in totals.iter_rows(named=True):
        published[row["source"].partition(".")[0]] += row["rows"]
    return [
        Provenance(source, read[name], published[name])
        for name, source in sorted(given.sources.items())
    ]
