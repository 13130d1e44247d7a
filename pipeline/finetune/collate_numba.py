"""Collate on the CPU at some hundred million tokens a second; without numba, slowly and alike.

Fields of `Source` and `Batch` are compiled in by their place: whoever reorders them touches this
file too, since numba's cache only looks at this one.
"""

from __future__ import annotations

from pipeline.finetune.collate import IGNORED, AnyArray, Batch, Source
from pipeline.finetune.jit import njit
from pipeline.finetune.packing import Ints


def collate(source: Source[AnyArray], pack: int, out: Batch[Ints]) -> None:
    """Write a pack into `out`, as `pipeline.finetune.collate.collate` does."""
    _collate(source, pack, out, IGNORED)


@njit
def _copy(values: AnyArray, out: Ints) -> None:
    for place in range(len(out)):
        out[place] = values[place]


@njit
def _count(first: int, out: Ints) -> None:
    for place in range(len(out)):
        out[place] = first + place


@njit
def _collate(source: Source[AnyArray], pack: int, out: Batch[Ints], ignored: int) -> None:
    # A loop of its own for each array, over slices: only so are many places written at once.
    _copy(source.cu_seqlens[pack], out.cu_seqlens)
    num_targets = source.target_starts[pack, -1]
    out.targets[num_targets:] = len(out.input_ids) - 1
    out.target_labels[num_targets:] = ignored
    for slot in range(source.docs.shape[1]):
        document = source.docs[pack, slot]
        begin, end = source.cu_seqlens[pack, slot], source.cu_seqlens[pack, slot + 1]
        _count(0, out.position_ids[begin:end])
        labels = out.labels[begin:end]
        labels[:] = ignored
        if document < 0:
            out.input_ids[begin:end] = source.pad_token
            continue
        tokens = source.tokens[source.offsets[document] : source.offsets[document + 1]]
        _copy(tokens, out.input_ids[begin:end])
        start = source.target_starts[pack, slot]
        for span in range(source.span_offsets[document], source.span_offsets[document + 1]):
            first, last = source.spans[span, 0], source.spans[span, 1]
            found = start + source.span_starts[span]
            until = found + last - first
            _copy(tokens[first:last], labels[first - 1 : last - 1])
            _copy(tokens[first:last], out.target_labels[found:until])
            _count(begin + first - 1, out.targets[found:until])
