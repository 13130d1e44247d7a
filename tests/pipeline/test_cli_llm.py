"""Commands that ask a model, as a user runs them: what goes wrong is one line, nothing is twice."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.llm.cache import Cache
from pipeline.llm.serve.fault import FaultServer
from schemas.item import LANGUAGES
from tests.pipeline.llm.asking import (
    KEY,
    MODEL,
    fault,
    mmed,
    people,
    row,
    start,
    told,
    translate,
    write_recipe,
    write_table,
)

pytestmark = pytest.mark.slow  # each command takes seconds to start

HTML = {"rules": [{"then": {"body": "<html><title>Sign in</title>Welcome to our portal</html>"}}]}
CONCURRENCY = 32  # requests in flight at most
ELSEWHERE = "https://api.example.org/v1"
NOBODY = "http://127.0.0.1:9/v1"  # the discard port: nobody listens


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a table of one row per language."""
    write_table(tmp_path / "in.parquet", [row(one) for one in LANGUAGES])
    return tmp_path


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(answer=people("es")) as started:
        yield started


def without(command: tuple[object, ...], option: str) -> list[object]:
    """Return a command without an option and its value."""
    place = command.index(option)
    return [*command[:place], *command[place + 2 :]]


def replaced(command: tuple[object, ...], option: str, value: object) -> list[object]:
    return [*without(command, option), option, value]


def test_without_a_cap_nothing_is_sent_but_the_cost_is_told(
    folder: Path, server: FaultServer
) -> None:
    done = mmed(*without(translate("es"), "--max-cost"), cwd=folder, server=server)
    assert "--max-cost" in fault(done, 2)
    assert "5 jobs; 30 requests to send" in done.stderr
    assert server.counts.by_path == {}


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--price", None, "no price is stated for model 'fault-1'"),
        ("--price", "cheap", "--price cheap: expected IN:OUT"),
        ("--price", "-1:2", "no pair of amounts"),
        ("--cache", "in.parquet", "in.parquet: not an answer cache"),
    ],
)
def test_what_is_missing_or_wrong_on_the_command_line_is_told_before_anything_is_sent(
    option: str, value: str | None, expected: str, folder: Path, server: FaultServer
) -> None:
    command = translate("es")
    changed = replaced(command, option, value) if value else without(command, option)
    assert expected in fault(mmed(*changed, cwd=folder, server=server), 2)
    assert server.counts.by_path == {}
    assert not (folder / "out").exists()


def test_without_an_address_none_is_taken_by_default(folder: Path) -> None:
    said = fault(mmed(*translate("es"), cwd=folder, server=None), 2)
    assert "OPENAI_BASE_URL" in said
    assert "recipe" not in said
    assert KEY not in said


@pytest.mark.parametrize("url", ["http://127.0.0.1:abc/v1", "http://127.0.0.1:99999/v1"])
def test_an_address_that_is_none_is_told_in_one_line(folder: Path, url: str) -> None:
    said = fault(mmed(*translate("es"), cwd=folder, server=url), 2)
    assert "with a port from 0 to 65535 if any. Correct OPENAI_BASE_URL" in said


def test_a_table_is_not_sent_elsewhere_unless_that_is_said(folder: Path) -> None:
    said = fault(mmed(*translate("es"), cwd=folder, server=ELSEWHERE), 2)
    assert "api.example.org" in said
    assert "`--egress any`" in said


def test_without_a_key_an_address_elsewhere_is_refused(folder: Path) -> None:
    command = translate("es", "--egress", "any")
    done = mmed(*command, cwd=folder, server=ELSEWHERE, OPENAI_API_KEY="")
    assert "needs a key. Set OPENAI_API_KEY" in fault(done, 2)


def test_what_a_command_without_a_recipe_says_names_no_recipe(folder: Path) -> None:
    said = []
    for reply in ({"status": 404}, {"status": 400}, {"status": 401}):
        with FaultServer({"default": reply}) as server:
            done = mmed(*translate("es"), cwd=folder, server=server, OPENAI_API_KEY="")
            said.append(fault(done, 3))
    said.append(fault(mmed(*translate("es"), cwd=folder, server="ftp://host"), 2))
    said.append(fault(mmed(*without(translate("es"), "--price"), cwd=folder, server=server), 2))
    assert not any("recipe" in one or ".." in one for one in said), said
    assert "No key was sent. Set OPENAI_API_KEY" in said[2]


