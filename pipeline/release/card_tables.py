"""The tables of the card, from what was written and from the counts of each stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.flags import FLAGS
from schemas.item import LANGUAGES
from schemas.ledger import REASONS
from schemas.licenses import PERMISSIVE
from schemas.release import SPLITS, SUBSETS
from sources.source import Source

Counts = Mapping[str, Any]  # per stage instance: rows by source, language and reason


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


def sum_rows(totals: pl.DataFrame, **equal: str) -> int:
    """Return the rows whose columns have these values."""
    for column, value in equal.items():
        totals = totals.filter(pl.col(column) == value)
    return int(totals["rows"].sum())


def group(totals: pl.DataFrame, by: Sequence[str]) -> list[dict[str, Any]]:
    """Return one line per combination of values, in their order."""
    return totals.group_by(by).agg(pl.col("rows").sum()).sort(by).to_dicts()


def rows_table(totals: pl.DataFrame) -> list[dict[str, Any]]:
    """Return one line per language and subset that has rows, with its rows per split."""
    lines = []
    for language in LANGUAGES:
        for subset in sorted(SUBSETS.values()):
            own = {s: sum_rows(totals, language=language, subset=subset, split=s) for s in SPLITS}
            if any(own.values()):
                lines.append({"language": language, "subset": subset, **own})
    return lines


def absent(totals: pl.DataFrame) -> dict[str, list[str]]:
    """Return per subset the languages without a row, where there are any."""
    found: dict[str, list[str]] = {
        subset: [code for code in LANGUAGES if not sum_rows(totals, language=code, subset=subset)]
        for subset in sorted(SUBSETS.values())
    }
    return {subset: codes for subset, codes in found.items() if codes}


def permissive(totals: pl.DataFrame) -> list[dict[str, Any]]:
    """Return per language the rows, and those that `licenses: permissive` would leave."""
    left = totals.filter(pl.col("license").is_in(sorted(PERMISSIVE)))
    lines = [
        {
            "language": code,
            "rows": sum_rows(totals, language=code),
            "left": sum_rows(left, language=code),
        }
        for code in LANGUAGES
        if sum_rows(totals, language=code)
    ]
    return [*lines, {"language": "all", "rows": sum_rows(totals), "left": sum_rows(left)}]


def not_redistributable(totals: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the sources whose rows must not be passed on, with what is known of the right to."""
    kept = totals.filter(pl.col("redistributable") != "yes")
    return group(kept, ["source", "license", "redistributable"])


def funnel(counts: Counts) -> list[dict[str, Any]]:
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


def dropped(counts: Counts) -> list[dict[str, Any]]:
    """Return one line per stage and reason, most rows first, with the rows per language."""
    lines = []
    for stage, parts in counts.items():
        reasons: dict[str, Counter[str]] = {}
        for part in parts:
            for reason, rows in part["dropped"].items():
                reasons.setdefault(reason, Counter())[part["language"]] += rows
        for reason, found in sorted(reasons.items(), key=lambda pair: (-pair[1].total(), pair[0])):
            line = {"stage": stage, "reason": reason, "sentence": REASONS[reason]}
            by = [found[code] for code in LANGUAGES]
            lines.append({**line, "rows": found.total(), "by_language": by})
    return lines


def flags(flagged: pl.DataFrame) -> list[dict[str, Any]]:
    """Return one line per flag, most rows first."""
    counts = flagged.group_by("flag").agg(pl.col("rows").sum())
    ordered = counts.sort("rows", "flag", descending=[True, False]).iter_rows()
    return [{"flag": flag, "rows": rows, "sentence": FLAGS[flag]} for flag, rows in ordered]


def provenance(
    sources: Mapping[str, Source], counts: Counts, totals: pl.DataFrame
) -> Iterator[Provenance]:
    """Yield the sources by name, with rows in and rows out."""
    read: Counter[str] = Counter()
    for one in next(iter(counts.values()), []):
        read[one["source"].partition(".")[0]] += one["rows_in"]
    published: Counter[str] = Counter()
    for row in totals.iter_rows(named=True):
        published[row["source"].partition(".")[0]] += row["rows"]
    for name, source in sorted(sources.items()):
        yield Provenance(source, read[name], published[name])
