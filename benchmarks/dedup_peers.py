"""One deduplicator on one corpus, in a process of its own; `dedup.py` starts it and reads the JSON.

Each peer is the whole path as its users would write it: NFKC and case folding in Python, the same
character n-grams for all, 128 permutations in 16 bands of 8 as ours has, then clusters. datasketch
gets sets of n-grams as bytes, since it hashes them itself; rensa and FastSketchLSH get hashes that
numpy made, which is their fastest way in. No peer verifies its candidates or guards them, and
rensa only flags rows: where there was a choice, the one that favours the peer was made.
Counted are processor seconds of one thread, without imports, compilation and reading the file.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

PERMUTATIONS, BANDS, ROWS = 128, 16, 8
CHUNK = 4_000  # records hashed at once: more would leave the processor's cache
FACTOR = np.uint64(0x9E3779B97F4A7C15)
MIXERS = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
_NOT_WORD = re.compile(r"[\W_]+")


def main() -> None:
    """Run the named deduplicator on a corpus, once on a smaller one before."""
    name, corpus, warm_up = sys.argv[1:]
    deduplicate = DEDUPLICATORS[name]
    deduplicate(pl.read_parquet(warm_up))
    rows = pl.read_parquet(corpus)
    started = time.process_time()
    num_found = deduplicate(rows)
    seconds = time.process_time() - started
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {"seconds": seconds, "num_found": num_found, "peak_bytes": peak_bytes}
    print(json.dumps(found))


def ours(rows: pl.DataFrame) -> int:
    """Deduplicate with verification and guard."""
    from pipeline.dedup import deduplicate

    return deduplicate(rows, threads=1).dropped.height


def datasketch(rows: pl.DataFrame) -> int:
    """Deduplicate with the defaults of datasketch and a union-find."""
    from datasketch import MinHash, MinHashLSH

    shingles = (
        {key[start : start + size].encode() for start in range(max(1, len(key) - size + 1))}
        for key, size in _keys(rows)
    )
    index = MinHashLSH(params=(BANDS, ROWS), num_perm=PERMUTATIONS)
    parents = list(range(rows.height))
    for number, signature in enumerate(MinHash.bulk(shingles, num_perm=PERMUTATIONS)):
        for other in index.query(signature):
            _unite(parents, other, number)
        index.insert(number, signature, check_duplication=False)
    return _num_with_parent(parents)


def _unite(parents: list[int], left: int, right: int) -> None:
    left, right = sorted((_root(parents, left), _root(parents, right)))
    parents[right] = left


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


def _num_with_parent(parents: list[int]) -> int:
    return sum(parent != number for number, parent in enumerate(parents))


def rensa(rows: pl.DataFrame) -> int:
    """Flag repeated rows with rensa; no clusters, which its matrix gives only as Python lists."""
    from rensa import RMinHash, RMinHashLSH

    hashes, offsets = _hashes(rows)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, PERMUTATIONS, 42)
    index = RMinHashLSH(threshold=0.8, num_perm=PERMUTATIONS, num_bands=BANDS)
    return sum(index.query_duplicate_flags_matrix_one_shot(matrix))


def fast_sketch(rows: pl.DataFrame) -> int:
    """Deduplicate with FastSketchLSH, its own index, and connected components."""
    from FastSketchLSH import LSH, FastSimilaritySketch

    hashes, offsets = _hashes(rows)
    sketch = FastSimilaritySketch(PERMUTATIONS, 42)
    signatures = sketch.batch_csr(hashes, offsets, prehashed=True, num_threads=1)
    index = LSH(PERMUTATIONS, BANDS, num_threads=1)
    index.insert(signatures)
    found, ends = index.query(signatures, format="csr")
    numbers = np.repeat(np.arange(rows.height), np.diff(ends.astype(np.int64)))
    is_pair = found.astype(np.int64) < numbers
    parents = list(range(rows.height))
    for left, right in zip(found[is_pair].tolist(), numbers[is_pair].tolist(), strict=True):
        _unite(parents, left, right)
    return _num_with_parent(parents)


def _keys(rows: pl.DataFrame) -> Iterator[tuple[str, int]]:
    """Yield each row's normalised text and its n-gram size, without spaces for zh and ja."""
    columns = (rows[name] for name in ("language", "question", "options", "answer"))
    for language, question, options, answer in zip(*columns, strict=True):
        text = "\n".join(chain((question,), options, (answer,)))
        key = _NOT_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
        yield (key.replace(" ", ""), 3) if language in ("zh", "ja") else (key, 5)


def _hashes(rows: pl.DataFrame) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the hashes of all n-grams of all rows, and where each row's begin."""
    keys = list(_keys(rows))
    chunks = [_chunk_hashes(keys[at : at + CHUNK]) for at in range(0, len(keys), CHUNK)]
    counts = np.concatenate([counts for _, counts in chunks])
    offsets = np.zeros(len(counts) + 1, np.uint64)
    np.cumsum(counts, out=offsets[1:])
    return np.concatenate([hashes for hashes, _ in chunks]), offsets


def _chunk_hashes(keys: list[tuple[str, int]]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    text = "".join(key for key, _ in keys).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(text, np.uint32).astype(np.uint64) + np.uint64(1)
    codes = np.concatenate([codes, np.zeros(8, np.uint64)])
    threes = (codes[:-2] * FACTOR + codes[1:-1]) * FACTOR + codes[2:]
    fives = (threes[:-2] * FACTOR + codes[3:-1]) * FACTOR + codes[4:]
    sizes = np.array([size for _, size in keys], np.int64)
    lengths = np.array([len(key) for key, _ in keys], np.int64)
    counts = np.maximum(lengths - sizes + 1, (lengths > 0).astype(np.int64))
    ends = np.cumsum(counts)
    starts = np.cumsum(lengths) - lengths
    places = np.arange(ends[-1]) + np.repeat(starts - (ends - counts), counts)
    hashes = np.where(np.repeat(sizes == 3, counts), threes[places], fives[places])
    for mixer in MIXERS:
        hashes = (hashes ^ hashes >> np.uint64(33)) * mixer
    return hashes ^ hashes >> np.uint64(33), counts


DEDUPLICATORS: dict[str, Callable[[pl.DataFrame], int]] = {
    "ours": ours,
    "datasketch": datasketch,
    "rensa": rensa,
    "fast_sketch": fast_sketch,
}


if __name__ == "__main__":
    main()
