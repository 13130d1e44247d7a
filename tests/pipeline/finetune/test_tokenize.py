from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from pipeline.errors import InputError
from pipeline.finetune.pool import Pool, open_pool
from pipeline.finetune.templates import Chat, load_chat
from pipeline.finetune.tokenize import Settings, tokenize
from pipeline.finetune.tokenize_rows import choice_answer, find_input, read_batches, rows_of
from pipeline.finetune.tokenizer import load_tokenizer
from pipeline.release.messages import messages
from tests.pipeline.finetune.conftest import TEXTS, make_tokenizer

IFT = Settings("ift", "train", 4096)
MC = Settings("mc", "train", 4096)


@pytest.fixture(scope="module")
def chat() -> Chat:
    return load_chat(make_tokenizer(), "model", "tiny")


def make(release: Path, out: Path, chat: Chat, settings: Settings) -> Pool:
    return open_pool(tokenize(release, out, "tiny", chat, settings, lambda *_: None))


def texts(pool: Pool, chat: Chat) -> Iterator[tuple[str, str, str]]:
    """Yield language, prompt and supervised text of each item."""
    for at in range(pool.facts["num_items"]):
        tokens = pool.tokens[pool.offsets[at] : pool.offsets[at + 1]].tolist()
        begin, end = pool.spans[pool.span_offsets[at]]
        language = pool.facts["languages"][pool.language[at]]
        prompt, answer = (
            chat.tokenizer.decode(part) for part in (tokens[:begin], tokens[begin:end])
        )
        yield language, str(prompt), str(answer)


def test_open_items_supervise_their_answers_in_every_language(
    small_release: Path, tmp_path: Path, chat: Chat
) -> None:
    pool = make(small_release, tmp_path / "out", chat, IFT)
    seen = list(texts(pool, chat))
    assert len(seen) == 20 * len(TEXTS)
    assert {language for language, *_ in seen} == {*TEXTS}
    for language, prompt, supervised in seen:
        assert TEXTS[language][0] in prompt
        assert supervised == f"{TEXTS[language][1]}<|im_end|>"


@pytest.mark.parametrize("rationale", [False, True])
def test_multiple_choice_supervises_letter_and_text_and_the_rationale_by_option(
    small_release: Path, tmp_path: Path, chat: Chat, rationale: bool
) -> None:
    pool = make(small_release, tmp_path / "out", chat, replace(MC, rationale=rationale))
    for at, (language, prompt, supervised) in enumerate(texts(pool, chat)):
        number = int(pool.record_id(at)[:30], 16)
        reason = f"\n\n{TEXTS[language][2]}" if rationale else ""
        assert supervised == f"B. b {number}{reason}<|im_end|>"
        assert f"A. a {number}\nB. b {number}\nC. c {number}" in prompt


def test_both_subsets_make_one_pool_of_the_items_that_each_alone_would_have(
    small_release: Path, tmp_path: Path, chat: Chat
) -> None:
    made = {
        stage: make(small_release, tmp_path / stage, chat, replace(IFT, stage=stage))
        for stage in ("ift", "mc", "both")
    }
    alone = [*texts(made["ift"], chat), *texts(made["mc"], chat)]
    assert [*texts(made["both"], chat)] == alone


@pytest.mark.parametrize("indices", [[1], [0, 2]])
@pytest.mark.parametrize("rationale", ["", "Because."])
def test_an_answer_reads_as_the_release_writes_it(indices: list[int], rationale: str) -> None:
    options = ["liver", "heart", "lung"]
    row: dict[str, Any] = {
        "history": [],
        "language": "en",
        "form": "exam",
        "task": "mcq",
        "id": "0" * 32,
        "question": "Which?",
        "context": "",
        "options": options,
        "answer_indices": indices,
        "several_allowed": len(indices) > 1,
        "rationale": rationale,
    }
    published = [{"letter": "ABC"[at], "text": text} for at, text in enumerate(options)]
    written = messages(row, "rationale")[-1]["content"]
    assert choice_answer(["ABC"[at] for at in indices], published, rationale) == written


def test_a_pool_states_what_made_it(small_release: Path, tmp_path: Path, chat: Chat) -> None:
    facts = make(small_release, tmp_path / "out", chat, IFT).facts
    assert facts["vocabulary"] == len(chat.tokenizer)
    assert facts["pad_token"] == 0  # this tokenizer has none
    assert facts["tokenizer"]["name"] == "tiny"
    assert facts["template"]["end_of_turn"] == chat.end_of_turn
    assert (facts["stage"], facts["split"], facts["capacity"]) == ("ift", "train", 4096)
    assert facts["sources"] == ["ours"]
    assert facts["fertility"]["zh"]["supervised_characters"] == 20 * len(TEXTS["zh"][1])


