"""`mmed train` from a release to a run card, as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("transformers")

from pipeline import cli, cli_train
from pipeline.errors import InputError
from pipeline.finetune.pool import open_pool
from pipeline.report import write_report
from tests.pipeline.finetune.conftest import TEXTS


@pytest.fixture(scope="session")
def model_folder(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small model with random weights, and its tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("model") / "small"
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=2048,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def recipe(demo_build: Path, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("recipe"), demo_build, model_folder)


def write_recipe(folder: Path, demo_build: Path, model_folder: Path, **changes: Any) -> Path:
    values = {
        "model": str(model_folder),
        "data": str(demo_build / "release"),
        "capacity": 1024,
        "batch": 2,
        "lora": {"rank": 2},
        "device": "cpu",
        "stages": [
            {"name": "ift", "lr": 1e-3, "max_steps": 3, "temperature": 2},
            {"name": "mc", "lr": 1e-3, "max_steps": 2, "replay": 0.25},
        ],
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["mmed", "train", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def trained(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "out"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert run(monkeypatch, recipe, "--out", out) == 0
    return out


def test_a_release_becomes_an_adapter_and_a_card_of_both_stages(trained: Path) -> None:
    card = json.loads((trained / "run_card.json").read_text(encoding="utf-8"))
    assert [(stage["name"], stage["steps"]) for stage in card["stages"]] == [("ift", 3), ("mc", 2)]
    assert (trained / "adapter" / "adapter_model.safetensors").is_file()
    losses = (trained / "losses.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(losses) == 5
    for stage in card["stages"]:
        pool = open_pool(trained / "pools" / f"{stage['name']}-train")
        assert stage["pool"] == pool.facts["digest"]
        assert stage["release"] == pool.facts["input"]
        assert {*stage["tokens_per_character"]} == {*TEXTS}


def test_what_was_trained_comes_with_the_tokenizer_and_its_template(
    trained: Path, model_folder: Path
) -> None:
    from transformers import AutoTokenizer

    turns = [{"role": "user", "content": TEXTS["ja"][0]}, {"role": "assistant", "content": "7 mg"}]
    said = [
        AutoTokenizer.from_pretrained(folder).apply_chat_template(turns, tokenize=False)
        for folder in (trained / "adapter", model_folder)
    ]
    assert said[0] == said[1]


def test_the_card_counts_the_tokens_of_the_steps_taken_and_no_others(trained: Path) -> None:
    card = json.loads((trained / "run_card.json").read_text(encoding="utf-8"))
    speed = map(json.loads, (trained / "speed.jsonl").read_text(encoding="utf-8").splitlines())
    seen: dict[str, int] = {}
    for line in speed:
        seen[line["stage"]] = seen.get(line["stage"], 0) + line["tokens"]
    told = {
        stage["name"]: sum(one["tokens"] for one in stage["languages"].values())
        for stage in card["stages"]
    }
    assert told == seen


def test_fertility_of_each_language_is_beside_its_tokens(trained: Path) -> None:
    card = json.loads((trained / "run_card.json").read_text(encoding="utf-8"))
    text = (trained / "run_card.md").read_text(encoding="utf-8")
    for stage in card["stages"]:
        for language, seen in stage["languages"].items():
            row = f"| {language} | {seen['items']:,} | {seen['tokens']:,} | {seen['supervised']:,} "
            assert f"{row}| {stage['tokens_per_character'][language]} |\n" in text
    # Bytes are its tokens, and a sign of Chinese has three.
    fertility = card["stages"][0]["tokens_per_character"]
    assert fertility["zh"] > fertility["en"]


def test_report_of_the_release_tells_the_fertility_of_its_pools(
    trained: Path, demo_build: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(demo_build, tmp_path / "out")
    pools = [trained / "pools" / name for name in ("ift-train", "mc-train")]
    page = write_report(out, pools).read_text(encoding="utf-8")
    card = json.loads((trained / "run_card.json").read_text(encoding="utf-8"))
    told = json.loads((out / "report" / "report.json").read_text(encoding="utf-8"))["fertility"]
    assert [one["part"] for one in told] == ["ift train", "mc train"]
    for one, stage in zip(told, card["stages"], strict=True):
        assert {k: round(v, 3) for k, v in one["by_language"].items()} == stage[
            "tokens_per_character"
        ]
        for value in one["by_language"].values():
            assert f"<td>{value:.2f}</td>" in page


def test_the_same_command_again_trains_nothing_and_says_so(
    trained: Path, recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    assert run(monkeypatch, recipe, "--out", trained) == 0
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before
    printed = capsys.readouterr()
    assert "trained already" in printed.err
    assert str(trained / "run_card.md") in printed.out


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_ends_a_run_in_one_line(processes: int, recipe: Path, tmp_path: Path) -> None:
    stages = [{"name": "ift", "lr": 1e-3, "epochs": 10_000}]
    values = yaml.safe_load(recipe.read_text(encoding="utf-8")) | {"stages": stages}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    mmed = Path(sys.executable).with_name("mmed")
    command = [str(mmed), "train", "recipe.yaml", "--out", "out", "--processes", str(processes)]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (tmp_path / "out" / "losses.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert errors.endswith("mmed: interrupted; the same command goes on where this one stopped.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--processes", "3"], "3 processes cannot share the 2 packs of a step evenly"),
        (["--device", "cuda"], "finds no GPU"),
        (["--device", "tpu"], "device: "),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_made(
    arguments: list[str],
    message: str,
    recipe: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    assert run(monkeypatch, recipe, "--out", tmp_path / "out", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


def test_curves_without_the_package_are_refused_before_anything_is_made(
    demo_build: Path,
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    path = write_recipe(tmp_path, demo_build, model_folder, tensorboard=True)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert run(monkeypatch, path, "--out", tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "`tensorboard` is not installed. Run `pip install tensorboard`" in line
    assert not (tmp_path / "out").exists()


def test_missing_packages_are_named_with_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_train, "find_spec", lambda name: None if name == "peft" else name)
    with pytest.raises(InputError, match=r"not installed: peft\. Run `make train`"):
        cli_train.check_extra()
