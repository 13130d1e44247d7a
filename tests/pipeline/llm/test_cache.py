"""The file of answers: what is in it stays in it, and what is no such file is told in one line."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.errors import InputError, StoppedError
from pipeline.llm.cache import BatchLine, Cache, PendingBatch
from pipeline.llm.request import Answer, Outcome
from tests.pipeline.llm.loopback import TEXTS


def key_of(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def answer(number: int = 0, text: str = TEXTS["en"]) -> Answer:
    return Answer(
        key=key_of(number),
        outcome=Outcome.OK,
        text=text,
        prompt="translate/en-ja@1",
        model="some-model",
        model_returned="some-model-2026",
        fingerprint="fp",
        request_id="req",
        prompt_tokens=3,
        completion_tokens=4,
        is_estimated=True,
        is_local=True,
    )


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("outcome", Outcome)
def test_an_answer_comes_back_as_it_was(tmp_path: Path, language: str, outcome: Outcome) -> None:
    kept = replace(answer(text=f"{TEXTS[language]}\n\0 end"), outcome=outcome)
    with Cache(tmp_path / "cache") as cache:
        cache.put(kept)
    with Cache(tmp_path / "cache") as cache:
        assert cache.get([kept.key]) == {kept.key: kept}


@pytest.mark.parametrize("number", [0, 1, 2, 511, 512, 513, 2000])
def test_many_keys_are_read_at_once(tmp_path: Path, number: int) -> None:
    with Cache(tmp_path / "cache") as cache:
        cache.put_all(answer(n) for n in range(0, number, 2))
        found = cache.get([key_of(n) for n in range(number)])
        assert found == {key_of(n): answer(n) for n in range(0, number, 2)}


def test_the_first_answer_to_a_request_stays(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        cache.put(answer(text="first"))
        cache.put(answer(text="second"))
        assert cache.get([key_of(0)])[key_of(0)].text == "first"


def test_a_reader_sees_what_is_written_meanwhile(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as writer, Cache(tmp_path / "cache", is_read_only=True) as one:
        assert one.get([key_of(0)]) == {}
        writer.put(answer())
        assert one.get([key_of(0)]) == {key_of(0): answer()}


def test_two_processes_may_write(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as first, Cache(tmp_path / "cache") as second:
        for number in range(50):
            (first if number % 2 else second).put(answer(number))
        assert first.count() == second.count() == 50


def test_what_is_unsettled_counts_at_its_reservation(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        settled = cache.begin_attempt("a", key_of(1), 500)
        cache.begin_attempt("a", key_of(2), 300)
        cache.begin_attempt("b", key_of(3), 7)
        cache.settle(settled, 120)
        assert (cache.spent("a"), cache.spent("b"), cache.spent("c")) == (420, 7, 0)


def test_a_killed_process_loses_nothing_that_was_received(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from pipeline.llm.cache import Cache\n"
        "from tests.pipeline.llm.test_cache import answer, key_of\n"
        f"cache = Cache(Path({str(tmp_path / 'cache')!r}))\n"
        "for n in range(20):\n"
        "    cache.settle(cache.begin_attempt('a', key_of(n), 100), 10, answer(n))\n"
        "cache.begin_attempt('a', key_of(20), 100)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with Cache(tmp_path / "cache") as cache:
        assert cache.count() == 20
        assert cache.spent("a") == 20 * 10 + 100


def pending(*numbers: int) -> PendingBatch:
    lines = {
        key_of(n): BatchLine(key_of(n), n + 1, 50, "translate/en-ja@1", "some-model", False)
        for n in numbers
    }
    return PendingBatch("shard", "a", "", lines)


def test_a_pending_batch_is_there_after_a_restart(tmp_path: Path) -> None:
    batch = pending(0, 1, 2)
    with Cache(tmp_path / "cache") as cache:
        cache.begin_attempts("a", {key: line.reserved for key, line in batch.lines.items()})
        cache.begin_batch(batch, "http://here/v1")
    with Cache(tmp_path / "cache") as cache:
        assert cache.pending_batches("http://here/v1") == [batch]
        assert cache.pending_batches("http://elsewhere/v1") == []
        cache.name_batch("shard", "batch_7")
        assert cache.pending_batches("http://here/v1") == [replace(batch, id="batch_7")]
        cache.end_batch("shard")
        assert cache.pending_batches("http://here/v1") == []


def big_cache(path: Path) -> None:
    with Cache(path) as cache:
        cache.put_all(answer(n) for n in range(2000))


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE songs (name TEXT)")


def cut_in_half(path: Path) -> None:
    big_cache(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def overwritten(path: Path) -> None:
    big_cache(path)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + bytes(len(content) - 8192) + content[-4096:])


DAMAGED = {
    "text": lambda path: path.write_text("no database, but long enough to be taken for one" * 9),
    "other database": other_database,
    "cut in half": cut_in_half,
    "overwritten": overwritten,
}


@pytest.mark.parametrize("is_read_only", [False, True])
@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_is_no_cache_is_told_in_one_line_and_left_alone(
    tmp_path: Path, damage: object, is_read_only: bool
) -> None:
    assert callable(damage)
    path = tmp_path / "cache"
    damage(path)
    before = path.read_bytes()
    with (
        pytest.raises(InputError, match=str(path)) as caught,
        Cache(path, is_read_only=is_read_only) as cache,
    ):
        cache.get([key_of(n) for n in range(2000)])
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def killed_at_once(path: Path) -> None:
    path.touch()


def killed_before_the_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size == 4096


BEGUN = {"nothing": killed_at_once, "no tables": killed_before_the_tables}


@pytest.mark.parametrize("begin", BEGUN.values(), ids=BEGUN)
def test_a_file_whose_maker_was_killed_is_an_empty_cache(
    tmp_path: Path, begin: Callable[[Path], None]
) -> None:
    path = tmp_path / "cache"
    begin(path)
    before = path.read_bytes()
    with Cache(path, is_read_only=True) as cache:
        assert cache.get([key_of(0)]) == {}
        assert cache.count() == cache.spent("a") == 0
    assert path.read_bytes() == before
    with Cache(path) as cache:
        cache.put(answer())
    with Cache(path, is_read_only=True) as cache:
        assert cache.count() == 1


def test_a_missing_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        Cache(tmp_path / "none", is_read_only=True)


def test_a_folder_is_no_cache(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        Cache(tmp_path)


def test_a_full_disk_stops_the_run(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache:
        cache._database.execute("PRAGMA max_page_count = 20")
        with pytest.raises(StoppedError, match="Make room on the disk"):
            cache.put_all(answer(n, text="long " * 1000) for n in range(100))
        assert cache.count() == 0


def test_a_new_file_is_made_once_by_those_who_open_it_together(tmp_path: Path) -> None:
    errors = []

    def make() -> None:
        try:
            Cache(tmp_path / "cache").close()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
