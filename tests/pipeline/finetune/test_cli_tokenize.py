from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("transformers")

from pipeline import cli
from pipeline.finetune.pool import open_pool
from pipeline.train_recipe import load_training_recipe, resolve
from tests.pipeline.finetune.conftest import TEXTS


@pytest.fixture
def recipe(demo_build: Path, tokenizer_folder: Path, tmp_path: Path) -> Path:
    values = {
        "model": str(tokenizer_folder),
        "data": str(demo_build / "release"),
        "capacity": 4096,
        "lora": {},
        "stages": [{"name": "ift", "lr": 1e-4}, {"name": "mc", "lr": 1e-4, "split": "validation"}],
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["mmed", "tokenize", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_every_stage_gets_its_pool_where_the_run_will_look_for_it(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    out = tmp_path / "out"
    assert run(monkeypatch, str(recipe), "--out", str(out)) == 0
    printed = capsys.readouterr()
    for stage in resolve(load_training_recipe(recipe))["stages"]:
        pool = open_pool(out / stage["pool"])
        assert {*pool.facts["fertility"]} == {*TEXTS}
        assert f"{out / stage['pool']}: {pool.facts['num_items']} items, " in printed.out
    assert "tokens/character" in printed.out
    assert all(f"\n{language}  " in printed.out for language in TEXTS)
    assert "ift train: " in printed.err


def test_a_release_that_fails_verify_is_refused_in_one_line(
    recipe: Path, demo_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    broken = shutil.copytree(demo_build / "release", tmp_path / "broken")
    (broken / "LICENSES.md").write_text("changed", encoding="utf-8")
    out = tmp_path / "out"
    assert run(monkeypatch, str(recipe), "--data", str(broken), "--out", str(out)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "does not pass `mmed verify`: checksums" in line
    assert not (out / "pools").exists()


def test_a_second_command_in_the_same_folder_is_refused(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(monkeypatch, str(recipe), "--out", str(tmp_path)) == 2
    assert "another command is writing here" in capsys.readouterr().err
