"""Groups: records that no split may separate, joined by equal roots and by resemblance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import polars as pl


def groups_of(
    features: pl.DataFrame, edges: Iterable[tuple[str, str, float]], max_rows: int
) -> tuple[dict[str, str], list[str]]:
    """Return each id's group, and the ids of groups that had to be cut at their weakest edges.

    `features` has `id` and `root_id`. A group is a component over equal roots and edges (two ids
    and a similarity), named by its smallest root. Where a component has more than `max_rows` rows,
    its edges are taken from the strongest on, and one that would make a group too large is left
    out; equal roots are never parted.
    """
    root = dict(features.select("id", "root_id").iter_rows())
    rows = Counter(root.values())
    joined = [(root[left], root[right], weight) for left, right, weight in edges]
    whole = _components(rows, joined, None)
    size = Counter(dict.fromkeys(whole.values(), 0))
    for one, count in rows.items():
        size[whole[one]] += count
    cut_roots = {one for one, component in whole.items() if size[component] > max_rows}
    inside = [edge for edge in joined if edge[0] in cut_roots]
    parts = whole | _components({r: rows[r] for r in cut_roots}, inside, max_rows)
    oversized = sorted(one for one, its_root in root.items() if its_root in cut_roots)
    return {one: parts[its_root] for one, its_root in root.items()}, oversized


def _components(
    rows: dict[str, int] | Counter[str],
    edges: list[tuple[str, str, float]],
    max_rows: int | None,
) -> dict[str, str]:
    """Return the smallest root of each root's component, by union-find without recursion."""
    parent = {one: one for one in rows}
    size = dict(rows)

    def find(one: str) -> str:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for left, right, _ in sorted(edges, key=lambda edge: (-edge[2], edge[0], edge[1])):
        first, second = sorted((find(left), find(right)))
        if first == second or (max_rows is not None and size[first] + size[second] > max_rows):
            continue
        parent[second] = first
        size[first] += size[second]
    smallest: dict[str, str] = {}
    members: dict[str, list[str]] = defaultdict(list)
    for one in parent:
        members[find(one)].append(one)
    for found in members.values():
        smallest |= dict.fromkeys(found, min(found))
    return smallest
