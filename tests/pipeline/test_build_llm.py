"""Builds that ask a model, as a user runs them: killed, repeated, recorded, cut short by a cap."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.llm.cache import Cache
from pipeline.llm.serve.fault import FaultServer
from tests.pipeline.llm.asking import (
    fault,
    mmed,
    people,
    question,
    start,
    told,
    write_recipe,
    write_table,
)
from tests.pipeline.llm.scripted import RATIONALE

pytestmark = pytest.mark.slow  # each build takes seconds

CONCURRENCY = 4
NUM_LANGUAGES, NUM_TEXTS = 5, 2  # that are translated from; of a row: question and answer


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(answer=people("es")) as started:
        yield started


def build(*more: object, out: str = "out", cap: float | None = 5) -> tuple[object, ...]:
    """Return the arguments that build the recipe of a folder."""
    paths = ("--out", out, "--cache", "cache.sqlite", "--workers", 1)
    limit = () if cap is None else ("--max-cost", cap)
    return ("build", "recipe.yaml", *paths, *limit, "--json", *more)


def release(folder: Path, out: str = "out") -> str:
    return (folder / out / "release" / "checksums.txt").read_text()


def num_answers(folder: Path) -> int:
    path = folder / "cache.sqlite"
    if not path.exists():
        return 0
    with Cache(path, is_read_only=True) as cache:
        return cache.count()


def add_row(folder: Path) -> None:
    """Add a patient of another age to the French table."""
    table = pl.read_parquet(folder / "fr.parquet")
    row = {"id": "71", "question": question("fr", 71), "answer": RATIONALE["fr"]}
    write_table(folder / "fr.parquet", [*table.to_dicts(), row])


def test_a_build_killed_at_random_moments_sends_nothing_twice_but_what_was_in_flight(
    tmp_path: Path,
) -> None:
    ages = range(20, 28)
    write_recipe(tmp_path, "es", ages, concurrency=CONCURRENCY)
    num_requests = NUM_LANGUAGES * len(ages) * NUM_TEXTS
    moments, num_kills, num_lost = random.Random(5), 2, 0
    with FaultServer({"latency_ms": 100}, answer=people("es")) as server:
        for _ in range(num_kills):
            enough = server.counts.num_requests + moments.randint(1, num_requests // 5)
            process = start(*build(), cwd=tmp_path, server=server)
            while server.counts.num_requests < enough and process.poll() is None:
                time.sleep(0.002)
            time.sleep(moments.random() / 20)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            time.sleep(0.3)  # for what was on its way to the server
            num_lost = server.counts.num_requests - num_answers(tmp_path)
            assert not (tmp_path / "out" / "release").exists()
        told(mmed(*build(), cwd=tmp_path, server=server))
        assert len(server.counts.by_digest) == num_requests
        assert server.counts.num_requests == num_requests + num_lost
        assert num_lost <= num_kills * CONCURRENCY
        killed = release(tmp_path)
        shutil.rmtree(tmp_path / "out")
        (tmp_path / "cache.sqlite").unlink()
        told(mmed(*build(), cwd=tmp_path, server=server))
    assert release(tmp_path) == killed


def test_one_more_row_sends_the_requests_of_that_row_and_a_repeated_build_none(
    tmp_path: Path, server: FaultServer
) -> None:
    write_recipe(tmp_path, "es")
    told(mmed(*build(), cwd=tmp_path, server=server))
    num_before = server.counts.num_requests
    add_row(tmp_path)
    manifest = told(mmed(*build(), cwd=tmp_path, server=server))
    assert made(manifest) == NUM_LANGUAGES * 3 + 1
    new = [str(one.payload) for one in list(server.received)[num_before:]]
    assert len(new) == NUM_TEXTS
    assert all(question("fr", 71) in one for one in new)  # an answer is sent with its question
    told(mmed(*build(cap=None), cwd=tmp_path, server=None))


def made(manifest: dict[str, Any]) -> int:
    (stage,) = (one for one in manifest["stages"] if one["name"] == "translate")
    return int(stage["rows_added"])


def test_a_pack_is_recorded_asked_for_what_it_lacks_and_enough_for_the_same_release(
    tmp_path: Path, server: FaultServer
) -> None:
    write_recipe(tmp_path, "es", pack="pack.parquet")
    record = build("--record")
    first = told(mmed(*record, cwd=tmp_path, server=server))
    num_requests = server.counts.num_requests
    assert first["answers"] == num_requests > 0
    replayed = build(out="replayed", cap=None)
    told(mmed(*replayed, cwd=tmp_path, server=None))
    assert release(tmp_path, "replayed") == release(tmp_path)

    # The pack alone is asked for less: the cache of whoever records it may be new.
    (tmp_path / "cache.sqlite").unlink()
    add_row(tmp_path)
    said = fault(mmed(*replayed, cwd=tmp_path, server=None), 2)
    assert "pack.parquet holds no answer to prompt 'translate/fr-es@" in said
    second = told(mmed(*record, cwd=tmp_path, server=server))
    assert second["answers"] == server.counts.num_requests == num_requests + NUM_TEXTS
    told(mmed(*replayed, cwd=tmp_path, server=None))
    assert release(tmp_path, "replayed") == release(tmp_path)


def test_a_recording_that_a_cap_stops_leaves_the_pack_as_it_was_and_goes_on(
    tmp_path: Path, server: FaultServer
) -> None:
    write_recipe(tmp_path, "es", pack="pack.parquet", concurrency=1)
    said = fault(mmed(*build("--record", cap=0.004), cwd=tmp_path, server=server), 3)
    assert "`--max-cost 0.004` is reached" in said
    assert pl.read_parquet(tmp_path / "pack.parquet").height == 0
    assert 0 < server.counts.num_requests < NUM_LANGUAGES * 3
    value = told(mmed(*build("--record"), cwd=tmp_path, server=server))
    assert value["answers"] == server.counts.num_requests


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--dry-run",), "`--record` asks a model and `--dry-run` asks nobody"),
        (("--pilot", 2), "`--record` asks for all that the pack lacks"),
    ],
)
def test_a_recording_is_neither_a_dry_run_nor_a_pilot(
    tmp_path: Path, server: FaultServer, option: tuple[object, ...], said: str
) -> None:
    write_recipe(tmp_path, "es", pack="pack.parquet")
    (tmp_path / "pack.parquet").write_bytes(b"")
    done = mmed(*build("--record", *option), cwd=tmp_path, server=server)
    assert said in fault(done, 2)
    assert server.counts.by_path == {}


def test_partial_makes_a_release_of_what_is_there_and_the_same_command_completes_it(
    tmp_path: Path, server: FaultServer
) -> None:
    write_recipe(tmp_path, "es", concurrency=1)
    capped = build(cap=0.006)
    assert "jobs are left" in fault(mmed(*capped, cwd=tmp_path, server=server), 3)
    assert not (tmp_path / "out" / "release").exists()
    num_paid = server.counts.num_requests
    done = mmed(*capped, "--partial", cwd=tmp_path, server=server)
    manifest = told(done)
    left = manifest["unfinished"]["translate"]
    assert 0 < left < NUM_LANGUAGES * 3
    assert made(manifest) == NUM_LANGUAGES * 3 - left
    assert f"{left} jobs left undone, as --partial allows" in done.stderr
    assert f"+{made(manifest)} added" in done.stderr
    assert server.counts.num_requests <= num_paid + 1  # what little room is left under the cap
    partial = release(tmp_path)

    whole = told(mmed(*build(), cwd=tmp_path, server=server))
    assert (whole["unfinished"], made(whole)) == ({}, NUM_LANGUAGES * 3)
    assert release(tmp_path) != partial
    assert max(server.counts.by_digest.values()) == 1
    text = mmed(*[one for one in capped if one != "--json"], cwd=tmp_path, server=None).stdout
    assert "Incomplete" not in text
