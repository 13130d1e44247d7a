"""Invariants of `split` and `mix`, which count: on rows made up at random."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import ceil
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.stages.rows import Decided, Row, flag, make, mcq, qa

QUICK = settings(max_examples=80, deadline=None)

Cell = tuple[str, str]  # language and task

CELLS: list[Cell] = [("fr", "qa"), ("fr", "mcq"), ("ja", "qa"), ("ja", "mcq")]
SHARE, MIN_ROWS, MAX_SHARE = 0.05, 2, 0.2


def record(number: int, language: str, task: str, **values: Any) -> Row:
    """Return a record; ids are spread like hashes, so that order by id is no other order."""
    name = f"{number * 7919 % 100_003:06}"
    if task == "qa":
        return qa("Comment va le malade ?", "Il va bien.", language, id=name, **values)
    return mcq("Lequel va bien ?", ("Le premier.", "Le second."), (0,), language, id=name, **values)


def cell_of(row: Row) -> Cell:
    return row["language"], row["task"]


@st.composite
def groups_of_rows(draw: st.DrawFn, max_groups: int = 40) -> list[Row]:
    """Return train rows of groups that reach over languages and subsets, some oversized."""
    shapes = st.lists(st.sampled_from(CELLS), min_size=1, max_size=3)
    rows: list[Row] = []
    for number in range(draw(st.integers(1, max_groups))):
        cells = draw(shapes | st.just(CELLS[:1]) | st.just(CELLS[1:2]))
        stays = draw(st.integers(0, 9)) == 0
        values: dict[str, Any] = {
            "group_id": f"{number * 31 % 97:02}",
            "flags": [flag("oversized_group")] if stays else [],
        }
        rows += [record(len(rows) + at, *cell, **values) for at, cell in enumerate(cells)]
    return rows


def split(rows: list[Row]) -> dict[str, str]:
    """Return the split of each row's group; a twin of a test question counts with its group."""
    made = make("split", share=SHARE, min_rows=MIN_ROWS, max_share=MAX_SHARE)
    found = Decided(made, rows)
    assert set(found.drops().values()) <= {"test_sibling"}
    splits = found.splits() | dict.fromkeys(found.drops(), "test")
    assert splits.keys() == {row["id"] for row in rows}
    return splits


@QUICK
@given(groups_of_rows(), st.randoms(use_true_random=False))
def test_group_goes_to_one_split_whatever_the_order_of_rows(
    rows: list[Row], random: Random
) -> None:
    splits = split(rows)
    by_group: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        by_group[row["group_id"]].add(splits[row["id"]])
        assert not row["flags"] or splits[row["id"]] == "train"
    assert all(len(found) == 1 for found in by_group.values())
    random.shuffle(rows)
    assert split(rows) == splits


@QUICK
@given(groups_of_rows())
def test_no_language_and_subset_is_left_without_a_train_row(rows: list[Row]) -> None:
    splits = split(rows)
    left = {cell_of(row) for row in rows if splits[row["id"]] == "train"}
    assert left == {cell_of(row) for row in rows}


@QUICK
@given(groups_of_rows())
def test_held_out_rows_pass_their_ceiling_only_by_the_one_group_that_a_cell_is_promised(
    rows: list[Row],
) -> None:
    splits = split(rows)
    totals = Counter(map(cell_of, rows))
    for name, tasks in (("test", {"mcq"}), ("validation", {"qa", "mcq"})):
        held: dict[Cell, Counter[str]] = defaultdict(Counter)
        for row in rows:
            if splits[row["id"]] == name and row["task"] in tasks:
                held[cell_of(row)][row["group_id"]] += 1
        # Each cell that got nothing takes one group, which may bring rows to every other cell.
        promised = sum(cell[1] in tasks for cell in totals)
        for cell, groups in held.items():
            within = sorted(groups.values())[: max(0, len(groups) - promised)]
            assert sum(within) <= max(1, int(MAX_SHARE * totals[cell]))


@QUICK
@given(st.integers(3, 90), st.sampled_from(["qa", "mcq"]))
def test_groups_of_one_row_fill_each_split_to_its_target(num_rows: int, task: str) -> None:
    rows = [record(n, "fr", task, group_id=f"{n * 31 % 97:02}") for n in range(num_rows)]
    held = Counter(split(rows).values())
    target = max(1, min(max(ceil(SHARE * num_rows), MIN_ROWS), int(MAX_SHARE * num_rows)))
    assert held["validation"] == target
    assert held["test"] == (target if task == "mcq" else 0)


