"""Packs: the same bytes for the same answers, nothing local, and plain words for what is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import InputError
from pipeline.llm.cache import Cache
from pipeline.llm.pack import Pack, unpack, write_pack
from tests.pipeline.llm.loopback import TEXTS
from tests.pipeline.llm.test_cache import answer, key_of


def cache_of(path: Path, numbers: list[int]) -> Cache:
    cache = Cache(path)
    for n in numbers:
        cache.put(replace(answer(n, list(TEXTS.values())[n % 6]), is_local=False))
    return cache


def test_a_pack_gives_what_was_packed(tmp_path: Path) -> None:
    cache = cache_of(tmp_path / "cache", list(range(30)))
    assert write_pack(cache, tmp_path / "pack.parquet") == (30, 0)
    keys = [key_of(n) for n in range(40)]
    assert Pack(tmp_path / "pack.parquet").get(keys) == cache.get(keys)


def test_the_same_answers_give_the_same_bytes(tmp_path: Path) -> None:
    write_pack(cache_of(tmp_path / "one", list(range(30))), tmp_path / "one.parquet")
    write_pack(cache_of(tmp_path / "two", list(range(30))[::-1]), tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_only_the_wanted_answers_are_packed(tmp_path: Path) -> None:
    cache = cache_of(tmp_path / "cache", list(range(30)))
    keys = [key_of(n) for n in (3, 7, 99)]
    assert write_pack(cache, tmp_path / "pack.parquet", keys) == (2, 0)
    assert set(Pack(tmp_path / "pack.parquet").get(keys)) == set(keys[:2])
    assert write_pack(cache, tmp_path / "pack.parquet", []) == (0, 0)


def test_local_answers_stay_out(tmp_path: Path) -> None:
    cache = cache_of(tmp_path / "cache", [1])
    cache.put(answer(2, "of a row that may not leave"))
    assert write_pack(cache, tmp_path / "pack.parquet") == (1, 1)
    assert Pack(tmp_path / "pack.parquet").get([key_of(2)]) == {}
    assert b"may not leave" not in (tmp_path / "pack.parquet").read_bytes()


def test_unpacking_fills_a_cache_and_leaves_what_is_there(tmp_path: Path) -> None:
    write_pack(cache_of(tmp_path / "cache", [1, 2, 3]), tmp_path / "pack.parquet")
    with Cache(tmp_path / "other") as other:
        other.put(answer(2, "mine"))
        assert unpack(tmp_path / "pack.parquet", other) == 2
        assert other.get([key_of(2)])[key_of(2)].text == "mine"
        assert other.count() == 3


def test_a_pack_knows_its_prompts(tmp_path: Path) -> None:
    write_pack(cache_of(tmp_path / "cache", [1, 2]), tmp_path / "pack.parquet")
    assert Pack(tmp_path / "pack.parquet").prompts == ["translate/en-ja@1"]


def write_text(path: Path) -> None:
    path.write_text("no pack")


def write_other_table(path: Path) -> None:
    pl.DataFrame({"name": ["x"]}).write_parquet(path)


def write_unsorted(path: Path) -> None:
    with cache_of(path.with_name("cache"), [1, 2, 3]) as cache:
        write_pack(cache, path)
    pl.read_parquet(path).reverse().write_parquet(path)


def write_unknown_outcome(path: Path) -> None:
    with cache_of(path.with_name("cache"), [1]) as cache:
        write_pack(cache, path)
    pl.read_parquet(path).with_columns(outcome=pl.lit("splendid")).write_parquet(path)


def write_half(path: Path) -> None:
    with cache_of(path.with_name("cache"), list(range(30))) as cache:
        write_pack(cache, path)
    path.write_bytes(path.read_bytes()[:-400])


@pytest.mark.parametrize(
    "write", [write_text, write_other_table, write_unsorted, write_unknown_outcome, write_half]
)
def test_what_is_no_pack_is_told_in_one_line(tmp_path: Path, write: object) -> None:
    assert callable(write)
    write(tmp_path / "pack.parquet")
    with pytest.raises(InputError, match=r"pack\.parquet: not a pack of answers") as caught:
        Pack(tmp_path / "pack.parquet")
    assert "\n" not in str(caught.value)


def test_a_missing_pack_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such pack"):
        Pack(tmp_path / "pack.parquet")
