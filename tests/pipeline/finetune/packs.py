"""Packs of random documents for the tests of models: the batch that a collator would make."""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor

from pipeline.finetune.collate import IGNORED, Batch

# Models this small gain nothing from threads, which wait for each other where tests share cores.
torch.set_num_threads(1)

CAPACITY, MAX_DOCS, MAX_LENGTH, MAX_SUPERVISED = 192, 16, 64, 256


def make_documents(lengths: list[int], vocabulary: int = 512, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(vocabulary, (length,), generator=generator) for length in lengths]


def document_labels(document: Tensor, prompt: int = 3) -> Tensor:
    """Return next-token-aligned labels: all that follows the prompt is supervised."""
    labels = torch.cat([document[1:], torch.tensor([IGNORED])])
    labels[: prompt - 1] = IGNORED
    return labels


def make_pack(
    documents: list[Tensor], capacity: int = CAPACITY, max_docs: int = MAX_DOCS
) -> Batch[Tensor]:
    """Pack documents end to end; the tail is cut into documents of at most MAX_LENGTH."""
    lengths = [len(document) for document in documents]
    while (used := sum(lengths)) < capacity:
        lengths.append(min(MAX_LENGTH, capacity - used))
    assert len(lengths) <= max_docs
    bounds = [0, *accumulate(lengths), *[capacity] * (max_docs - len(lengths))]
    labels = torch.full((capacity,), IGNORED)
    if documents:
        supervised = torch.cat([document_labels(document) for document in documents])
        labels[: len(supervised)] = supervised
    ids = torch.cat([*documents, torch.zeros(capacity - sum(map(len, documents))).long()])
    targets = torch.full((MAX_SUPERVISED,), capacity - 1)
    found = (labels != IGNORED).nonzero()[:, 0]
    targets[: len(found)] = found
    target_labels = torch.full((MAX_SUPERVISED,), IGNORED)
    target_labels[: len(found)] = labels[found]
    positions = torch.cat([torch.arange(length) for length in lengths])
    columns = ids, labels, positions, targets, target_labels, torch.tensor(bounds)
    return Batch(*(column.to(torch.int32) for column in columns))
