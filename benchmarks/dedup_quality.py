"""What a deduplicator found against what is known: recall, precision, traps, rewordings.

A planted pair counts as found where one row is dropped for the other, both for a third, or both are
kept and flagged with each other. The similarity of a pair is the exact Jaccard of `pipeline.keys`,
computed here in Python, whatever the deduplicator says of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

import polars as pl

from benchmarks.dedup_corpus import SEED, SHARES, Row, table
from benchmarks.dedup_traps import reporting
from benchmarks.figures import Figure
from pipeline.dedup import Found, deduplicate
from pipeline.keys import record_shingles
from pipeline.text.shingles import jaccard

SIMILAR = 0.8
MIN_JUDGED = 50  # of fewer, one row more or less decides whether a share passes
RECALL, PRECISION, SHUFFLED = (0.98, 0.99), (0.98, 0.995), (0.98, 1.0)
WRONG_MERGES, KEPT_APART = (0.02, 0.005), (0.10, 0.05)


@dataclass(frozen=True)
class Judged:
    """A corpus and what was found in it."""

    rows: dict[str, dict[str, Any]]  # by id
    kept_instead: dict[str, str]
    flagged: frozenset[tuple[str, str]]

    @cached_property
    def planted(self) -> list[dict[str, Any]]:
        """Return the rows that were made from another."""
        return [row for row in self.rows.values() if row["base"]]

    def merged(self, left: str, right: str) -> bool:
        """Tell whether one is dropped for the other, or both for a third."""
        return self._kept(left) == self._kept(right)

    def found(self, left: str, right: str) -> bool:
        """Tell whether the two, or what they were dropped for, are merged or flagged."""
        pair = (self._kept(left), self._kept(right))
        return pair[0] == pair[1] or pair in self.flagged

    def jaccard(self, left: str, right: str) -> float:
        """Return the exact similarity of two rows."""
        return jaccard(*(record_shingles(_as_record(self.rows[one])) for one in (left, right)))

    def _kept(self, row_id: str) -> str:
        return self.kept_instead.get(row_id, row_id)


def judge(corpus: pl.DataFrame, found: Found) -> Judged:
    """Return a corpus with what was found in it."""
    dropped = dict(found.dropped.select("id", "kept_instead").iter_rows())
    flagged = frozenset(found.flagged.select("id", "near").iter_rows())
    return Judged({row["id"]: row for row in corpus.iter_rows(named=True)}, dropped, flagged)


def _as_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a corpus with the columns that `pipeline.keys` reads."""
    answer_indices = [at for at, option in enumerate(row["options"]) if option == row["answer"]]
    task = "mcq" if row["options"] else "qa"
    return {**row, "context": "", "task": task, "answer_indices": answer_indices}


def planted_figures(judged: Judged) -> Iterator[Figure]:
    """Yield what became of planted duplicates and tuning traps, and the precision of all drops."""
    traps = [row for row in judged.planted if row["kind"].startswith("trap:")]
    duplicates = [row for row in judged.planted if not row["kind"].startswith("trap:")]
    similar = {row["id"]: judged.jaccard(row["id"], row["base"]) for row in duplicates}
    close = [row for row in duplicates if similar[row["id"]] >= SIMILAR]
    yield from _shares("recall", _language, close, _is_found(judged), RECALL)
    yield from _shares("found", _kind, duplicates, _is_found(judged))
    yield from _shares("merged", _kind, duplicates, _is_merged(judged))
    shuffled = [row for row in duplicates if row["kind"] == "shuffled"]
    yield from _shares("shuffled_found", _all, shuffled, _is_found(judged), SHUFFLED)
    edited = [row for row in close if row["kind"] == "edit3"]
    yield from _shares("edit3_kept_apart", _language, edited, _is_apart(judged), KEPT_APART)
    yield from _shares("kept_apart", _kind, close, _is_apart(judged))
    yield from _shares("tuning_traps_merged", _kind, traps, _is_merged(judged))
    yield from _shares("tuning_traps_merged", _language, traps, _is_merged(judged))
    yield from _shares(
        "pair_precision", _all, judged.kept_instead.items(), _is_right(judged), PRECISION
    )


def _is_right(judged: Judged) -> Callable[[tuple[str, str]], bool]:
    """Return the test of a dropped pair: planted as duplicates, or similar and no trap.

    A trap may repeat a record other than its base, but then it repeats it exactly.
    """

    def is_right(pair: tuple[str, str]) -> bool:
        rows = [judged.rows[one] for one in pair]
        is_trap = any(row["kind"].startswith("trap:") for row in rows)
        if len({row["base"] or row["id"] for row in rows}) == 1:
            return not is_trap
        return judged.jaccard(*pair) >= (1 if is_trap else SIMILAR)

    return is_right


