"""A token pool: the items of one training stage, tokenised once, in a folder of flat arrays.

`tokens.bin` holds the tokens of all items end to end and is memory-mapped, never loaded; the
other files say where each item begins, which of its tokens are supervised, and what it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pipeline.errors import InputError

VERSION = 1
FACTS = "pool.json"
TOKENS = "tokens.bin"
# Beside tokens.bin: each file's type and its axes, N items and M spans.
ARRAYS: Mapping[str, tuple[str, tuple[str | int, ...]]] = {
    "offsets": ("int64", ("N+1",)),
    "span_offsets": ("int64", ("N+1",)),
    "spans": ("int32", ("M", 2)),
    "language": ("int8", ("N",)),
    "source": ("int16", ("N",)),
    "form": ("int8", ("N",)),
    "ids": ("uint8", ("N", 16)),
}
_NEEDED = frozenset({"num_items", "num_tokens", "num_spans", "num_supervised", "dtype"})
_UINT16_SIZE = 1 << 16
_AGAIN = "Run `mmed tokenize` again."

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Items:
    """Some tokenised items, in the order in which a pool takes them.

    `spans` are the (begin, end) of supervised tokens, counted from the item's first token, which
    is never supervised. `language`, `source` and `form` are indices into the names in the facts.
    """

    tokens: npt.NDArray[np.int32]  # of all items, end to end
    lengths: npt.NDArray[np.int32]  # [n]
    num_spans: npt.NDArray[np.int32]  # [n]
    spans: npt.NDArray[np.int32]  # [m, 2]
    language: npt.NDArray[np.int8]  # [n]
    source: npt.NDArray[np.int16]  # [n]
    form: npt.NDArray[np.int8]  # [n]
    ids: npt.NDArray[np.uint8]  # [n, 16]


@dataclass(frozen=True, slots=True)
class Pool:
    """An open pool of N items and M spans; `tokens` is a map of the file."""

    folder: Path
    tokens: Array  # uint16 or int32 [num_tokens]
    offsets: npt.NDArray[np.int64]  # [N + 1]
    span_offsets: npt.NDArray[np.int64]  # [N + 1]
    spans: npt.NDArray[np.int32]  # [M, 2]
    language: npt.NDArray[np.int8]  # [N]
    source: npt.NDArray[np.int16]  # [N]
    form: npt.NDArray[np.int8]  # [N]
    ids: npt.NDArray[np.uint8]  # [N, 16]
    facts: Mapping[str, Any]

    @property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Return the tokens of each item, [N]."""
        return np.diff(self.offsets).astype(np.int32)

    @property
    def supervised(self) -> npt.NDArray[np.int32]:
        """Return the tokens of each item that the model is asked to predict, [N]."""
        before = np.concatenate([[0], np.cumsum(self.spans[:, 1] - self.spans[:, 0])])
        return np.diff(before[self.span_offsets]).astype(np.int32)

    def record_id(self, index: int) -> str:
        """Return the release's id of an item."""
        return bytes(self.ids[index]).hex()


def open_pool(folder: Path) -> Pool:
    """Open a pool; an `InputError` says that the folder holds none, a broken or an older one."""
    facts = _read_facts(folder)
    arrays = {name: _read_array(folder, name, facts) for name in ARRAYS}
    pool = Pool(folder, _map_tokens(folder, facts), **arrays, facts=facts)
    ends = (int(pool.offsets[-1]), int(pool.span_offsets[-1]), int(pool.supervised.sum()))
    stated = (facts["num_tokens"], facts["num_spans"], facts["num_supervised"])
    if ends != stated:
        raise InputError(
            f"{folder}: its arrays hold {ends} tokens, spans and supervised tokens, "
            f"{FACTS} says {stated}. {_AGAIN}"
        )
    return pool


def check_tokenizer(pool: Pool, name: str) -> None:
    """Refuse a pool that the tokenizer of another model made, where its facts tell."""
    made_by = pool.facts.get("tokenizer", {}).get("name")
    # A folder goes by its last name in a pool.
    if made_by is not None and made_by not in (name, Path(name).name):
        raise InputError(
            f"{pool.folder}: made with the tokenizer of {made_by!r}, and the run's is {name!r}. "
            "Run `mmed tokenize` for this model."
        )


def check_digest(pool: Pool, digest: str | None) -> None:
    """Refuse a pool of other contents than the run was prepared for."""
    if digest not in (None, pool.facts["digest"]):
        raise InputError(
            f"{pool.folder}: not the pool that the run was prepared with. Copy the pools that "
            "`mmed train` left beside run.json, or run `mmed train` again."
        )


def check_same_text(pool: Pool, other: Pool) -> None:
    """Refuse pools that do not write texts as the same tokens."""
    for name in ("tokenizer", "template"):
        digests = [one.facts.get(name, {}).get("digest") for one in (pool, other)]
        if digests[0] != digests[1]:
            raise InputError(
                f"{pool.folder}: made with another {name} than {other.folder}. Run `mmed tokenize` "
                "for all stages of the recipe."
            )


def fertility(pool: Pool) -> dict[str, float]:
    """Return tokens per character of the answers by language, without the token that ends each."""
    return {
        language: (one["supervised_tokens"] - one["items"]) / one["supervised_characters"]
        for language, one in pool.facts.get("fertility", {}).items()
        if one["supervised_characters"]
    }


