"""`mmed export`: every row arrives, in a shape that the trainer or harness itself reads."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import InputError
from pipeline.export.export import Exported, export
from pipeline.export.shapes import SHAPES
from schemas.item import LANGUAGES
from tests.pipeline.release.conftest import Rows, alter, parquet, read
from tests.pipeline.release.tiny import write_model

MASKED = -100  # a label that no loss is taken of
DIALOGUE = [
    {"role": "user", "content": "J’ai de la fièvre."},
    {"role": "assistant", "content": "Depuis quand ?"},
    {"role": "user", "content": "Depuis hier."},
    {"role": "assistant", "content": "Buvez, et mesurez encore ce soir."},
]
FR, RU_TEST = parquet("mmed_ift", "fr"), parquet("mmed_ift_mc", "ru", "test")


@pytest.fixture(scope="module")
def release(demo_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the demo release with a dialogue, and with two right letters in a test row."""
    folder = tmp_path_factory.mktemp("copy") / "release"
    shutil.copytree(demo_build / "release", folder)
    alter(folder, FR, lambda rows: rows[0].update(messages=DIALOGUE))
    alter(folder, RU_TEST, lambda rows: rows[0].update(answer_letters=["A", "B"]))
    return folder


@pytest.fixture
def exported(
    request: pytest.FixtureRequest, release: Path, tmp_path: Path
) -> tuple[Exported, Path]:
    return export(release, request.param, tmp_path / "out"), tmp_path / "out"


def records(folder: Path, pattern: str = "*.jsonl") -> Rows:
    paths = sorted(folder.glob(pattern))
    return [json.loads(line) for path in paths for line in path.open(encoding="utf-8")]


def dialogue(folder: Path, release: Path) -> dict[str, Any]:
    """Return the record that the dialogue became."""
    name = read(release, FR)[0]["id"]
    (found,) = [record for record in records(folder) if record["id"] == name]
    return found


TRAINERS = [style for style in SHAPES if style != "lm-eval"]


@pytest.mark.parametrize("exported", TRAINERS, indirect=True)
def test_every_row_arrives_once_unless_it_is_counted(
    exported: tuple[Exported, Path], release: Path
) -> None:
    told, folder = exported
    rows = pl.read_parquet(release / "mmed_ift*" / "*" / "*.parquet")
    ids = [record["id"] for record in records(folder)]
    assert len(ids) == len(set(ids)) == rows.height - told.left_out
    assert set(ids) <= set(rows["id"])
    assert Counter(record["language"] for record in records(folder)).keys() == set(LANGUAGES)
    for path, number in told.rows.items():
        assert len(records(folder, path)) == number
    assert {path.name for path in folder.iterdir()} == {*told.rows, *told.configs}


@pytest.mark.parametrize("exported", ["trl"], indirect=True)
def test_trl_gets_the_earlier_turns_as_prompt(
    exported: tuple[Exported, Path], release: Path
) -> None:
    record = dialogue(exported[1], release)
    assert record["prompt"] == DIALOGUE[:-1]
    assert record["completion"] == DIALOGUE[-1:]


@pytest.mark.parametrize("exported", ["sharegpt"], indirect=True)
def test_sharegpt_gets_every_turn(exported: tuple[Exported, Path], release: Path) -> None:
    turns = dialogue(exported[1], release)["conversations"]
    assert [turn["from"] for turn in turns] == ["human", "gpt", "human", "gpt"]
    assert [turn["value"] for turn in turns] == [turn["content"] for turn in DIALOGUE]


