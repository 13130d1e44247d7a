"""Which items of a pool an epoch takes: languages weighted, items of an earlier stage replayed.

Random choices are keyed by seed and epoch, so that a run that goes on makes the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.finetune.packing import Ints, Places
from pipeline.finetune.pool import Pool

_REPLAY, _WEIGHTING = 1, 2  # what a random stream is for; part of its key, and 0 is the plan's


@dataclass(frozen=True, slots=True)
class Items:
    """The N items of a stage, of one pool or of two; a `Documents` for collation."""

    tokens: NDArray[Any]
    offsets: Places  # [N + 1]
    span_offsets: Places  # [N + 1]
    spans: Ints  # [M, 2]
    language: NDArray[np.int16]  # [N], indices into `languages`
    languages: tuple[str, ...]
    ids: NDArray[np.uint8]  # [N, 16]

    @property
    def lengths(self) -> Ints:
        """Tokens of each item, [N]."""
        return np.diff(self.offsets).astype(np.int32)

    @property
    def supervised(self) -> Ints:
        """Supervised tokens of each item, [N]."""
        before = np.concatenate([[0], np.cumsum(self.spans[:, 1] - self.spans[:, 0])])
        return np.diff(before[self.span_offsets]).astype(np.int32)


def items_of(pool: Pool) -> Items:
    """Return all items of a pool; its tokens stay where they are."""
    return Items(
        tokens=pool.tokens,
        offsets=pool.offsets,
        span_offsets=pool.span_offsets,
        spans=pool.spans,
        language=pool.language.astype(np.int16),
        languages=tuple(pool.facts["languages"]),
        ids=pool.ids,
    )


def with_replay(pool: Pool, earlier: Pool, share: float, seed: int) -> Items:
    """Return the items of a pool, and so many of an earlier one that they are `share` of all.

    An earlier pool that has fewer gives each of its items, and some of them again.
    """
    own = items_of(pool)
    wanted = round(len(own.lengths) * share / (1 - share))
    keys = _random(seed, 0, _REPLAY, len(earlier.offsets) - 1)
    chosen = np.sort(np.resize(np.argsort(keys, kind="stable"), wanted)).astype(np.int32)
    return _joined(own, _taken(items_of(earlier), chosen))


def weighted(items: Items, temperature: float, seed: int, epoch: int) -> Ints | None:
    """Return the items of an epoch where a language's share is that of tokens^(1/temperature).

    Items of a language that shall grow are repeated, of one that shall shrink left out; the tokens
    of all languages together stay about the same. None: each item once.
    """
    if temperature == 1:
        return None
    lengths = items.lengths
    tokens = np.bincount(items.language, lengths, len(items.languages))
    shares = np.where(tokens > 0, np.maximum(tokens, 1) ** (1 / temperature), 0)
    factors = shares / shares.sum() * tokens.sum() / np.maximum(tokens, 1)
    times = factors[items.language]
    # The rest of a factor is a chance: 2.3 is twice for all and a third time for 30 % of them.
    chance = _random(seed, epoch, _WEIGHTING, len(lengths)).astype(np.float64) / 2**64
    repeats = np.floor(times).astype(np.int64) + (chance < times % 1)
    return np.repeat(np.arange(len(lengths), dtype=np.int32), repeats)


def tokens_per_language(items: Items, taken: Ints) -> dict[str, dict[str, int]]:
    """Return items, tokens and supervised tokens per language of those taken, repeats counted."""
    language = items.language[taken]
    counts = {}
    for at, name in enumerate(items.languages):
        of = taken[language == at]
        if len(of):
            counts[name] = {
                "items": len(of),
                "tokens": int(items.lengths[of].sum(dtype=np.int64)),
                "supervised": int(items.supervised[of].sum(dtype=np.int64)),
            }
    return counts


def _random(seed: int, epoch: int, use: int, number: int) -> NDArray[np.uint64]:
    bits = np.random.Philox(key=np.array([seed, use << 32 | epoch], np.uint64))
    return np.asarray(bits.random_raw(number), np.uint64)


def _taken(items: Items, chosen: Ints) -> Items:
    """Return a copy of some items."""
    lengths = np.diff(items.offsets)[chosen]
    num_spans = np.diff(items.span_offsets)[chosen]
    places = _places(items.offsets[chosen], lengths)
    return Items(
        tokens=np.asarray(items.tokens)[places],
        offsets=_starts(lengths),
        span_offsets=_starts(num_spans),
        spans=items.spans[_places(items.span_offsets[chosen], num_spans)],
        language=items.language[chosen],
        languages=items.languages,
        ids=items.ids[chosen],
    )


def _joined(first: Items, second: Items) -> Items:
    languages = tuple(dict.fromkeys((*first.languages, *second.languages)))
    renamed = np.array([languages.index(name) for name in second.languages], np.int16)
    return Items(
        tokens=np.concatenate([first.tokens, second.tokens]),
        offsets=np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]]),
        span_offsets=np.concatenate(
            [first.span_offsets, first.span_offsets[-1] + second.span_offsets[1:]]
        ),
        spans=np.concatenate([first.spans, second.spans]),
        language=np.concatenate([first.language, renamed[second.language]]),
        languages=languages,
        ids=np.concatenate([first.ids, second.ids]),
    )


def _places(begins: Places, sizes: Places) -> Places:
    """Return begin, begin + 1, … of each of some ranges, end to end."""
    starts = _starts(sizes)
    return np.arange(starts[-1]) + np.repeat(begins - starts[:-1], sizes)


def _starts(sizes: Places) -> Places:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
