from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.finetune.journal import LOSSES, SPEED, cut_back

STAGES = ["ift", "mc"]


def _lines(num_ift: int, num_mc: int) -> list[dict[str, Any]]:
    numbers = {"ift": num_ift, "mc": num_mc}
    return [
        {"stage": stage, "step": step, "loss": step / 7}
        for stage in STAGES
        for step in range(numbers[stage])
    ]


@settings(deadline=None, max_examples=60)
@given(
    num_ift=st.integers(0, 9),
    num_mc=st.integers(0, 9),
    stage=st.sampled_from(STAGES),
    step=st.integers(0, 9),
    half=st.integers(0, 40),
)
def test_lines_of_steps_to_take_again_go_and_a_half_line_with_them(
    num_ift: int, num_mc: int, stage: str, step: int, half: int
) -> None:
    lines = _lines(num_ift, num_mc)
    cut_off = json.dumps({"stage": "ift", "step": 0, "loss": 0.123456789})[:half]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in (LOSSES, SPEED):
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / file).write_text(text + cut_off, encoding="utf-8")
        cut_back(folder, STAGES, stage, step)
        for file in (LOSSES, SPEED):
            left = (folder / file).read_text(encoding="utf-8").splitlines()
            assert [json.loads(line) for line in left] == [
                line
                for line in lines
                if (STAGES.index(line["stage"]), line["step"]) < (STAGES.index(stage), step)
            ]
        assert {path.name for path in folder.iterdir()} == {LOSSES, SPEED}


def test_a_run_without_lines_yet_has_none_afterwards(tmp_path: Path) -> None:
    cut_back(tmp_path, STAGES, "ift", 0)
    assert not [*tmp_path.iterdir()]