def test_alpaca_leaves_dialogues_out_and_says_so(release: Path, tmp_path: Path) -> None:
    arguments = ["export", str(release), "--format", "alpaca", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "\n1 rows left out: dialogues of several turns, " in result.stdout
    texts = {record["output"] for record in records(tmp_path / "out")}
    assert DIALOGUE[-1]["content"] not in texts
    keys = {"instruction", "input", "output", "id", "language"}
    assert all(record.keys() == keys for record in records(tmp_path / "out"))


@pytest.mark.slow
@pytest.mark.parametrize("exported", ["trl"], indirect=True)
def test_trl_loads_its_configuration_and_masks_the_prompt(
    exported: tuple[Exported, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trl = pytest.importorskip("trl")
    import datasets

    told, folder = exported
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    parser = trl.TrlParser((trl.ScriptArguments, trl.SFTConfig, trl.DatasetMixtureConfig))
    arguments = ["--config", "sft.yaml", "--use_cpu", "--bf16", "false", "--report_to", "none"]
    _, settings, mixture = parser.parse_args_and_config(arguments)
    rows = trl.get_dataset(mixture)["train"]
    expected = sum(number for path, number in told.rows.items() if ".train." in path)
    assert rows.num_rows == expected
    (at,) = [n for n, turns in enumerate(rows["completion"]) if turns == DIALOGUE[-1:]]
    model = str(write_model(tmp_path / "model"))
    trainer = trl.SFTTrainer(model=model, args=settings, train_dataset=rows.select([at]))
    tokens = trainer.train_dataset[0]
    labels = [token for token in tokens["labels"] if token != MASKED]
    assert trainer.processing_class.decode(labels) == f"{DIALOGUE[-1]['content']}<|end|>"
    whole = trainer.processing_class.decode(tokens["input_ids"])
    assert whole.startswith(f"<|user|>{DIALOGUE[0]['content']}<|end|><|assistant|>")


@pytest.mark.slow
@pytest.mark.parametrize("exported", ["lm-eval"], indirect=True)
def test_lm_eval_runs_the_tasks_of_every_language(
    exported: tuple[Exported, Path], release: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lm_eval = pytest.importorskip("lm_eval")
    manager = pytest.importorskip("lm_eval.tasks").TaskManager
    import datasets

    told, folder = exported
    assert told.left_out == 1
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(folder)
    found = lm_eval.simple_evaluate(
        model="hf",
        model_args={"pretrained": str(write_model(tmp_path / "model")), "device": "cpu"},
        tasks=["mmed_ift_mc_test", "mmed_ift_mc_validation"],
        task_manager=manager(include_path=str(folder), include_defaults=False),
        bootstrap_iters=0,
    )
    held_out = pl.read_parquet(release / "mmed_ift_mc" / "*" / "[tv][ea][sl]*.parquet")
    keys = dict(held_out.select("id", "answer_letters").iter_rows())
    samples = [one for task in found["samples"].values() for one in task]
    assert len(samples) == sum(told.rows.values()) == held_out.height - 1
    for sample in samples:
        document = sample["doc"]
        assert [document["letters"][int(sample["target"])]] == keys[document["id"]]
        assert [told.strip() for _, told in sample["arguments"]] == document["letters"]
        likely = [float(one[0][0]) for one in sample["resps"]]
        is_right = likely.index(max(likely)) == document["target"]
        assert sample["acc"] == float(is_right)
    assert "acc,none" in found["results"]["mmed_ift_mc_test"]


@pytest.mark.parametrize("exported", ["llamafactory"], indirect=True)
def test_llama_factory_is_told_of_every_file(
    exported: tuple[Exported, Path], release: Path
) -> None:
    told, folder = exported
    entries = json.loads((folder / "dataset_info.json").read_text("utf-8"))
    assert sorted(entry["file_name"] for entry in entries.values()) == sorted(told.rows)
    parser = pytest.importorskip("llamafactory.data.parser")
    converter = pytest.importorskip("llamafactory.data.converter")
    arguments = pytest.importorskip("llamafactory.hparams").DataArguments()
    (found,) = parser.get_dataset_list(["mmed_ift_train"], str(folder))
    record = dialogue(folder, release)
    read_by_it = converter.get_dataset_converter(found.formatting, found, arguments)(record)
    assert read_by_it["_prompt"] == DIALOGUE[:-1]
    assert read_by_it["_response"] == DIALOGUE[-1:]


@pytest.mark.parametrize("exported", ["axolotl"], indirect=True)
def test_axolotl_is_told_of_train_and_validation(exported: tuple[Exported, Path]) -> None:
    told, folder = exported
    config = yaml.safe_load((folder / "axolotl.yaml").read_text("utf-8"))
    parts = {key: [one["path"] for one in config[key]] for key in ("datasets", "test_datasets")}
    assert parts["datasets"] == [path for path in told.rows if ".train." in path]
    assert parts["test_datasets"] == [path for path in told.rows if ".validation." in path]
    schemas = pytest.importorskip("axolotl.utils.schemas.datasets")
    for part in (*config["datasets"], *config["test_datasets"]):
        read_by_it = schemas.SFTDataset.model_validate(part).model_dump(exclude_none=True)
        assert part.items() <= read_by_it.items()


def test_an_export_repeated_gives_the_same_bytes(release: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export(release, "lm-eval", tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_faults_of_the_user_are_told_in_one_line(release: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected one of trl, axolotl"):
        export(release, "parquet", tmp_path / "out")
    with pytest.raises(InputError, match="no such folder"):
        export(tmp_path / "none", "trl", tmp_path / "out")
    for there in (tmp_path, Path()):
        with pytest.raises(InputError, match="is there already"):
            export(release, "trl", there)
    broken = shutil.copytree(release, tmp_path / "broken")
    (broken / FR).write_bytes(b"PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        export(broken, "trl", tmp_path / "new")
    assert not (tmp_path / "new").exists()
