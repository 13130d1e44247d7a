"""Makes the token pool of a stage from a release, chunk by chunk, so that a killed run goes on.

A chunk's file is written under a folder whose name is a digest of everything that decides it; the
pool is put together from whole chunks only, so it does not show where a run was cut off.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers

from pipeline.errors import InputError
from pipeline.finetune.pool import FACTS, Items, open_pool, write_pool
from pipeline.finetune.templates import Chat
from pipeline.finetune.tokenize_items import Counts, Encoder, Overlong, as_arrays
from pipeline.finetune.tokenize_rows import Input, find_input, read_batches, rows_of
from pipeline.finetune.tokenizer import tokenizer_digest

CHUNK_ROWS = 1024  # a fifth of a second of work on two cores; lost at most when a run is killed
_CODE = (
    "pool",
    "templates",
    "tokenize",
    "tokenize_cut",
    "tokenize_items",
    "tokenize_rows",
    "tokenizer",
)

Progress = Callable[[int, int, int], None]  # rows done, rows of all, tokens so far


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides a pool beside the release, the tokenizer and the template."""

    stage: str  # a key of tokenize_rows.SUBSETS
    split: str
    capacity: int  # tokens of the longest item that is kept
    overlong: Overlong = "drop"
    rationale: bool = False  # of multiple choice, after letter and text


def tokenize(
    release: Path, out: Path, name: str, chat: Chat, settings: Settings, progress: Progress
) -> Path:
    """Write the pool of a stage and split, and return its folder; a finished one is left alone.

    `name` is the model whose tokenizer `chat` has. An `InputError` says that the split is not
    there or that no item fits.
    """
    source = find_input(release, settings.stage, settings.split)
    key = _key(source, chat, settings)
    pool = out / "pools" / f"{settings.stage}-{settings.split}"
    if _is_made(pool, key):
        return pool
    work = pool.with_name(f".work-{pool.name}") / key
    work.mkdir(parents=True, exist_ok=True)
    chunks, counts = _make_chunks(work, source, chat, settings, progress)
    _check_some_fit(release, settings, counts)
    facts = {"key": key, **asdict(settings), **_facts(name, chat, source, counts)}
    write_pool(pool, (_read_chunk(path)[0] for path in chunks), facts)
    shutil.rmtree(work.parent)  # with what settings that were changed midway have left
    return pool


def _key(source: Input, chat: Chat, settings: Settings) -> str:
    code = [Path(__file__).with_name(f"{name}.py").read_bytes() for name in _CODE]
    deciding = {
        "input": source.digest,
        "tokenizer": tokenizer_digest(chat.tokenizer),
        "template": chat.digest,
        "settings": asdict(settings),
        "chunk_rows": CHUNK_ROWS,
        "tokenizers": tokenizers.__version__,
        "code": sha256(b"\0".join(code)).hexdigest(),
    }
    return sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:32]


def _is_made(pool: Path, key: str) -> bool:
    if not (pool / FACTS).is_file():
        return False
    try:
        return bool(open_pool(pool).facts["key"] == key)
    except (InputError, KeyError):  # a damaged pool, or one of an older version, is made again
        return False


def _make_chunks(
    work: Path, source: Input, chat: Chat, settings: Settings, progress: Progress
) -> tuple[list[Path], Counts]:
    """Encode what is not there yet; return all chunks in order and their counts together."""
    encoder = Encoder(chat, settings.capacity, settings.overlong)
    paths, total, num_rows, num_tokens = [], Counts(), 0, 0
    for number, batch in enumerate(read_batches(source.paths, CHUNK_ROWS)):
        path = work / f"{number:06}.npz"
        if not path.is_file():
            items, counts = encoder.encode(rows_of(batch, with_rationale=settings.rationale))
            _write_chunk(path, as_arrays(items, source.names), counts)
        items_read, counts = _read_chunk(path)
        paths.append(path)
        total.merge(counts)
        num_rows, num_tokens = num_rows + batch.num_rows, num_tokens + len(items_read.tokens)
        progress(num_rows, source.num_rows, num_tokens)
    return paths, total


def _write_chunk(path: Path, items: Items, counts: Counts) -> None:
    arrays = {name: getattr(items, name) for name in Items.__slots__}
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, counts=np.array(json.dumps(asdict(counts))), **arrays)
        file.flush()
        os.fsync(file.fileno())  # a power cut must not leave a name without its bytes
    partial.replace(path)


def _read_chunk(path: Path) -> tuple[Items, Counts]:
    with np.load(path, allow_pickle=False) as arrays:
        counts = Counts(**json.loads(str(arrays["counts"])))
        return Items(**{name: arrays[name] for name in Items.__slots__}), counts


def _check_some_fit(release: Path, settings: Settings, counts: Counts) -> None:
    if counts.fertility:
        return
    if counts.shortest_overlong:
        raise InputError(
            f"capacity {settings.capacity} is smaller than every item of {settings.stage} "
            f"{settings.split}; the shortest has {counts.shortest_overlong} tokens. Raise "
            "`capacity` in the recipe."
        )
    raise InputError(
        f"{release}: no item of {settings.stage} {settings.split} can be written in the chat "
        f"template; dropped: {json.dumps(counts.dropped)}. Name another `template`."
    )


def _facts(name: str, chat: Chat, source: Input, counts: Counts) -> dict[str, Any]:
    shown = Path(name).name if Path(name).is_dir() else name  # no path of a machine in a pool
    pad = chat.tokenizer.pad_token_id
    return {
        "vocabulary": len(chat.tokenizer),
        "pad_token": 0 if pad is None else pad,  # never read by attention, never a target
        "tokenizer": {"name": shown, "digest": tokenizer_digest(chat.tokenizer)},
        "template": chat.facts(),
        "input": source.digest,
        "languages": source.names["language"],
        "sources": source.names["source"],
        "forms": source.names["form"],
        "dropped": _sorted(counts.dropped),
        "cut": _sorted(counts.cut),
        "fertility": _sorted(counts.fertility),
    }


def _sorted(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: table[key] for key in sorted(table)}