def test_temperature_and_concurrency_are_set_on_the_command_line(folder: Path) -> None:
    with FaultServer({"latency_ms": 50}, answer=people("es")) as server:
        for temperature in ("0.7", "none"):
            more = ("--concurrency", 2, "--temperature", temperature)
            assert told(mmed(*translate("es", *more), cwd=folder, server=server))["translated"] == 5
    sent = [one.payload.get("temperature") for one in server.received]
    assert sent == [0.7] * (len(sent) // 2) + [None] * (len(sent) // 2)
    assert server.counts.max_in_flight == 2


def test_a_timeout_is_set_on_the_command_line(folder: Path) -> None:
    with FaultServer({"latency_ms": 5_000}) as server:
        command = translate("es", "--timeout", 0.1, "--concurrency", 1)
        said = fault(mmed(*command, cwd=folder, server=server), 3)
    assert "did not answer within 0.1 s" in said


def test_a_temperature_is_a_number_or_none(folder: Path, server: FaultServer) -> None:
    done = mmed(*translate("es", "--temperature", "-1"), cwd=folder, server=server)
    assert "--temperature -1: expected a number from 0 on, or `none`" in fault(done, 2)


def test_a_wrong_key_stops_at_once_and_is_told_nowhere(folder: Path) -> None:
    with FaultServer({"key": "another"}) as server:
        done = mmed(*translate("es"), cwd=folder, server=server)
    assert "OPENAI_API_KEY" in fault(done, 3)
    assert server.counts.num_requests < len(LANGUAGES)
    assert KEY not in done.stdout + done.stderr
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in path.read_bytes() for path in files)


def test_an_endpoint_that_answers_with_a_page_is_told_and_nothing_is_written(folder: Path) -> None:
    with FaultServer(HTML) as server:
        said = fault(mmed(*translate("es"), cwd=folder, server=server), 3)
    assert "no JSON object: Sign in Welcome to our portal" in said
    assert "goes on" in said
    assert not (folder / "out").exists()


def test_an_endpoint_that_is_down_stops_the_command_and_what_was_paid_is_kept(
    folder: Path, server: FaultServer
) -> None:
    told(mmed(*translate("es"), cwd=folder, server=server))
    rows = [row(one, age) for one in LANGUAGES for age in (30, 62)]
    write_table(folder / "in.parquet", rows)
    said = fault(mmed(*translate("es"), cwd=folder, server=NOBODY), 3)
    assert f"{NOBODY} cannot be reached" in said
    assert told(mmed(*translate("es"), cwd=folder, server=server))["translated"] == 10
    assert max(server.counts.by_digest.values()) == 1


