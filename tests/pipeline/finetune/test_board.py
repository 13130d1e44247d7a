from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.finetune.train import train
from tests.pipeline.finetune.runs import losses, write_run

STAGE = {"name": "ift", "pool": "pools/ift", "lr": 1e-3, "max_steps": 4}


def _curves(folder: Path) -> dict[str, dict[int, float]]:
    reader: Any = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(folder))
    events.Reload()
    return {
        name: {one.step: one.value for one in events.Scalars(name)}
        for name in events.Tags()["scalars"]
    }


def test_curves_are_those_of_the_losses_file(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(write_run(tmp_path, stages=[STAGE], tensorboard=True))
    curves = _curves(tmp_path / "tensorboard" / "ift")
    assert {*curves} == {"loss", "learning_rate", "gradient_norm", "tokens_per_second"}
    for line in losses(tmp_path):
        for name in ("loss", "learning_rate", "gradient_norm"):
            assert curves[name][line["step"]] == pytest.approx(line[name])
    assert all(value > 0 for value in curves["tokens_per_second"].values())


def test_a_run_that_goes_on_draws_its_steps_once(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    path = write_run(tmp_path, stages=[STAGE], tensorboard=True, save_every=2)
    train(path)
    (tmp_path / "run_card.json").unlink()
    last = max((tmp_path / "checkpoints").iterdir())
    for file in last.iterdir():
        file.unlink()
    last.rmdir()
    train(path)
    assert [*_curves(tmp_path / "tensorboard" / "ift")["loss"]] == [0, 1, 2, 3]


def test_a_run_that_does_not_ask_draws_nothing(tmp_path: Path) -> None:
    train(write_run(tmp_path, stages=[STAGE]))
    assert not (tmp_path / "tensorboard").exists()
