"""Several processes end in one line, as one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import InputError, MmedError
from pipeline.finetune.launch import launch
from pipeline.finetune.train import train
from tests.pipeline.finetune.runs import losses, write_run


def test_a_fault_that_all_processes_meet_is_told_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_run(tmp_path, capacity=4)
    with pytest.raises(InputError, match="capacity") as alone:
        train(path)
    with pytest.raises(InputError) as together:
        launch(path, 2)
    assert str(together.value) == str(alone.value)
    assert capfd.readouterr().err == ""


def test_the_process_with_the_bad_pack_is_the_one_that_is_heard(tmp_path: Path) -> None:
    stage = {"name": "ift", "pool": "pools/ift", "lr": 1e38, "warmup": 0}
    with pytest.raises(MmedError, match=r"pack \d+: the loss is nan.*Records: [0-9a-f]{32}"):
        launch(write_run(tmp_path, stages=[stage], clip=1e30), 2)


def test_processes_started_together_train_both_stages(tmp_path: Path) -> None:
    launch(write_run(tmp_path), 2)
    assert {line["stage"] for line in losses(tmp_path)} == {"ift", "mc"}
