"""Make a pack ready for the model: token ids, labels, positions, document bounds, targets.

Labels are next-token-aligned: that of a token is the next one, where that lies in the same document
and is supervised, else -100; nothing shifts them again. Shapes are those of the plan, the same for
every pack. This module says what a pack looks like, in numpy; `collate_numba` and `collate_triton`
make the same bits faster.
"""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.finetune.packing import Ints, Places
from pipeline.finetune.plan import EMPTY, Plan

IGNORED = -100  # as a label: no target

Array = TypeVar("Array")  # of numpy, or a tensor
AnyArray: TypeAlias = NDArray[Any]


class Flat(Protocol):
    """An array of numpy or a tensor, for what it is here: something to take slices of."""

    def __getitem__(self, places: slice, /) -> Self:
        """Return a view."""


Buffer = TypeVar("Buffer", bound=Flat)


class Documents(Protocol):
    """What collation needs of a token pool of N items and M spans."""

    @property
    def tokens(self) -> AnyArray:
        """Tokens of all items, end to end."""

    @property
    def offsets(self) -> Places:
        """Where each item begins in `tokens`, [N + 1]."""

    @property
    def span_offsets(self) -> Places:
        """Where the spans of each item begin in `spans`, [N + 1]."""

    @property
    def spans(self) -> Ints:
        """Begin and end of supervised tokens in their item, ascending, never its first, [M, 2]."""


class Source(NamedTuple, Generic[Array]):
    """A pool, and how the P packs of a plan lie in their buffers; the last row is an empty pack."""

    tokens: Array
    offsets: Array  # int64 [N + 1]
    span_offsets: Array  # int64 [N + 1]
    spans: Array  # int32 [M, 2]
    span_starts: Array  # int32 [M], targets of the item in earlier spans
    docs: Array  # int32 [P + 1, max_docs], -1 for padding
    cu_seqlens: Array  # int32 [P + 1, max_docs + 1]
    target_starts: Array  # int32 [P + 1, max_docs + 1], targets of the pack in earlier documents
    pad_token: int


class Batch(NamedTuple, Generic[Array]):
    """One pack, int32 throughout: `torch.nn.Embedding` and rotary positions take int32 as it is."""

    input_ids: Array  # [capacity], the pad token behind the last document
    labels: Array  # [capacity], -100 where no target is
    position_ids: Array  # [capacity], from 0 in each document and each piece of the padding
    targets: Array  # [max_supervised], where labels are, ascending, then capacity - 1
    target_labels: Array  # [max_supervised], those labels, then -100
    cu_seqlens: Array  # [max_docs + 1], bounds of documents and of pieces of the padding


class Shape(NamedTuple):
    """The sizes of a batch."""

    capacity: int
    max_docs: int
    max_supervised: int

    @property
    def num_numbers(self) -> int:
        """Return how many numbers all arrays of a batch hold."""
        return 3 * self.capacity + 2 * self.max_supervised + self.max_docs + 1


def shape_of(plan: Plan) -> Shape:
    """Return the sizes of a plan's batches."""
    return Shape(plan.capacity, plan.max_docs, plan.max_supervised)


def batch_over(buffer: Buffer, shape: Shape) -> Batch[Buffer]:
    """Return a batch whose arrays are views of one flat buffer of `shape.num_numbers` int32.

    One buffer, of numpy or a tensor, is one allocation and one copy to a device.
    """
    arrays, begin = [], 0
    sizes = [shape.capacity] * 3 + [shape.max_supervised] * 2 + [shape.max_docs + 1]
    for size in sizes:
        arrays.append(buffer[begin : begin + size])
        begin += size
    return Batch(*arrays)


def empty_batch(shape: Shape) -> Batch[Ints]:
    """Return a batch to collate into."""
    return batch_over(np.empty(shape.num_numbers, np.int32), shape)


def source_of(pool: Documents, plan: Plan, pad_token: int = 0) -> Source[AnyArray]:
    """Return what the collators read: the pool as it is, and the plan laid out."""
    num_targets = pool.spans[:, 1] - pool.spans[:, 0]
    before = np.concatenate([[0], np.cumsum(num_targets, dtype=np.int64)])
    of_spans = np.repeat(before[pool.span_offsets[:-1]], np.diff(pool.span_offsets))
    docs = np.full((plan.num_packs + 1, plan.max_docs), EMPTY, np.int32)
    docs[:-1, : plan.docs.shape[1]] = plan.docs
    return Source(
        tokens=np.asarray(pool.tokens),  # numba does not know memory maps
        offsets=pool.offsets,
        span_offsets=pool.span_offsets,
        spans=pool.spans,
        span_starts=(before[:-1] - of_spans).astype(np.int32),
        docs=docs,
        cu_seqlens=_bounds(docs, np.diff(pool.offsets), plan),
        target_starts=_starts(docs, np.diff(before[pool.span_offsets])),
        pad_token=pad_token,
    )


def _starts(docs: Ints, sizes: Places) -> Ints:
    """Return the sum of `sizes` of the documents before each, and of all, by pack."""
    starts = np.zeros((len(docs), docs.shape[1] + 1), np.int32)
    np.cumsum(np.append(sizes, 0)[docs], axis=1, out=starts[:, 1:])
    return starts


def _bounds(docs: Ints, lengths: Places, plan: Plan) -> Ints:
    """Return where documents begin and end, the padding in pieces of at most `max_length`.

    A longer piece would be more than the kernel's grid covers: rows of its output stay unwritten.
    """
    bounds = _starts(docs, lengths)
    num_docs = (docs != EMPTY).sum(axis=1, dtype=np.int32)
    pieces = np.arange(docs.shape[1] + 1, dtype=np.int32) - num_docs[:, None]
    bounds += np.maximum(pieces, 0) * np.int32(plan.max_length)
    return np.minimum(bounds, np.int32(plan.capacity))


def collate(source: Source[AnyArray], pack: int, out: Batch[Ints]) -> None:
    """Write a pack into `out`; pack -1 is an empty one."""
    out.cu_seqlens[:] = source.cu_seqlens[pack]
    out.input_ids[:] = source.pad_token
    out.labels[:] = IGNORED
    out.targets[:] = len(out.input_ids) - 1
    out.target_labels[:] = IGNORED
    num_targets = 0
    bounds = out.cu_seqlens.tolist()
    for document, begin, end in zip(source.docs[pack].tolist(), bounds, bounds[1:], strict=False):
        out.position_ids[begin:end] = np.arange(end - begin)
        if document == EMPTY:
            continue
        tokens = source.tokens[source.offsets[document] : source.offsets[document + 1]]
        out.input_ids[begin:end] = tokens
        spans = slice(source.span_offsets[document], source.span_offsets[document + 1])
        for first, last in source.spans[spans].tolist():
            places = slice(begin + first - 1, begin + last - 1)
            found = slice(num_targets, num_targets + last - first)
            out.labels[places] = out.target_labels[found] = tokens[first:last]
            out.targets[found] = np.arange(places.start, places.stop)
            num_targets += last - first
