"""Packs hold every document once, no more than fits, and little padding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.finetune.packing import FULL, OPEN_PACKS, Packs, fit_decreasing, fit_in_order

CAPACITY = 200
Packer = Callable[[NDArray[np.int32], int], Packs]

few = st.lists(st.integers(1, CAPACITY), min_size=1).map(lambda few: np.array(few, np.int32))
# Long ones, so that packs stay open until there are too many.
many = st.integers(0, 99).map(
    lambda seed: np.random.default_rng(seed).integers(seed + 1, CAPACITY, 600, np.int32, True)
)
some_lengths = st.one_of(few, many)


@pytest.mark.parametrize("packer", [fit_in_order, fit_decreasing])
@given(lengths=some_lengths)
@settings(deadline=None)
def test_each_document_lies_in_one_pack_and_none_overflows(
    packer: Packer, lengths: NDArray[np.int32]
) -> None:
    packs = packer(lengths, CAPACITY)
    assert sorted(packs.documents.tolist()) == list(range(len(lengths)))
    assert packs.offsets[0] == 0
    assert packs.offsets[-1] == len(lengths)
    assert (np.diff(packs.offsets) > 0).all()
    assert max(_loads(packs, lengths)) <= CAPACITY


@given(lengths=some_lengths)
@settings(deadline=None)
def test_groups_of_documents_fit_as_one_document_after_another_does(
    lengths: NDArray[np.int32],
) -> None:
    rooms: list[int] = []
    for length in sorted(lengths.tolist(), reverse=True):
        fitting = [pack for pack, room in enumerate(rooms) if room >= length]
        if not fitting:
            rooms.append(CAPACITY)
        tightest = min(fitting, key=rooms.__getitem__, default=len(rooms) - 1)
        rooms[tightest] -= length
    found = _loads(fit_decreasing(lengths, CAPACITY), lengths)
    assert sorted(found) == sorted(CAPACITY - room for room in rooms)


@given(lengths=some_lengths)
@settings(deadline=None)
def test_a_document_goes_where_it_fills_the_pack_else_where_most_room_is(
    lengths: NDArray[np.int32],
) -> None:
    rooms: list[tuple[int, int]] = []  # of open packs, with their numbers
    contents: list[list[int]] = []
    for document, length in enumerate(lengths.tolist()):
        fitting = sorted(pack for pack in rooms if pack[0] >= length)
        if not fitting:
            if len(rooms) == OPEN_PACKS:
                rooms.remove(min(rooms))
            rooms.append((CAPACITY, len(contents)))
            contents.append([])
            fitting = rooms[-1:]
        room, number = fitting[0] if fitting[0][0] - length <= FULL else fitting[-1]
        rooms.remove((room, number))
        if room - length >= lengths.min():
            rooms.append((room - length, number))
        contents[number].append(document)
    packs = fit_in_order(lengths, CAPACITY)
    found = np.split(packs.documents, packs.offsets[1:-1])
    assert [documents.tolist() for documents in found] == contents


@pytest.mark.parametrize("of", ["choice_and_open", "open", "two_kinds"])
def test_little_is_padding_at_8192_tokens_and_hardly_more_than_exact_packing_leaves(
    of: str,
) -> None:
    lengths = _drawn(of, 100_000)
    in_order, exact = (
        lengths.sum() / (8192 * (len(packer(lengths, 8192).offsets) - 1))
        for packer in (fit_in_order, fit_decreasing)
    )
    assert in_order >= 0.998
    assert exact - in_order <= 0.001


def test_packs_made_in_order_are_more_alike_than_exact_ones() -> None:
    lengths = _drawn("choice_and_open", 50_000)
    spread = [
        np.diff(packer(lengths, 8192).offsets).std() for packer in (fit_in_order, fit_decreasing)
    ]
    assert spread[0] < 0.4 * spread[1]


def _loads(packs: Packs, lengths: NDArray[np.int32]) -> list[int]:
    loads: list[int] = np.add.reduceat(lengths[packs.documents], packs.offsets[:-1]).tolist()
    return loads


def _drawn(of: str, number: int) -> NDArray[np.int32]:
    drawn = np.random.default_rng(0)
    kinds = {
        "choice_and_open": [(150, 0.45, 60, 400), (450, 0.6, 60, 8192)],
        "open": [(450, 0.6, 60, 8192)],
        "two_kinds": [(200, 0.5, 16, 4096), (446, 0.7, 16, 4096)],
    }
    lengths = [
        np.clip(drawn.lognormal(np.log(median), sigma, number), low, high)
        for median, sigma, low, high in kinds[of]
    ]
    choice = drawn.integers(0, len(lengths), number)
    return np.choose(choice, lengths).astype(np.int32)