def _read_facts(folder: Path) -> dict[str, Any]:
    path = folder / FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{folder}: no token pool ({FACTS}: {error.strerror}). {_AGAIN}"
        ) from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}). {_AGAIN}") from error
    version = facts.get("version") if isinstance(facts, dict) else None
    if version != VERSION:
        raise InputError(f"{path}: version {version!r}, expected {VERSION}. {_AGAIN}")
    if missing := sorted(_NEEDED - {*facts}):
        raise InputError(f"{path}: without {', '.join(missing)}. {_AGAIN}")
    return dict(facts)


def _read_array(folder: Path, name: str, facts: Mapping[str, Any]) -> Array:
    path = folder / f"{name}.npy"
    dtype, axes = ARRAYS[name]
    sizes = {"N": facts["num_items"], "N+1": facts["num_items"] + 1, "M": facts["num_spans"]}
    shape = tuple(sizes[axis] if isinstance(axis, str) else axis for axis in axes)
    try:
        array: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: it cannot be read ({error}). {_AGAIN}") from error
    if array.dtype != dtype or array.shape != shape:
        raise InputError(
            f"{path}: {array.dtype} {list(array.shape)}, expected {dtype} {list(shape)}. {_AGAIN}"
        )
    return array


def _map_tokens(folder: Path, facts: Mapping[str, Any]) -> Array:
    path, dtype = folder / TOKENS, np.dtype(facts["dtype"])
    size = path.stat().st_size if path.is_file() else 0
    expected = facts["num_tokens"] * dtype.itemsize
    if size != expected:
        raise InputError(f"{path}: {size} bytes, expected {expected}. {_AGAIN}")
    return np.memmap(path, dtype, mode="r")


def write_pool(folder: Path, chunks: Iterable[Items], facts: Mapping[str, Any]) -> None:
    """Write a pool from chunks of items, at once: a killed run leaves the folder as it was.

    `facts` gives at least `vocabulary`, which decides the width of a token, and the names that
    `language`, `source` and `form` index; counts and digests are added here.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    dtype = "uint16" if facts["vocabulary"] <= _UINT16_SIZE else "int32"
    with (partial / TOKENS).open("wb") as file:
        columns = [_append(file, items, dtype) for items in chunks]
    if not columns:
        raise ValueError("a pool has at least one item")
    counts = _write_arrays(partial, columns)
    whole = {"version": VERSION, **facts, **counts, "dtype": dtype}
    whole["digest"] = _digest(partial, whole)
    _write_json(partial / FACTS, whole)
    _replace(partial, folder)


def _append(file: BinaryIO, items: Items, dtype: str) -> Items:
    """Append the tokens to the file; return the items without them."""
    _check(items)
    file.write(items.tokens.astype(dtype).tobytes())
    rest = {name: getattr(items, name) for name in Items.__slots__}
    return Items(**{**rest, "tokens": np.empty(0, np.int32)})


def _check(items: Items) -> None:
    begins, ends = items.spans[:, 0], items.spans[:, 1]
    owner = np.repeat(np.arange(len(items.lengths)), items.num_spans)
    assert len(items.tokens) == items.lengths.sum(), "tokens and lengths disagree"
    assert (items.num_spans >= 1).all(), "an item without a supervised token"
    assert (begins >= 1).all(), "the first token of an item is never predicted"
    assert (begins < ends).all(), "an empty span"
    assert (ends <= items.lengths[owner]).all(), "a span beyond its item"
    is_same = owner[1:] == owner[:-1]
    assert (begins[1:] >= ends[:-1])[is_same].all(), "spans of an item overlap"


def _write_arrays(folder: Path, columns: list[Items]) -> dict[str, int]:
    def joined(name: str) -> Array:
        return np.concatenate([getattr(items, name) for items in columns])

    lengths, spans = joined("lengths"), joined("spans")
    arrays = {name: joined(name) for name in ("language", "source", "form", "ids")}
    arrays |= {"spans": spans, "offsets": _starts(lengths)}
    arrays["span_offsets"] = _starts(joined("num_spans"))
    for name, (dtype, _) in ARRAYS.items():
        np.save(folder / f"{name}.npy", arrays[name].astype(dtype))
    return {
        "num_items": len(lengths),
        "num_tokens": int(lengths.sum(dtype=np.int64)),
        "num_spans": len(spans),
        "num_supervised": int((spans[:, 1] - spans[:, 0]).sum(dtype=np.int64)),
        "max_length": int(lengths.max()),
    }


def _starts(sizes: Array) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _digest(folder: Path, facts: Mapping[str, Any]) -> str:
    """Return what tells two pools apart: of every file's bytes and of the facts."""
    whole = sha256(json.dumps(facts, sort_keys=True).encode())
    for name in (TOKENS, *(f"{name}.npy" for name in ARRAYS)):
        with (folder / name).open("rb") as file:
            while block := file.read(1 << 22):
                whole.update(block)
    return whole.hexdigest()


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _replace(partial: Path, folder: Path) -> None:
    """Put the finished folder in the place of an older one."""
    older = folder.with_name(f".{folder.name}.older")
    shutil.rmtree(older, ignore_errors=True)
    if folder.exists():
        folder.replace(older)
    partial.replace(folder)
    shutil.rmtree(older, ignore_errors=True)
