"""Whole programs by the Batch API: as live, round by round, and nothing submitted twice."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StoppedError
from pipeline.llm.serve.fault import FaultServer
from pipeline.llm.serve.script import parse_script
from pipeline.llm.session import CallOptions
from pipeline.recipe import Llm
from pipeline.tables.translate import translate_table
from schemas.item import LANGUAGES, Language
from tests.pipeline.llm.asking import (
    MODEL,
    fault,
    mmed,
    people,
    row,
    start,
    told,
    translate,
    write_table,
)

AT_ONCE = {"batch": {"polls": 0}}
NEVER = {"batch": {"polls": 1_000_000}}


def run(folder: Path, out: str, to: Language, **options: Any) -> dict[str, Any]:
    """Translate `in.parquet` into a folder, with a cache beside it."""
    given = {"max_cost_usd": 5.0, "price": (1.0, 2.0), **options}
    calls = CallOptions(folder / f"{out}.sqlite", **given)
    return translate_table(
        folder / "in.parquet", folder / out, to, Llm(model=MODEL), calls, "local"
    )[0]


def wait_until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Return a started command that has ended meanwhile, or does so now."""
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.parametrize("to", LANGUAGES)
def test_rounds_of_batches_give_what_live_calls_give(
    to: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "in.parquet", [row(one, age) for one in LANGUAGES for age in (30, 62)])
    with FaultServer({"batch": {"polls": 0, "order": "shuffled"}}, answer=people(to)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        by_batch = run(tmp_path, "batch", to, is_batch=True)
        assert server.counts.num_requests == 0
        assert server.counts.num_batch_lines == 10 * 6  # a stem, four options, a rationale
        assert len(server.batches.batches) == 3
        live = run(tmp_path, "live", to)
    assert by_batch == {**live, "output": by_batch["output"]}
    for name in ("translated.parquet", "quarantined.parquet"):
        assert (tmp_path / "batch" / name).read_bytes() == (tmp_path / "live" / name).read_bytes()


def test_what_live_calls_left_is_done_by_batches_and_nothing_is_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "in.parquet", [row("ru", age) for age in range(20, 40)])
    with FaultServer(AT_ONCE, answer=people("fr")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        with pytest.raises(StoppedError, match="max-cost"):
            run(tmp_path, "out", "fr", max_cost_usd=0.02)
        assert server.counts.num_requests > 0
        assert run(tmp_path, "out", "fr", is_batch=True)["translated"] == 20
        assert max(server.counts.by_digest.values()) == 1


def test_each_line_tells_tokens_and_money_and_the_last_one_what_was_foreseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(tmp_path / "in.parquet", [row("ru")])
    with FaultServer({**AT_ONCE, "default": {"usage": [100, 10]}}, answer=people("fr")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        spent = run(tmp_path, "out", "fr", is_batch=True)["spent_usd"]
    first, *lines, last = capsys.readouterr().err.splitlines()
    assert "6 requests to send" in first
    assert lines
    assert all(re.search(r"; [\d,]+ \+ [\d,]+ tokens, [\d.]+ USD of 5$", one) for one in lines)
    assert lines[0].endswith("1 requests for the Batch API; 0 + 0 tokens, 0.00 USD of 5")
    assert re.match(rf"translate: this run cost {spent:g}0* USD, about 0\.\d+ were foreseen$", last)


def test_lines_that_fail_are_submitted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "in.parquet", [row(one) for one in LANGUAGES])
    failing = {"when": {"seen": 1, "probability": 0.5}, "then": {"status": 503}}
    with FaultServer({**AT_ONCE, "rules": [failing]}, answer=people("zh")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert run(tmp_path, "out", "zh", is_batch=True)["translated"] == 5
        assert max(server.counts.by_digest.values()) == 2


def test_a_cap_stops_between_batches_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "in.parquet", [row("es", age) for age in range(20, 40)])
    with FaultServer(AT_ONCE, answer=people("ja")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        with pytest.raises(StoppedError, match=r"jobs are left.*max-cost"):
            run(tmp_path, "out", "ja", is_batch=True, max_cost_usd=0.02)
        assert 0 < server.counts.num_batch_lines < 20 * 6
        assert not (tmp_path / "out").exists()
        value = run(tmp_path, "out", "ja", is_batch=True)
        assert value["translated"] == 20
        assert max(server.counts.by_digest.values()) == 1


def test_jobs_beyond_one_round_come_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.llm.rounds.MOST_REQUESTS", 7)
    write_table(tmp_path / "in.parquet", [row("en", age) for age in range(20, 32)])
    with FaultServer(AT_ONCE, answer=people("ru")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert run(tmp_path, "out", "ru", is_batch=True)["translated"] == 12
        assert len(server.batches.batches) > 5
        assert max(server.counts.by_digest.values()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_while_a_batch_is_worked_on_waits_for_it_when_repeated(
    number: signal.Signals, tmp_path: Path
) -> None:
    write_table(tmp_path / "in.parquet", [row(one) for one in LANGUAGES])
    with FaultServer(NEVER, answer=people("es")) as server:
        process = start(*translate("es", "--batch"), cwd=tmp_path, server=server)
        wait_until(lambda: server.counts.by_path["/v1/batches/batch_1"] > 0)
        process.send_signal(number)
        done = ended(process)
        if number == signal.SIGINT:
            assert "goes on where this one stopped" in fault(done, 130)
        assert not (tmp_path / "out").exists()
        server.script = parse_script(AT_ONCE, "script")
        value = told(mmed(*translate("es", "--batch"), cwd=tmp_path, server=server))
        assert value["translated"] == 5
        assert len(server.batches.batches) == 3
        assert max(server.counts.by_digest.values()) == 1


@pytest.mark.slow
def test_an_endpoint_without_a_batch_api_is_told_in_one_line(tmp_path: Path) -> None:
    write_table(tmp_path / "in.parquet", [row("zh")])
    missing = {"when": {"path": "/v1/files"}, "then": {"status": 404}}
    with FaultServer({"rules": [missing]}, answer=people("es")) as server:
        said = fault(mmed(*translate("es", "--batch"), cwd=tmp_path, server=server), 3)
        assert "404" in said
        assert server.counts.num_requests == 0
