"""Invariants of the stages that see all rows at once, on features made up at random."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.deduplicate import PAIRS
from pipeline.stages.groups import groups_of
from pipeline.stages.stage import GlobalStage
from tests.pipeline.stages.rows import make

QUICK = settings(max_examples=100, deadline=None)

Edge = tuple[str, str, float]

FEATURES = pl.Schema(
    {
        "id": pl.String(),
        "root_id": pl.String(),
        "language": pl.String(),
        "source": pl.String(),
        "exact_key": pl.String(),
        "context_key": pl.String(),
        "answer_key": pl.String(),
        "rank": pl.Int32(),
    }
)


def features_strategy() -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries(
        {
            "root_id": st.sampled_from("uvwxyz"),
            "language": st.just("fr"),
            "source": st.just("ward"),
            "exact_key": st.sampled_from([f"q{n}" for n in range(8)]),
            "context_key": st.sampled_from(["", "", "p"]),
            "answer_key": st.sampled_from(["yes", "yes", "yes", "no"]),
            "rank": st.integers(0, 2),
        }
    )
    rows = st.lists(row, min_size=1, max_size=12)
    return rows.map(lambda found: [{"id": f"{n:02}", **one} for n, one in enumerate(found)])


@st.composite
def rows_and_edges(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[Edge]]:
    rows = draw(features_strategy())
    ids = [row["id"] for row in rows]
    pairs = [(left, right) for left in ids for right in ids if left < right]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14)) if pairs else []
    return rows, [(left, right, draw(st.sampled_from([0.8, 0.9, 1.0]))) for left, right in chosen]


def components(ids: Iterable[str], edges: Iterable[tuple[str, str]]) -> set[frozenset[str]]:
    """Return connected components, found by merging sets: slow, and hard to get wrong."""
    parts = [{one} for one in ids]
    for left, right in edges:
        joined = [part for part in parts if left in part or right in part]
        parts = [part for part in parts if part not in joined] + [set().union(*joined)]
    return {frozenset(part) for part in parts}


def partition(groups: dict[str, str]) -> set[frozenset[str]]:
    members: dict[str, set[str]] = defaultdict(set)
    for one, group in groups.items():
        members[group].add(one)
    return {frozenset(part) for part in members.values()}


@QUICK
@given(rows_and_edges(), st.integers(2, 6), st.randoms())
def test_groups_are_components_cut_only_where_too_large_and_never_between_equal_roots(
    given_rows: tuple[list[dict[str, Any]], list[Edge]], max_rows: int, random: Any
) -> None:
    rows, edges = given_rows
    frame = pl.DataFrame(rows, schema=FEATURES)
    groups, oversized = groups_of(frame, edges, max_rows)

    roots = {row["id"]: row["root_id"] for row in rows}
    equal = [(a, b) for a in roots for b in roots if roots[a] == roots[b]]
    whole = components(roots, [*((left, right) for left, right, _ in edges), *equal])
    large = {part for part in whole if len(part) > max_rows}
    assert whole - large <= partition(groups)
    assert set(oversized) == {one for part in large for one in part}
    assert all(groups[a] == groups[b] for a, b in equal)
    rows_of_root = Counter(roots.values())
    for part in partition(groups):
        assert len(part) <= max(max_rows, *(rows_of_root[roots[one]] for one in part))
        assert {groups[one] for one in part} == {min(roots[one] for one in part)}
        assert any(part <= other for other in whole)

    random.shuffle(rows)
    random.shuffle(edges)
    assert groups_of(pl.DataFrame(rows, schema=FEATURES), edges, max_rows) == (groups, oversized)


@QUICK
@given(rows_and_edges())
def test_component_that_is_too_large_is_cut_at_its_weakest_edge(
    given_rows: tuple[list[dict[str, Any]], list[Edge]],
) -> None:
    rows, edges = given_rows
    frame = pl.DataFrame([{**row, "root_id": row["id"]} for row in rows], schema=FEATURES)
    ids = frame["id"].to_list()
    chain = list(zip(ids, ids[1:], strict=False))
    weak = chain[len(chain) // 2 :][:1]
    weighted = [(*pair, 0.8 if pair in weak else 0.9) for pair in chain]
    groups, _ = groups_of(frame, weighted, max(2, len(ids) - 1))
    assert partition(groups) == components(
        ids, [pair for pair in chain if pair not in weak or len(ids) < 3]
    )


@st.composite
def deduplication(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows, edges = draw(rows_and_edges())
    found = [
        {
            "left": left,
            "right": right,
            "jaccard": similarity,
            "difference": draw(st.sampled_from(["", "", "number 5, 50"])),
        }
        for left, right, similarity in edges
    ]
    return rows, found


def decide(stage: str, rows: list[dict[str, Any]], schema: pl.Schema, pairs: pl.DataFrame) -> Any:
    made = make(stage)
    assert isinstance(made, GlobalStage)
    return made.decide(pl.DataFrame(rows, schema=schema), pairs)


def deduplicated(rows: list[dict[str, Any]], pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = decide("deduplicate", rows, FEATURES, pl.DataFrame(pairs, schema=PAIRS))
    return sorted(found.to_dicts(), key=str)


@QUICK
@given(deduplication(), st.randoms())
def test_deduplication_does_not_depend_on_the_order_of_rows_and_pairs(
    given_rows: tuple[list[dict[str, Any]], list[dict[str, Any]]], random: Any
) -> None:
    rows, pairs = given_rows
    before = deduplicated(rows, pairs)
    random.shuffle(rows)
    again = [*pairs, *pairs[:2]]  # two partitions can find the same pair
    random.shuffle(again)
    assert deduplicated(rows, again) == before


@QUICK
@given(deduplication())
def test_row_is_dropped_only_for_a_kept_row_that_it_resembles_itself(
    given_rows: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    rows, pairs = given_rows
    decisions = deduplicated(rows, pairs)
    drops = {one["id"]: one for one in decisions if one["decision"] == "drop"}
    kept = {row["id"] for row in rows} - drops.keys()
    by_id = {row["id"]: row for row in rows}
    alike = {frozenset((p["left"], p["right"])) for p in pairs if not p["difference"]}
    for one, drop in drops.items():
        row, other = by_id[one], drop["other_id"]
        twins = {i for i, r in by_id.items() if r["exact_key"] == row["exact_key"]}
        if drop["reason"] == "conflicting_key":
            assert len({by_id[twin]["answer_key"] for twin in twins}) > 1
            assert other in twins - {one}
        elif drop["reason"] == "exact_duplicate":
            assert other in twins & kept
        else:
            assert drop["reason"] == "near_duplicate"
            assert other in kept
            assert any(frozenset((twin, other)) in alike for twin in twins)
    for one in kept:
        assert not any(
            by_id[other]["exact_key"] == by_id[one]["exact_key"] or frozenset((one, other)) in alike
            for other in kept - {one}
        )


@QUICK
@given(deduplication())
def test_flags_name_two_kept_rows_and_every_row_gets_a_group(
    given_rows: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    rows, pairs = given_rows
    decisions = deduplicated(rows, pairs)
    dropped = {one["id"] for one in decisions if one["decision"] == "drop"}
    groups = {one["id"]: one["group_id"] for one in decisions if one["group_id"] is not None}
    assert groups.keys() == {row["id"] for row in rows}
    for one in decisions:
        if one["decision"] == "flag":
            assert {one["id"], one["other_id"]}.isdisjoint(dropped)
            assert groups[one["id"]] == groups[one["other_id"]]


PROTECTION = pl.Schema(
    dict.fromkeys(
        ("id", "root_id", "role", "source", "language", "group", "question_key"), pl.String()
    )
)


@st.composite
def protection(draw: st.DrawFn) -> list[dict[str, Any]]:
    row = st.fixed_dictionaries(
        {
            "root_id": st.sampled_from("uvwxyz"),
            "role": st.sampled_from(["train", "train", "train", "benchmark", "validation"]),
            "source": st.sampled_from(["ward", "exam"]),
            "language": st.sampled_from(["fr", "ja"]),
            "question_key": st.sampled_from([f"q{n}" for n in range(8)]),
        }
    )
    rows = draw(st.lists(row, max_size=14))
    names = {root: draw(st.sampled_from("ABCD")) for root in "uvwxyz"}
    return [
        {
            **one,
            "id": f"{n:02}",
            "group": names[one["root_id"]] if one["role"] == "train" else one["root_id"],
        }
        for n, one in enumerate(rows)
    ]


@QUICK
@given(protection(), st.randoms())
def test_whole_group_of_a_row_that_touches_a_protected_one_leaves_and_nothing_else(
    rows: list[dict[str, Any]], random: Any
) -> None:
    def decisions() -> list[dict[str, Any]]:
        found = decide("decontaminate", rows, PROTECTION, pl.DataFrame()).to_dicts()
        return sorted(found, key=str)

    train = [row for row in rows if row["role"] == "train"]
    guarded = [row for row in rows if row["role"] != "train"]
    caught = {
        row["group"]
        for row in train
        for other in guarded
        if row["root_id"] == other["root_id"] or row["question_key"] == other["question_key"]
    }
    found = decisions()
    assert {one["id"] for one in found} == {row["id"] for row in train if row["group"] in caught}
    assert len(found) == len({one["id"] for one in found})
    by_id = {row["id"]: row for row in rows}
    for one in found:
        other = by_id[one["other_id"]]
        assert one["reason"] in (f"{other['role']}_root", f"{other['role']}_question")
    random.shuffle(rows)
    assert decisions() == found
