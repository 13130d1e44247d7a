"""`mmed dedup` on bad input: nothing is lost, memory is bounded, the outcome is clear."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipeline.engine.commands import MMED, fault, mmed
from tests.pipeline.tables.test_dedup import FILES, deduplicated, dropped_ids, failed, run, write

GIB = 2**30
HALF_EMOJI = b"\xed\xa0\xbd"  # the first half of a surrogate pair, as some writers leave it
LONG = (
    "A patient who has taken the same tablets for many years comes back and says that the pain in "
    "the chest has returned during the last weeks, mostly at night and after heavy meals. Neither "
    "the examination nor the recordings show anything new. What would you advise about the "
    "further use of {} for this patient?"
)


def not_utf8(*texts: bytes) -> pa.Array:
    """Return a column of text with exactly these bytes."""
    column = pa.array(texts, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(column), column.buffers())


def words(count: int, seed: int) -> list[str]:
    random_ = random.Random(seed)
    return ["".join(random_.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(count)]


def measured(source: Path, folder: Path) -> tuple[dict[str, Any], int]:
    """Run the command by itself; return its summary and how many bytes of memory it took."""
    command = [str(MMED), "dedup", str(source), str(folder), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    summary: dict[str, Any] = json.loads(printed)
    num_kept, num_dropped = (pq.read_metadata(folder / name).num_rows for name in FILES[:2])
    assert num_kept == summary["kept"]
    assert num_kept + num_dropped == summary["rows"] == pq.read_metadata(source).num_rows
    return summary, used.ru_maxrss * 1024


def test_texts_that_are_no_utf8_are_compared_and_kept_as_they_are(tmp_path: Path) -> None:
    broken = b"What is a stroke? " + HALF_EMOJI
    source = write(
        tmp_path / "in.parquet",
        id=not_utf8(b"a", b"b" + HALF_EMOJI, b"c", b"d", b"e"),
        language=["en"] * 5,
        question=not_utf8(broken, b"What is gout?", broken, b"What is sepsis?", b"what is sepsis"),
        options=pa.ListArray.from_arrays([0, 1, 1, 2, 2, 2], not_utf8(b"x", b"x")),
    )
    told = run(source, tmp_path / "out").stdout
    assert "3 texts are no UTF-8" in told
    assert dropped_ids(tmp_path / "out") == ["c", "e"]
    kept = pq.read_table(tmp_path / "out" / "kept.parquet")
    assert kept["question"].cast(pa.binary()).to_pylist()[0] == broken
    assert kept["id"].cast(pa.binary()).to_pylist() == [b"a", b"b" + HALF_EMOJI, b"d"]


def test_options_of_our_own_releases_are_read(tmp_path: Path) -> None:
    texts = ["Metformin", "Insulin", "Aspirin"]
    forward, backward = (
        [{"letter": letter, "text": text} for letter, text in zip("ABC", order, strict=True)]
        for order in (texts, texts[::-1])
    )
    rows = {"id": ["1", "2", "3"], "language": ["en"] * 3}
    source = write(
        tmp_path / "in.parquet",
        **rows,
        question=["Which drug lowers the making of glucose in the liver?"] * 3,
        options=[forward, backward, forward[:2]],
        answer_letters=[["A"], ["C"], ["A"]],
        answer=["Metformin"] * 3,
    )
    for named in ((), ("--answer", "answer_letters")):
        deduplicated(source, tmp_path / "out", *named)
        assert dropped_ids(tmp_path / "out") == ["2"]


@pytest.mark.parametrize("name", FILES)
def test_the_input_is_never_replaced(tmp_path: Path, name: str) -> None:
    source = write(tmp_path / name, id=["1"], language=["ja"], question=["喘息とは何か。"])
    result = run(source, tmp_path)
    assert "is the input itself" in str(result.exception)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_lists_of_something_else_are_refused(tmp_path: Path) -> None:
    rows = {"id": ["1"], "language": ["es"], "question": ["¿Qué es el asma?"]}
    source = write(tmp_path / "in.parquet", **rows, options=[[{"label": "A", "value": "x"}]])
    assert "expected is list of text" in failed(source, tmp_path / "out")


def test_a_mistake_ends_in_one_line(tmp_path: Path) -> None:
    write(tmp_path / "in.parquet", id=["1"], language=["ru"], qestion=["Что такое астма?"])
    said = fault(mmed("dedup", "in.parquet", "out", cwd=tmp_path), 2)
    assert said.startswith("in.parquet: there is no column 'question'")
    assert said.endswith("Did you mean 'qestion'?")


def test_a_terminal_shows_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "in.parquet", id=["1"], language=["zh"], question=["什么是哮喘？"])
    assert not run(source, tmp_path / "out").stderr
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    shown = run(source, tmp_path / "out").stderr
    for step in ("reading", "comparing", "writing what is kept"):
        assert step in shown


def many(path: Path, count: int) -> Path:
    """Write different questions that do not compress."""
    texts = [" ".join(words(20, seed)) for seed in range(count)]
    return write(path, id=[*range(count)], language=["en"] * count, question=texts)


def test_an_interrupt_leaves_no_half_file(tmp_path: Path) -> None:
    source = many(tmp_path / "in.parquet", 20_000)
    process = subprocess.Popen(
        [str(MMED), "dedup", str(source), str(tmp_path / "out")],
        env=os.environ | {"TTY_COMPATIBLE": "1"},
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert process.stderr.read(1)  # progress: it has begun
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_no_half_file_and_the_old_one(tmp_path: Path) -> None:
    source = many(tmp_path / "in.parquet", 20_000)
    deduplicated(source, tmp_path / "out")
    before = {name: (tmp_path / "out" / name).read_bytes() for name in FILES}
    size = len(before["kept.parquet"]) // 2
    result = mmed(
        "dedup", "in.parquet", "out", cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )  # fmt: skip
    assert "run the same command again" in fault(result, 3)
    assert {one.name: one.read_bytes() for one in (tmp_path / "out").iterdir()} == before


def test_many_identical_rows_become_one(tmp_path: Path) -> None:
    count = 20_000
    rows = {"id": [*range(count)], "language": ["fr"] * count}
    source = write(tmp_path / "in.parquet", **rows, question=["Qu'est-ce que l'asthme ?"] * count)
    summary = deduplicated(source, tmp_path / "out")
    assert summary["dropped"] == {"exact_duplicate": count - 1}
    assert pl.read_parquet(tmp_path / "out" / "kept.parquet")["id"].to_list() == [0]


def test_rows_of_one_template_are_all_kept_and_the_cap_is_told(tmp_path: Path) -> None:
    count = 100
    rows = {"id": [*range(count)], "language": ["en"] * count}
    source = write(
        tmp_path / "in.parquet", **rows, question=[LONG.format(word) for word in words(count, 1)]
    )
    summary = deduplicated(source, tmp_path / "out")
    assert (summary["kept"], summary["dropped"]) == (count, {})
    assert summary["capped_buckets"] > 0
    assert "too large to compare" in run(source, tmp_path / "out").stdout


@pytest.mark.slow
def test_records_of_five_megabytes_are_compared(tmp_path: Path) -> None:
    long = " ".join(words(60_000, 2)) * 10
    changed = f"{long[:2_000_000]} not {long[2_000_000:]}"
    texts = [long, f"{long} ", changed, "-" * 5_000_000, "7" * 5_000_000, "What is gout?"]
    assert min(map(len, texts[:-1])) >= 5_000_000
    rows = {"id": [*range(len(texts))], "language": ["en"] * len(texts)}
    source = write(tmp_path / "in.parquet", **rows, question=texts)
    summary, memory = measured(source, tmp_path / "out")
    assert (summary["dropped"], summary["flagged"]) == ({"exact_duplicate": 1}, 2)
    assert memory < 2 * GIB


@pytest.mark.slow
def test_a_million_identical_rows_become_one(tmp_path: Path) -> None:
    count = 1_000_000
    rows = {"id": [*range(count)], "language": ["en"] * count}
    source = write(tmp_path / "in.parquet", **rows, question=["What is missing in scurvy?"] * count)
    summary, memory = measured(source, tmp_path / "out")
    assert summary["dropped"] == {"exact_duplicate": count - 1}
    assert memory < 2 * GIB


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "count"),
    [("What are the symptoms of disease {}?", 200_000), (LONG, 2_000)],
    ids=["short", "long"],
)
def test_large_templates_end_in_bounded_memory(tmp_path: Path, template: str, count: int) -> None:
    rows = {"id": [*range(count)], "language": ["en"] * count}
    questions = [template.format(word) for word in words(count, 3)]
    summary, memory = measured(
        write(tmp_path / "in.parquet", **rows, question=questions), tmp_path / "out"
    )
    assert summary["kept"] > 0.99 * count
    assert summary["capped_buckets"] > 0
    assert memory < 4 * GIB