def test_a_finished_pool_is_left_alone_and_made_again_when_anything_changed(
    small_release: Path, tmp_path: Path, chat: Chat
) -> None:
    folder = tokenize(small_release, tmp_path, "tiny", chat, IFT, lambda *_: None)
    before = (folder / "pool.json").stat().st_ino
    calls: list[int] = []
    tokenize(small_release, tmp_path, "tiny", chat, IFT, lambda *_: calls.append(1))
    assert not calls
    assert (folder / "pool.json").stat().st_ino == before
    other = replace(IFT, capacity=100)
    assert make(small_release, tmp_path, chat, other).facts["capacity"] == 100
    (folder / "tokens.bin").write_bytes(b"")
    assert make(small_release, tmp_path, chat, other).facts["num_items"] > 0


def test_progress_ends_with_every_row(small_release: Path, tmp_path: Path, chat: Chat) -> None:
    calls: list[tuple[int, int, int]] = []
    folder = tokenize(small_release, tmp_path, "tiny", chat, IFT, lambda *now: calls.append(now))
    num_tokens = open_pool(folder).facts["num_tokens"]
    assert calls[-1] == (20 * len(TEXTS), 20 * len(TEXTS), num_tokens)
    assert [done for done, *_ in calls] == sorted(done for done, *_ in calls)


_SLOW_RUN = """
import sys, time
from pathlib import Path
from pipeline.finetune.templates import load_chat
from pipeline.finetune.tokenize import Settings, tokenize
from pipeline.finetune.tokenizer import load_tokenizer
release, out, model = sys.argv[1:]
chat = load_chat(load_tokenizer(model), "model", model)
settings = Settings("ift", "train", 4096)
tokenize(Path(release), Path(out), model, chat, settings, lambda *_: time.sleep(60))
"""


def test_a_killed_run_goes_on_and_ends_with_the_bytes_of_an_unbroken_one(
    small_release: Path, tmp_path: Path, tokenizer_folder: Path
) -> None:
    out, name = tmp_path / "out", str(tokenizer_folder)
    command = [sys.executable, "-c", _SLOW_RUN, str(small_release), str(out), name]
    with subprocess.Popen(command) as run:
        deadline = time.monotonic() + 60
        while not list(out.rglob("*.npz")) and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(run.pid, signal.SIGKILL)
    (chunk,) = out.rglob("*.npz")
    written = chunk.stat().st_mtime_ns
    chat = load_chat(load_tokenizer(name), "model", name)
    stood: list[int] = []

    def look(*_: int) -> None:
        stood.append(chunk.stat().st_mtime_ns)

    resumed = tokenize(small_release, out, name, chat, IFT, look)
    unbroken = tokenize(small_release, tmp_path / "again", name, chat, IFT, lambda *_: None)
    assert {*stood} == {written}  # what the killed run had done was not done again
    names = sorted(path.name for path in unbroken.iterdir())
    assert sorted(path.name for path in resumed.iterdir()) == names
    for each in names:
        assert (resumed / each).read_bytes() == (unbroken / each).read_bytes()
    assert sorted(path.name for path in resumed.parent.iterdir()) == ["ift-train"]


def test_a_split_that_is_not_there_is_refused_with_those_that_are(
    small_release: Path, tmp_path: Path, chat: Chat
) -> None:
    with pytest.raises(InputError, match=r"no split 'test' of mmed_ift .* splits there: train"):
        make(small_release, tmp_path, chat, replace(IFT, split="test"))


def test_a_capacity_below_every_item_is_refused_with_the_shortest(
    small_release: Path, tmp_path: Path, chat: Chat
) -> None:
    pool = make(small_release, tmp_path / "a", chat, IFT)
    shortest = int(pool.lengths.min())
    with pytest.raises(InputError, match=f"the shortest has {shortest} tokens"):
        make(small_release, tmp_path / "b", chat, replace(IFT, capacity=16))


def test_kept_and_dropped_items_are_all_items(
    small_release: Path, tmp_path: Path, chat: Chat
) -> None:
    lengths = make(small_release, tmp_path / "a", chat, IFT).lengths
    capacity = int(sorted(lengths)[len(lengths) // 2])
    facts = make(small_release, tmp_path / "b", chat, replace(IFT, capacity=capacity)).facts
    dropped = sum(sum(reasons.values()) for reasons in facts["dropped"].values())
    assert facts["num_items"] == (lengths <= capacity).sum()
    assert dropped == (lengths > capacity).sum()
    assert facts["max_length"] <= capacity


def test_rows_come_in_the_order_of_the_files_whatever_the_batch(small_release: Path) -> None:
    source = find_input(small_release, "mc", "train")

    def ids(size: int) -> list[str]:
        batches = read_batches(source.paths, size)
        return [row.id for batch in batches for row in rows_of(batch, with_rationale=False)]

    assert ids(7) == ids(1000)
    assert len(ids(7)) == source.num_rows
