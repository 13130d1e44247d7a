"""Two processes give what one gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.finetune.train import train
from tests.pipeline.finetune.runs import losses, run, start, write_run

STAGE = {"name": "ift", "pool": "pools/ift", "lr": 3e-3, "epochs": 6, "max_steps": 20}


def _losses_of(folder: Path, processes: int, **changes: Any) -> list[float]:
    path = write_run(folder, stages=[STAGE], packs_per_step=4, capacity=64, **changes)
    if processes == 1:
        train(path)  # here, as starting a process takes longer than this run
    else:
        code, said = run(path, processes)
        assert code == 0, said
    return [line["loss"] for line in losses(folder)]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("trained", ["lora", "full"])
def test_two_processes_give_the_losses_of_one(
    trained: str, dtype: str, tolerance: float, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"dtype": dtype} | ({"lora": None} if trained == "full" else {})
    alone = _losses_of(tmp_path / "alone", 1, **changes)
    together = _losses_of(tmp_path / "together", 2, **changes)
    assert len(alone) == 20
    assert together == pytest.approx(alone, rel=tolerance, abs=0)


def test_a_run_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    alone = _losses_of(tmp_path / "alone", 1)
    folder = tmp_path / "changing"
    path = write_run(folder, stages=[STAGE], packs_per_step=4, capacity=64, save_every=5)
    assert _stopped_half_way(path)
    code, said = run(path, 2)
    assert code == 0, said
    assert [line["loss"] for line in losses(folder)] == pytest.approx(alone, rel=1e-5)


def _stopped_half_way(path: Path) -> bool:
    """Start alone and kill after some steps."""
    process = start(path)
    while process.poll() is None:
        if len([*(path.parent / "checkpoints").glob("[0-9]*")]) >= 2:
            process.kill()
            break
    return process.wait() != 0
