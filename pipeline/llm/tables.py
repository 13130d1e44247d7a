"""`mmed llm pack` and `unpack`: the answers of a cache as a Parquet file that others build from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.llm.cache import Cache
from pipeline.llm.pack import Pack, unpack, write_pack
from pipeline.store import Store
from pipeline.tables.reading import refuse_same_file

_MANIFEST = "manifest.json"


def pack_text(cache: Path, output: Path, out: Path | None) -> tuple[dict[str, Any], str]:
    """Write a pack; return a summary, and it as text.

    With `out` it holds what the finished build in that folder used, rejected answers included, so
    that the build can be repeated from it.
    """
    refuse_same_file(cache, output)
    if not cache.exists():
        raise InputError(f"{cache}: no such file, so there are no answers to pack. See `--cache`.")
    keys = None if out is None else used_keys(out)
    with Cache(cache, is_read_only=True) as opened:
        if out is not None and keys is not None:
            _check_whole(opened, cache, keys, out)
        try:
            num_packed, num_local = write_pack(opened, output, keys)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise InputError(f"{output}: cannot be written ({reason}).") from error
    value = {"answers": num_packed, "left_out_local": num_local, "output": str(output)}
    return value, _as_text(value)


def used_keys(out: Path) -> list[str]:
    """Return the keys of all answers that a finished build read, sorted."""
    path, store = out / _MANIFEST, Store(out / "store")
    try:
        tables = json.loads(path.read_bytes())["tables"]
    except (OSError, ValueError, KeyError):
        raise InputError(
            f"{path}: no manifest of a finished build. Run `mmed build` with --out {out} to its "
            "end."
        ) from None
    kinds = (kind for stage in tables.values() for kind in stage.values())
    entries = {Path(place).parent.name for kind in kinds for place in kind}
    keys: set[str] = set()
    for name in entries:
        entry = store.get(name)
        if entry is None:
            raise InputError(
                f"{store.folder / name}: damaged. Repeat `mmed build` with --out {out}."
            )
        keys.update(entry.facts.get("cache_keys", ()))
    if not keys:
        raise InputError(
            f"{out}: this build used no answer of a model, so there is nothing to pack."
        )
    return sorted(keys)


def _check_whole(cache: Cache, path: Path, keys: list[str], out: Path) -> None:
    num_missing = len(keys) - len(cache.get(keys))
    if num_missing:
        raise InputError(
            f"{path} lacks {num_missing:,} of the {len(keys):,} answers that the build in {out} "
            "used. Name the cache that it was built with by --cache, or add its pack to this one "
            "with `mmed llm unpack`."
        )


def _as_text(value: dict[str, Any]) -> str:
    text = f"{value['answers']:,} answers -> {value['output']}"
    if value["left_out_local"]:
        text += f"\n  {value['left_out_local']:,} stay on this machine and were left out."
    return text


def unpack_text(source: Path, cache: Path) -> tuple[dict[str, Any], str]:
    """Add a pack's answers to a cache; return a summary, and it as text."""
    num_answers = len(Pack(source))  # before a cache is made for what is no pack
    with Cache(cache) as opened:
        num_new = unpack(source, opened)
    value = {"answers": num_answers, "new": num_new, "cache": str(cache)}
    return value, f"{num_answers:,} answers, {num_new:,} of them new -> {cache}"
