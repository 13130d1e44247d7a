from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.finetune.settings import read_settings

STAGE = {"name": "ift", "pool": "pools/ift", "lr": 1e-3}
RUN: dict[str, Any] = {
    "model": "random:tiny",
    "tokenizer": "tiny",
    "stages": [STAGE, {**STAGE, "name": "mc"}],
    "capacity": 128,
    "packs_per_step": 2,
    "template": "model",  # of the pools, and nothing to a run
}


def _read(values: object) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.json"
        path.write_text(json.dumps(values), encoding="utf-8")
        return read_settings(path)


@settings(deadline=None, max_examples=40)
@given(missing=st.sets(st.sampled_from(sorted({*RUN} - {"template"})), max_size=5))
def test_every_missing_key_is_named_in_one_line(missing: set[str]) -> None:
    values = {key: value for key, value in RUN.items() if key not in missing}
    if not missing:
        assert [stage.name for stage in _read(values).stages] == ["ift", "mc"]
        return
    with pytest.raises(InputError) as caught:
        _read(values)
    said = str(caught.value)
    named = {"stages"} if "stages" in missing else missing
    assert all(repr(key) in said or f"`{key}`" in said for key in named)
    assert "\n" not in said
    assert "run.json" in said


@pytest.mark.parametrize("key", STAGE)
def test_a_missing_key_of_a_stage_is_named(key: str) -> None:
    stage = {name: value for name, value in STAGE.items() if name != key}
    with pytest.raises(InputError, match=f"run.json: .*'{key}'.*`mmed train RECIPE` writes it"):
        _read({**RUN, "stages": [STAGE, stage]})


@pytest.mark.parametrize("values", [[], "run", {**RUN, "stages": []}, {**RUN, "stages": None}])
def test_what_has_no_stages_is_no_run(values: object) -> None:
    with pytest.raises(InputError, match="without `stages`"):
        _read(values)


def test_folders_of_pools_are_beside_the_file_and_targets_a_tuple(tmp_path: Path) -> None:
    lora = {"rank": 4, "alpha": 8, "targets": ["q_proj"]}
    (tmp_path / "run.json").write_text(json.dumps({**RUN, "lora": lora}), encoding="utf-8")
    run = read_settings(tmp_path / "run.json")
    assert run.folder == tmp_path
    assert run.lora is not None
    assert run.lora.targets == ("q_proj",)
