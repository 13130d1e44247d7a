"""Invariants of the stages that see all rows at once, on rows made up at random."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations, pairwise
from random import Random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contamination.texts import item_digests, row_digests
from pipeline.dedup.compare import difference
from pipeline.frames import ITEM_COLUMNS
from pipeline.keys import exact_key, record_shingles
from pipeline.stages.groups import groups_of
from pipeline.text.shingles import jaccard
from tests.pipeline.stages.cases import CASES
from tests.pipeline.stages.rows import Decided, Row, make, qa

QUICK = settings(max_examples=100, deadline=None)

Root = tuple[str, str]  # id and root
Edge = tuple[str, str, float]


@st.composite
def rows_and_edges(draw: st.DrawFn) -> tuple[list[Root], list[Edge]]:
    roots = draw(st.lists(st.sampled_from("uvwxyz"), min_size=1, max_size=12))
    ids = [f"{number:02}" for number in range(len(roots))]
    pairs = list(combinations(ids, 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14)) if pairs else []
    edges = [(left, right, draw(st.sampled_from([0.8, 0.9, 1.0]))) for left, right in chosen]
    return list(zip(ids, roots, strict=True)), edges


def grouped(rows: list[Root], edges: list[Edge], max_rows: int) -> tuple[dict[str, str], list[str]]:
    frame = pl.DataFrame(rows, schema={"id": pl.String, "root_id": pl.String}, orient="row")
    return groups_of(frame, edges, max_rows)


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
@given(rows_and_edges(), st.integers(2, 6), st.randoms(use_true_random=False))
def test_groups_are_components_cut_only_where_too_large_and_never_between_equal_roots(
    drawn: tuple[list[Root], list[Edge]], max_rows: int, random: Random
) -> None:
    rows, edges = drawn
    groups, oversized = grouped(rows, edges, max_rows)

    roots = dict(rows)
    equal = [(a, b) for a, b in combinations(roots, 2) if roots[a] == roots[b]]
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
    assert grouped(rows, edges, max_rows) == (groups, oversized)


@QUICK
@given(st.integers(3, 12), st.data())
def test_component_that_is_too_large_is_cut_at_its_weakest_edge(
    num_rows: int, data: st.DataObject
) -> None:
    ids = [f"{number:02}" for number in range(num_rows)]
    chain = list(pairwise(ids))
    weak = data.draw(st.sampled_from(chain))
    edges = [(*pair, 0.8 if pair == weak else 0.9) for pair in chain]
    groups, oversized = grouped([(one, one) for one in ids], edges, num_rows - 1)
    assert partition(groups) == components(ids, [pair for pair in chain if pair != weak])
    assert oversized == ids


ORIGINS = st.sampled_from(["native", "native", "translated"])


@st.composite
def records(draw: st.DrawFn, roles: tuple[str, ...] = ("train",)) -> list[Row]:
    """Return open records that repeat, resemble and contradict each other."""
    rows = []
    for number in range(draw(st.integers(1, 9))):
        language = draw(st.sampled_from(["en", "fr"]))
        case = CASES[language]
        texts = [case.question, case.reworded, case.other_number, case.negated, case.other_drug]
        root = draw(st.sampled_from("uvwxyz"))
        role = draw(st.sampled_from(roles))
        rows.append(
            qa(
                draw(st.sampled_from(texts)),
                draw(st.sampled_from([case.answer, case.answer, case.answer.upper()])),
                language,
                id=f"{number:02}",
                root_id=root,
                group_id=max(root, "w") if role == "train" else None,
                role=role,
                origin=draw(ORIGINS),
                rationale=draw(st.sampled_from(["", "Voir la notice."])),
            )
        )
    return rows


def decided(stage: str, rows: list[Row], num_shards: int = 1) -> Decided:
    return Decided(make(stage), *(rows[at::num_shards] for at in range(num_shards)))


SLOWER = settings(max_examples=40, deadline=None)


@SLOWER
@given(records(), st.randoms(use_true_random=False))
def test_deduplication_does_not_depend_on_the_order_or_the_sharding_of_rows(
    rows: list[Row], random: Random
) -> None:
    before = decided("deduplicate", rows)
    random.shuffle(rows)
    after = decided("deduplicate", rows, num_shards=min(2, len(rows)))
    assert sorted(after.rows, key=str) == sorted(before.rows, key=str)


@SLOWER
@given(records())
def test_row_is_dropped_only_for_a_kept_row_that_it_resembles_itself(rows: list[Row]) -> None:
    found = decided("deduplicate", rows)
    by_id = {row["id"]: row for row in rows}
    kept = by_id.keys() - found.drops().keys()
    for one, reason in found.drops().items():
        other = found.partners()[one]
        assert other in kept, "a star has a kept row at its centre"
        mine, its = by_id[one], by_id[other]
        if reason == "exact_duplicate":
            assert exact_key(mine) == exact_key(its)
        else:
            assert reason == "near_duplicate"
            assert jaccard(record_shingles(mine), record_shingles(its)) >= 0.8
            assert not difference(mine, its)
    for one, other in combinations(sorted(kept), 2):
        assert exact_key(by_id[one]) != exact_key(by_id[other])


@SLOWER
@given(records())
def test_rows_that_repeat_resemble_or_descend_from_each_other_share_a_group(
    rows: list[Row],
) -> None:
    found = decided("deduplicate", rows)
    groups = found.groups()
    assert groups.keys() == {row["id"] for row in rows}
    for one, other in found.partners().items():
        assert groups[one] == groups[str(other)]
    for left, right in combinations(rows, 2):
        if left["root_id"] == right["root_id"]:
            assert groups[left["id"]] == groups[right["id"]]
    for flag in (one for one in found.rows if one["decision"] == "flag"):
        assert {flag["id"], flag["other_id"]}.isdisjoint(found.drops())
        assert groups[flag["id"]] == groups[flag["other_id"]]


def asks_the_same(row: Row, item: Row) -> bool:
    """Tell whether a row asks a protected item's question, as a finished release is checked."""
    asked, protected = (
        pl.DataFrame([one], schema=ITEM_COLUMNS, strict=False) for one in (row, item)
    )
    return not set(*row_digests(asked)).isdisjoint(*item_digests(protected))


@SLOWER
@given(
    records(("train", "train", "train", "benchmark", "validation")),
    st.randoms(use_true_random=False),
)
def test_whole_groups_leave_and_what_stays_touches_no_protected_item(
    rows: list[Row], random: Random
) -> None:
    found = decided("decontaminate", rows)
    drops = found.drops()
    train = [row for row in rows if row["role"] == "train"]
    protected = [row for row in rows if row["role"] != "train"]
    assert drops.keys() <= {row["id"] for row in train}
    for left, right in combinations(train, 2):
        if left["group_id"] == right["group_id"]:
            assert (left["id"] in drops) == (right["id"] in drops)
    for row in train:
        # A translation of an item has its root; a copy has its question.
        touches = any(
            row["root_id"] == item["root_id"] or asks_the_same(row, item) for item in protected
        )
        assert not touches or row["id"] in drops
    assert bool(protected) or not drops

    random.shuffle(rows)
    again = decided("decontaminate", rows, num_shards=min(2, len(rows)))
    assert sorted(again.rows, key=str) == sorted(found.rows, key=str)