def reporting_rows() -> list[Row]:
    """Return the hand-written bases with their traps and rewordings, under ids that say nothing."""
    rng = Random(SEED)  # noqa: S311
    rows: list[Row] = []
    for language in SHARES:
        for base, changes in reporting(language):
            base_id = f"{rng.getrandbits(64):016x}"
            rows.append((base_id, base, "base", ""))
            rows += [
                (
                    f"{rng.getrandbits(64):016x}",
                    change.record,
                    f"{'trap' if change.is_trap else 'same'}:{change.kind}",
                    base_id,
                )
                for change in changes
            ]
    return rows


def reporting_figures(corpus: pl.DataFrame) -> Iterator[Figure]:
    """Yield what became of hand-written traps and rewordings, put among the rows of a corpus."""
    added = table(reporting_rows())
    judged = judge(pl.concat([corpus, added]), deduplicate(pl.concat([corpus, added])))
    rows = [row for row in added.iter_rows(named=True) if row["base"]]
    traps = [row for row in rows if row["kind"].startswith("trap:")]
    rewordings = [row for row in rows if row["kind"].startswith("same:")]
    families: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        families[row["base"]].append(row["id"])

    def is_wrong(row: dict[str, Any]) -> bool:
        family = {row["base"], *families[row["base"]]} - {row["id"]}
        return judged.merged(row["id"], row["base"]) or any(
            judged.kept_instead.get(one) == other
            for sibling in family
            for one, other in ((row["id"], sibling), (sibling, row["id"]))
        )

    yield from _shares("traps_merged", _language, traps, is_wrong, WRONG_MERGES)
    yield from _shares("traps_merged", _kind, traps, is_wrong)
    # What a deduplicator without a guard would merge.
    yield from _shares("traps_similar", _language, traps, _is_found(judged))
    yield from _shares("rewordings_kept_apart", _language, rewordings, _not(_is_merged(judged)))
    yield from _shares("rewordings_kept_apart", _kind, rewordings, _not(_is_merged(judged)))
    # The others that are kept apart are not similar enough for anyone to ask the guard.
    yield from _shares("rewordings_kept_by_guard", _language, rewordings, _is_apart(judged))


def partition_figures(corpus: pl.DataFrame) -> Iterator[Figure]:
    """Yield how often the same rows were dropped for the same ones: other orders, two threads."""
    expected = _drops(deduplicate(corpus, threads=1))
    others = [deduplicate(corpus, threads=2)]
    for seed in (1, 2):
        shuffled = corpus.sample(fraction=1, shuffle=True, seed=seed)
        others += [deduplicate(shuffled, threads=threads) for threads in (1, 2)]
    same = [_drops(found) == expected for found in others]
    yield Figure("same_partition", sum(same) / len(same), "share", 1, 1)


def _drops(found: Found) -> set[tuple[Any, ...]]:
    return set(found.dropped.iter_rows())


def _shares(
    name: str,
    group: Callable[[Any], Hashable],
    members: Iterable[Any],
    test: Callable[[Any], bool],
    limits: tuple[float, float] | tuple[None, None] = (None, None),
) -> Iterator[Figure]:
    """Yield, per group and with how many there are, the share of the members that pass a test."""
    results: dict[Hashable, list[bool]] = defaultdict(list)
    for member in members:
        results[group(member)].append(test(member))
    for key, passed in sorted(results.items(), key=lambda entry: str(entry[0])):
        label = f"{name}_{key}" if key else name
        share = sum(passed) / len(passed)
        judged = limits if len(passed) >= MIN_JUDGED else (None, None)
        yield Figure(label, round(share, 4), f"of {len(passed):,}", *judged)


def _language(row: Mapping[str, Any]) -> str:
    return str(row["language"])


def _kind(row: Mapping[str, Any]) -> str:
    return str(row["kind"]).rpartition(":")[2]


def _all(_member: object) -> str:
    return ""


def _is_found(judged: Judged) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: judged.found(row["id"], row["base"])


def _is_merged(judged: Judged) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: judged.merged(row["id"], row["base"])


def _is_apart(judged: Judged) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: (
        judged.found(row["id"], row["base"]) and not judged.merged(row["id"], row["base"])
    )


def _not(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda member: not test(member)