def test_a_cache_that_was_cut_in_half_is_told_and_left_as_it_is(
    folder: Path, server: FaultServer
) -> None:
    cache = folder / "cache.sqlite"
    told(mmed(*translate("es"), cwd=folder, server=server))
    content = cache.read_bytes()
    half = content[: len(content) // 2]
    cache.write_bytes(half)
    num_requests = server.counts.num_requests
    said = fault(mmed(*translate("es"), cwd=folder, server=server), 2)
    assert "cache.sqlite: not an answer cache, or a damaged one" in said
    assert "mmed llm unpack" in said
    assert cache.read_bytes() == half
    assert server.counts.num_requests == num_requests


def test_a_pack_of_another_prompt_version_is_told_with_both_versions(
    tmp_path: Path, server: FaultServer
) -> None:
    write_recipe(tmp_path, "es")
    build = ("build", "recipe.yaml", "--out", "out", "--cache", "cache.sqlite", "--workers", 1)
    done = mmed(*build, "--max-cost", "5", "--json", cwd=tmp_path, server=server)
    assert told(done)["counts"]["translate"]
    packed = mmed(
        "llm", "pack", "pack.parquet", "--cache", "cache.sqlite", "--out", "out", "--json",
        cwd=tmp_path, server=None,
    )  # fmt: skip
    assert told(packed)["answers"] == server.counts.num_requests
    answers = pl.read_parquet(tmp_path / "pack.parquet")
    older = answers.with_columns(pl.col("prompt").str.replace("@.*", "@0"))
    # The text of a prompt is in the key: with another version all keys are others.
    keys = [f"{number:064x}" for number in range(older.height)]
    older.with_columns(key=pl.Series(keys)).write_parquet(tmp_path / "pack.parquet")
    write_recipe(tmp_path, "es", pack="pack.parquet")
    shutil.rmtree(tmp_path / "out")
    said = fault(mmed(*build, cwd=tmp_path, server=None), 2)
    assert "pack.parquet holds no answer to prompt 'translate/" in said
    assert "It was recorded with translate/" in said
    assert "@0" in said


def test_a_table_that_is_no_table_is_told(tmp_path: Path, server: FaultServer) -> None:
    (tmp_path / "in.parquet").write_text("id,language\n")
    said = fault(mmed(*translate("es"), cwd=tmp_path, server=server), 2)
    assert said.startswith("in.parquet: is not a readable Parquet file")


def test_score_translation_has_no_japanese_references(tmp_path: Path) -> None:
    done = mmed(
        "score-translation", "--to", "ja", "--model", "m", "--out", "out",
        cwd=tmp_path, server=None,
    )  # fmt: skip
    assert "TICO-19 has no references in 'ja'" in fault(done, 2)


@pytest.mark.real
@pytest.mark.parametrize("to", ["es", "fr", "ru", "zh"])
def test_score_translation_scores_sentences_and_asks_none_twice(
    to: str, tmp_path: Path, raw_root: Path
) -> None:
    with FaultServer() as server:  # an echo of the whole turn
        command = (
            "score-translation", "--to", to, "--model", "m", "--out", "out", "--rows", 12,
            "--price", "1:1", "--max-cost", 1, "--cache", "cache.sqlite", "--raw", raw_root,
            "--json",
        )  # fmt: skip
        first = told(mmed(*command, cwd=tmp_path, server=server))
        assert told(mmed(*command, cwd=tmp_path, server=server)) == first
    assert first["num_sentences"] == server.counts.num_requests == 12
    assert first["num_passed"] == 0
    assert pl.read_parquet(tmp_path / "out" / "sentences.parquet").height == 12


@contextmanager
def rehearsal(folder: Path) -> Iterator[str]:
    """Serve an echo in another process, as a user does; yield its base URL."""
    process = start("llm", "serve", "--backend", "fault", "--port", 0, cwd=folder, server=None)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_answers_of_a_rehearsal_are_never_taken_for_a_models(folder: Path) -> None:
    in_earnest = translate("es")
    rehearsed = replaced(in_earnest, "--model", "local/rehearsal")
    with rehearsal(folder) as url:
        said = fault(mmed(*in_earnest, cwd=folder, server=url), 3)
        assert "only rehearses. Ask it for the model 'local/rehearsal'" in said
        assert num_answers(folder / "cache.sqlite") == 0
        # Everything came back in its own language.
        assert told(mmed(*rehearsed, cwd=folder, server=url))["translated"] == 0
    with FaultServer(answer=people("es")) as server:  # with the same cache and the same folder
        assert told(mmed(*in_earnest, cwd=folder, server=server))["translated"] == 5
    assert server.counts.num_requests == 5 * 6


def test_rows_of_a_rehearsal_are_in_no_release(tmp_path: Path) -> None:
    write_recipe(tmp_path, "es")
    build = (
        "build", "recipe.yaml", "--out", "out", "--cache", "cache.sqlite", "--workers", 1,
        "--max-cost", 5, "--json",
    )  # fmt: skip
    with rehearsal(tmp_path) as url:
        done = mmed(*build, "--model", "local/rehearsal", cwd=tmp_path, server=url)
        assert made_by(tmp_path, told(done)) == set()
    with FaultServer(answer=people("es")) as server:
        done = mmed(*build, cwd=tmp_path, server=server)
        assert made_by(tmp_path, told(done)) == {MODEL}


def made_by(folder: Path, manifest: dict[str, Any]) -> set[str]:
    """Return the models that wrote rows of the release."""
    assert sum(one.get("train", 0) for one in manifest["release"].values())
    files = (folder / "out/release").glob("mmed_ift*/*/*.parquet")
    steps = pl.concat(pl.read_parquet(path, columns=["steps"]) for path in files)["steps"]
    return {step["model"] for row in steps.to_list() for step in row}


def wait_until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def many_rows(folder: Path) -> int:
    """Write a table of 60 rows to translate; return the number of requests that they need."""
    others = [one for one in LANGUAGES if one != "es"]
    write_table(folder / "in.parquet", [row(one, 20 + age) for one in others for age in range(12)])
    return 60 * 6


def test_killed_at_random_moments_a_run_sends_nothing_twice_but_what_was_in_flight(
    tmp_path: Path,
) -> None:
    num_requests = many_rows(tmp_path)
    moments = random.Random(4)
    num_kills, num_lost = 4, 0
    with FaultServer({"latency_ms": 30}, answer=people("es")) as server:
        for _ in range(num_kills):
            enough = server.counts.num_requests + moments.randint(1, num_requests // 8)
            process = start(*translate("es"), cwd=tmp_path, server=server)
            wait_until(lambda: server.counts.num_requests >= enough)  # noqa: B023
            time.sleep(moments.random() / 20)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            time.sleep(0.2)  # for what was on its way to the server
            num_lost = server.counts.num_requests - num_answers(tmp_path / "cache.sqlite")
            assert not (tmp_path / "out").exists()
        value = told(mmed(*translate("es"), cwd=tmp_path, server=server))
    assert value["translated"] == 60
    assert len(server.counts.by_digest) == num_requests
    assert server.counts.num_requests == num_requests + num_lost
    assert num_lost <= num_kills * CONCURRENCY


def num_answers(path: Path) -> int:
    with Cache(path, is_read_only=True) as cache:
        return cache.count()


def test_ctrl_c_waits_for_what_is_in_flight_and_says_how_to_go_on(tmp_path: Path) -> None:
    num_requests = many_rows(tmp_path)
    with FaultServer({"latency_ms": 300}, answer=people("es")) as server:
        process = start(*translate("es"), cwd=tmp_path, server=server)
        wait_until(lambda: server.counts.in_flight >= 8)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        assert fault(done, 130) == "interrupted; the same command goes on where this one stopped."
        assert server.counts.in_flight == 0
        assert not (tmp_path / "out").exists()
        assert 0 < server.counts.num_requests < num_requests
        assert told(mmed(*translate("es"), cwd=tmp_path, server=server))["translated"] == 60
    assert server.counts.num_requests == num_requests
    assert max(server.counts.by_digest.values()) == 1
