from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.finetune.mixture import Items, items_of, tokens_per_language, weighted, with_replay
from pipeline.finetune.pool import Pool, open_pool
from tests.pipeline.finetune.runs import LANGUAGES, write_items

SEEDS = st.integers(0, 2**32 - 1)


def drawn_items(counts: list[int], seed: int) -> Items:
    """Return so many items of each language, of 8 to 64 tokens, of which the last is supervised."""
    number = sum(counts)
    lengths = np.random.default_rng(seed).integers(8, 65, number)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Items(
        tokens=np.ones(offsets[-1], np.uint16),
        offsets=offsets,
        span_offsets=np.arange(number + 1),
        spans=np.stack([lengths - 1, lengths], axis=1).astype(np.int32),
        language=np.repeat(np.arange(6), counts).astype(np.int16),
        languages=tuple(LANGUAGES),
        ids=np.zeros((number, 16), np.uint8),
    )


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pool, Pool]:
    folder = tmp_path_factory.mktemp("pools")
    for number, count in enumerate((50, 90)):
        write_items(folder / str(number), count=count, seed=number)
    return open_pool(folder / "0"), open_pool(folder / "1")


@settings(deadline=None, max_examples=40)
@given(
    counts=st.lists(st.integers(0, 400), min_size=6, max_size=6).filter(any),
    temperature=st.floats(1.1, 20),
    seed=SEEDS,
    epoch=st.integers(0, 9),
)
def test_a_language_gets_the_share_of_the_root_of_its_tokens(
    counts: list[int], temperature: float, seed: int, epoch: int
) -> None:
    items = drawn_items(counts, seed)
    taken = weighted(items, temperature, seed, epoch)
    assert taken is not None
    assert ((taken >= 0) & (taken < len(items.lengths))).all()
    whole = tokens_per_language(items, np.arange(len(items.lengths), dtype=np.int32))
    seen = tokens_per_language(items, taken)
    tokens = sum(one["tokens"] for one in whole.values())
    roots = {name: one["tokens"] ** (1 / temperature) for name, one in whole.items()}
    for name, root in roots.items():
        wanted = root / sum(roots.values()) * tokens
        # Each item is there once more or not, by chance, with a variance of a quarter at most.
        spread = 64 * (counts[LANGUAGES.index(name)] / 4) ** 0.5
        assert abs(seen.get(name, {"tokens": 0})["tokens"] - wanted) <= 6 * spread


@given(counts=st.lists(st.integers(1, 50), min_size=6, max_size=6), seed=SEEDS)
def test_weighting_is_the_same_again_and_another_in_each_epoch(
    counts: list[int], seed: int
) -> None:
    items = drawn_items([*counts[:5], 900], seed)
    first, again, later = (weighted(items, 2.0, seed, epoch) for epoch in (0, 0, 1))
    assert np.array_equal(first, again)  # type: ignore[arg-type]
    assert not np.array_equal(first, later)  # type: ignore[arg-type]


def test_without_a_temperature_each_item_is_taken_once() -> None:
    assert weighted(drawn_items([3] * 6, 0), 1.0, 0, 0) is None


@settings(deadline=None, max_examples=40)
@given(share=st.floats(0.01, 0.9), seed=SEEDS)
def test_replayed_items_are_the_stated_share_even_of_a_smaller_pool(
    pools: tuple[Pool, Pool], share: float, seed: int
) -> None:
    for pool, earlier in (pools, pools[::-1]):
        items = with_replay(pool, earlier, share, seed)
        num_items, num_own = len(items.lengths), len(pool.lengths)
        assert abs((num_items - num_own) - share * num_items) <= 0.5
        assert np.array_equal(items.ids[:num_own], pool.ids)
        replayed = [bytes(one) for one in items.ids[num_own:]]
        times = [replayed.count(bytes(one)) for one in earlier.ids]
        assert sum(times) == len(replayed)  # each is of the earlier pool
        assert max(times) - min(times) <= 1


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS)
def test_a_replayed_item_keeps_its_tokens_spans_and_language(
    pools: tuple[Pool, Pool], seed: int
) -> None:
    pool, earlier = pools
    items, before = with_replay(pool, earlier, 0.3, seed), items_of(earlier)
    at = {bytes(one): index for index, one in enumerate(earlier.ids)}
    assert np.array_equal(items.ids, with_replay(pool, earlier, 0.3, seed).ids)
    for new in range(len(pool.lengths), len(items.lengths)):
        old = at[bytes(items.ids[new])]
        assert np.array_equal(_tokens(items, new), _tokens(before, old))
        assert np.array_equal(_spans(items, new), _spans(before, old))
        assert items.languages[items.language[new]] == before.languages[before.language[old]]


def _tokens(items: Items, index: int) -> np.ndarray:
    return np.asarray(items.tokens[items.offsets[index] : items.offsets[index + 1]])


def _spans(items: Items, index: int) -> np.ndarray:
    return items.spans[items.span_offsets[index] : items.span_offsets[index + 1]]