@st.composite
def rows_to_mix(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(draw(st.integers(1, 40))):
        source = draw(st.sampled_from(["ward", "ward.night", "clinic"]))
        values: dict[str, Any] = {
            "source": source,
            "root_id": draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz")),
            "parent_id": draw(st.sampled_from([None, None, "p"])),
        }
        rows.append(record(number, *draw(st.sampled_from(CELLS)), **values))
    return rows


def mixed(rows: list[Row], **values: Any) -> list[Row]:
    """Return the rows that a mix leaves."""
    drops = Decided(make("mix", **values), rows).drops()
    assert set(drops.values()) <= {"over_quota"}
    return [row for row in rows if row["id"] not in drops]


@QUICK
@given(rows_to_mix(), st.integers(1, 3), st.integers(0, 3))
def test_roots_keep_to_their_quota_and_lose_no_row_without_need(
    rows: list[Row], per_root: int, added: int
) -> None:
    left = mixed(rows, rows_per_root_and_language=per_root, added_per_root=added)
    for root in {row["root_id"] for row in rows}:
        mine = [row for row in left if row["root_id"] == root]
        languages = Counter(row["language"] for row in mine)
        assert max(languages.values(), default=0) <= per_root
        num_added = sum(row["parent_id"] is not None for row in mine)
        assert num_added <= added
        gone = [row for row in rows if row["root_id"] == root and row not in left]
        for row in gone:
            is_full = num_added == added and row["parent_id"] is not None
            assert (
                is_full
                or sum(
                    other["id"] < row["id"] and other["language"] == row["language"]
                    for other in rows
                    if other["root_id"] == root
                )
                >= per_root
            )


LOOSE = {"rows_per_root_and_language": 99, "added_per_root": 99}


@QUICK
@given(rows_to_mix(), st.integers(0, 6), st.sampled_from([None, "ward"]), st.booleans())
def test_cap_takes_the_first_rows_by_id_and_all_others(
    rows: list[Row], limit: int, source: str | None, is_per_language: bool
) -> None:
    cap = {"rows": limit, "source": source, "per": ["language"] if is_per_language else []}
    left = mixed(rows, **LOOSE, caps=[cap])
    capped = [row for row in rows if source is None or row["source"].startswith(source)]
    expected = [row for row in rows if row not in capped]
    for language in ("fr", "ja"):
        mine = [row for row in capped if row["language"] == language or not is_per_language]
        expected += sorted(mine, key=lambda row: row["id"])[:limit]
    ids = {row["id"] for row in expected}
    assert {row["id"] for row in left} == ids


@QUICK
@given(rows_to_mix(), st.lists(st.integers(0, 9), min_size=2, max_size=3))
def test_several_caps_all_hold_in_the_end(rows: list[Row], limits: list[int]) -> None:
    kinds: list[dict[str, Any]] = [
        {"source": "ward"},
        {"subset": "mmed_ift"},
        {"language": "ja"},
    ]
    caps = [{**kind, "rows": rows} for kind, rows in zip(kinds, limits, strict=False)]
    left = mixed(rows, **LOOSE, caps=caps)
    fitting = [
        [row for row in left if row["source"].startswith("ward")],
        [row for row in left if row["task"] == "qa"],
        [row for row in left if row["language"] == "ja"],
    ]
    assert all(len(mine) <= limit for mine, limit in zip(fitting, limits, strict=False))


@QUICK
@given(rows_to_mix(), st.sampled_from([0.1, 0.25, 0.4, 0.6]))
def test_source_keeps_to_its_share_and_loses_no_row_more(rows: list[Row], share: float) -> None:
    left = mixed(rows, **LOOSE, caps=[{"source": "clinic", "share": share}])
    for language in ("fr", "ja"):
        mine = [row for row in left if row["language"] == language]
        capped = sum(row["source"] == "clinic" for row in mine)
        before = sum(row["source"] == "clinic" and row["language"] == language for row in rows)
        if len(mine) > capped:  # a source alone in its language is left alone
            assert capped <= share * len(mine) + 1e-9
            assert capped == before or capped + 1 > share * (len(mine) + 1) - 1e-9


@QUICK
@given(rows_to_mix(), st.randoms(use_true_random=False))
def test_mix_does_not_depend_on_the_order_of_rows(rows: list[Row], random: Random) -> None:
    caps = [{"source": "ward", "rows": 7}, {"per": ["form"], "share": 0.5}]
    before = {row["id"] for row in mixed(rows, caps=caps)}
    random.shuffle(rows)
    assert {row["id"] for row in mixed(rows, caps=caps)} == before
