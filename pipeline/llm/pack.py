"""A pack: answers as Parquet, sorted by key, to be shared and built from without key or network.

The same answers give the same bytes. Answers that have to stay on this machine are never packed.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import InputError
from pipeline.llm.cache import Cache
from pipeline.llm.request import Answer, Outcome
from pipeline.store import parquet_bytes, stopping_when_disk_is_full

_TYPES = {"str": pl.String, "Outcome": pl.String, "int": pl.Int64, "bool": pl.Boolean}
_SCHEMA = pl.Schema(
    {one.name: _TYPES[str(one.type)] for one in fields(Answer) if one.name != "is_local"}
)
_OUTCOMES = {outcome.value for outcome in Outcome}


def write_pack(cache: Cache, path: Path, keys: Sequence[str] | None = None) -> tuple[int, int]:
    """Write answers of a cache, those with these keys or all.

    Return the number of answers packed, and of those that were left out because they are local.
    """
    found = sorted(cache.get(keys).values(), key=_key) if keys is not None else cache.in_key_order()
    rows, num_local = [], 0
    for answer in found:
        if answer.is_local:
            num_local += 1
        else:
            rows.append(tuple(getattr(answer, name) for name in _SCHEMA))
    payload = parquet_bytes(pl.DataFrame(rows, _SCHEMA, orient="row"))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with stopping_when_disk_is_full(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(payload)
        temporary.replace(path)
    return len(rows), num_local


def unpack(path: Path, cache: Cache) -> int:
    """Put the answers of a pack into a cache, where present ones stay; return how many are new."""
    before = cache.count()
    cache.put_all(Pack(path).answers())
    return cache.count() - before


class Pack:
    """A pack as a place to get answers from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table = _read(path)
        self._keys: list[str] = self._table["key"].to_list()
        if any(left >= right for left, right in zip(self._keys, self._keys[1:], strict=False)):
            raise _not_a_pack(path, "its keys are not sorted")

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def prompts(self) -> list[str]:
        """Return the prompts, with their versions, that it was recorded with."""
        return sorted(set(self._table["prompt"].unique().to_list()))

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the answers that there are, by key."""
        places = ((key, bisect_left(self._keys, key)) for key in keys)
        return {
            key: _answer(self._table.row(place))
            for key, place in places
            if place < len(self._keys) and self._keys[place] == key
        }

    def answers(self) -> Iterator[Answer]:
        """Yield every answer, sorted by key."""
        return map(_answer, self._table.iter_rows())


def _key(answer: Answer) -> str:
    return answer.key


def _answer(row: tuple[Any, ...]) -> Answer:
    key, outcome, *rest = row
    values = (key, Outcome(outcome), *rest)
    return Answer(*values)


def _read(path: Path) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such pack. `mmed llm pack` writes one.") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _not_a_pack(path, " ".join(str(error).split())) from None
    if table.schema != _SCHEMA:
        raise _not_a_pack(path, f"its columns are {', '.join(table.columns)}")
    unknown = set(table["outcome"].unique().to_list()) - _OUTCOMES
    if unknown or any(table.null_count().row(0)):
        raise _not_a_pack(path, "it holds empty fields or unknown outcomes")
    return table


def _not_a_pack(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: not a pack of answers ({reason}). `mmed llm pack` writes one.")
