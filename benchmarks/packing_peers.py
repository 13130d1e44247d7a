"""How others pack and collate: transformers and TRL as they are, others as their sources say.

A collator of theirs takes what their datasets hold: lists of numbers in main memory, which is the
fastest that they read from. Each measured one is given a pack's number.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.finetune.collate import IGNORED, Source
from pipeline.finetune.packing import OPEN_PACKS
from pipeline.finetune.plan import EMPTY

Ints: TypeAlias = NDArray[Any]
Features: TypeAlias = list[dict[str, list[int]]]
Collated: TypeAlias = Mapping[str, Any]
Packer: TypeAlias = Callable[[Ints, int], int]

WINDOW = 100_000  # documents that axolotl packs at once


def trl(lengths: Ints, capacity: int) -> int:
    """Return how many packs TRL's own function makes, as its trainer calls it."""
    from datasets import Dataset, disable_progress_bars
    from trl.data_utils import pack_dataset

    disable_progress_bars()
    tokens = np.zeros(int(lengths.max()), np.int32)
    rows = Dataset.from_dict({"input_ids": [tokens[:length] for length in lengths]})
    return len(pack_dataset(rows, capacity, "bfd", {"keep_in_memory": True}))


def first_fit(lengths: Ints, capacity: int) -> int:
    """Return how many packs first fit makes in the order of the documents, as axolotl does."""
    total = 0
    for begin in range(0, len(lengths), WINDOW):
        rooms = np.zeros(WINDOW, np.int64)
        num_packs = 0
        for length in lengths[begin : begin + WINDOW].tolist():
            pack = int(np.argmax(rooms[:num_packs] >= length)) if num_packs else 0
            if pack == num_packs or rooms[pack] < length:
                pack, num_packs = num_packs, num_packs + 1
                rooms[pack] = capacity
            rooms[pack] -= length
        total += num_packs
    return total


def next_fit(lengths: Ints, capacity: int) -> int:
    """Return how many packs there are where only the last stays open, as in torchtune."""
    num_packs, room = 0, 0
    for length in lengths.tolist():
        if length > room:
            num_packs, room = num_packs + 1, capacity
        room -= length
    return num_packs


def best_fit(lengths: Ints, capacity: int) -> int:
    """Return how many packs plain best fit makes, in order and with as many open as ours has."""
    num_packs, rooms = 0, list[int]()
    for length in lengths.tolist():
        place = bisect_left(rooms, length)
        if place < len(rooms):
            room = rooms.pop(place)
        else:
            num_packs, room = num_packs + 1, capacity
            if len(rooms) == OPEN_PACKS:
                rooms.pop(0)
        insort(rooms, room - length)
    return num_packs


def packers() -> dict[str, Packer]:
    """Return the packers that are at hand, by name."""
    found: dict[str, Packer] = {
        "plain_best_fit": best_fit,
        "axolotl_way": first_fit,
        "torchtune_way": next_fit,
    }
    return found | ({"trl": trl} if find_spec("trl") else {})


def features(source: Source[Ints], pack: int) -> Features:
    """Return a pack's documents as the rows of a dataset that has no packs."""
    return [_row(source, document) for document in source.docs[pack].tolist() if document != EMPTY]


def _row(source: Source[Ints], document: int) -> dict[str, list[int]]:
    tokens = source.tokens[source.offsets[document] : source.offsets[document + 1]]
    labels = np.full(len(tokens), IGNORED)
    spans = slice(source.span_offsets[document], source.span_offsets[document + 1])
    for begin, end in source.spans[spans].tolist():
        labels[begin:end] = tokens[begin:end]
    return {"input_ids": tokens.tolist(), "labels": labels.tolist()}


def collators(packs: list[Features]) -> dict[str, Callable[[int], Collated]]:
    """Return the collators that are at hand, by name, each reading rows as it needs them."""
    found: dict[str, Callable[[int], Collated]] = {}
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)  # more of them only wait for each other, and waiting counts
        found["axolotl_way"] = lambda pack: _through_lists(packs[pack])
    if find_spec("transformers"):
        from transformers import DataCollatorWithFlattening

        plain = DataCollatorWithFlattening()  # type: ignore[no-untyped-call]
        full = DataCollatorWithFlattening(  # type: ignore[no-untyped-call]
            return_flash_attn_kwargs=True
        )
        found["transformers"] = lambda pack: plain(packs[pack])
        found["transformers_with_bounds"] = lambda pack: full(packs[pack])
    if find_spec("trl"):
        from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

        free = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
        joined = [[_joined(rows)] for rows in packs]
        found["trl"] = lambda pack: free(joined[pack])
    return found


def _joined(rows: Features) -> dict[str, list[int]]:
    """Return a pack as a row of a dataset that TRL has packed."""
    names = ("input_ids", "labels")
    joined = {name: [number for row in rows for number in row[name]] for name in names}
    return joined | {"seq_lengths": [len(row["input_ids"]) for row in rows]}


def _through_lists(rows: Features) -> Collated:
    """Make arrays of lists and join them, and number the documents in the mask."""
    import torch

    numbered = [
        row | {"attention_mask": [number] * len(row["input_ids"])}
        for number, row in enumerate(rows, 1)
    ]
    arrays = {
        name: np.concatenate([np.array(row[name]) for row in numbered]) for name in numbered[0]
    }
    arrays["position_ids"] = np.concatenate([np.arange(len(row["input_ids"])) for row in rows])
    return {name: torch.from_numpy(array[None]) for name, array in arrays.items()}
