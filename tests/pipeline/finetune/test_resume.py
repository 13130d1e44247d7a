"""A run that is killed, at any step and between stages, ends as an unbroken one."""

from __future__ import annotations

import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.finetune.train import train
from tests.pipeline.finetune.runs import losses, run, start, write_run

SETTINGS = {"save_every": 2, "merge": True}
SAID = "said.txt"
ADAPTER = Path("adapter") / "adapter_model.safetensors"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_run(tmp_path_factory.mktemp("unbroken"), **SETTINGS)
    code, said = run(path)
    assert code == 0, said
    (path.parent / SAID).write_text(said, encoding="utf-8")
    return path.parent


def test_a_run_prints_its_own_lines_and_no_others(unbroken: Path) -> None:
    lines = (unbroken / SAID).read_text(encoding="utf-8").splitlines()
    own = r"(ift|mc): (step [\d,]+ of [\d,]+, loss |[\d,]+ items in [\d,]+ steps, efficiency )"
    assert lines[0].startswith("Loading the model, and proving ")
    assert [line for line in lines[1:] if not re.match(own, line)] == []
    assert len(lines) == len(losses(unbroken)) + 3


@pytest.mark.parametrize("killed_after", [1, 5, 16])
def test_a_killed_run_gives_the_losses_and_weights_of_an_unbroken_one(
    killed_after: int, unbroken: Path, tmp_path: Path
) -> None:
    path = write_run(tmp_path, **SETTINGS)
    process = start(path)
    while process.poll() is None:
        written = tmp_path / "losses.jsonl"
        if written.exists() and written.read_bytes().count(b"\n") >= killed_after:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    assert process.wait() == -signal.SIGKILL
    code, said = run(path)
    assert code == 0, said
    assert (tmp_path / "losses.jsonl").read_bytes() == (unbroken / "losses.jsonl").read_bytes()
    assert (tmp_path / ADAPTER).read_bytes() == (unbroken / ADAPTER).read_bytes()


def test_a_checkpoint_cut_in_half_is_told_and_the_one_before_goes_on(
    unbroken: Path, tmp_path: Path
) -> None:
    shutil.copytree(unbroken, tmp_path, dirs_exist_ok=True)
    (tmp_path / "run_card.json").unlink()
    last = max((tmp_path / "checkpoints").iterdir())
    weights = last / "trained.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(
        InputError, match=r"cannot be read .* Delete .* to go on from the checkpoint"
    ):
        train(tmp_path / "run.json")
    shutil.rmtree(last)
    train(tmp_path / "run.json")
    assert [line["loss"] for line in losses(tmp_path)] == pytest.approx(
        [line["loss"] for line in losses(unbroken)], rel=1e-6
    )


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    first = start(path)
    try:
        while not (tmp_path / "losses.jsonl").exists():
            assert first.poll() is None
            time.sleep(0.01)
        with pytest.raises(InputError, match="another command is writing here"):
            train(path)
    finally:
        first.kill()
        first.wait()
