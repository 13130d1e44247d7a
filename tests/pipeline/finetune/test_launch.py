"""Several processes end in one line, as one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.finetune.launch import launch
from tests.pipeline.finetune.runs import losses, write_run


def test_a_fault_that_all_processes_meet_is_told_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="capacity") as told:
        launch(write_run(tmp_path, capacity=4), 2)
    assert "\n" not in str(told.value)
    assert capfd.readouterr().err == ""


def test_processes_started_together_train_both_stages(tmp_path: Path) -> None:
    launch(write_run(tmp_path), 2)
    assert {line["stage"] for line in losses(tmp_path)} == {"ift", "mc"}
