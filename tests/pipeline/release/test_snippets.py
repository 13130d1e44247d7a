"""The code on the card runs as it stands: only its paths are filled in, and training cut short."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from tests.pipeline.release.tiny import write_model

MASKED = -100  # a label that no loss is taken of
TRAINING = 'SFTConfig(output_dir="trained")'


def snippets(release: Path, kind: str) -> list[str]:
    """Return the card's code of a kind, with the release's path in its place."""
    card = (release / "README.md").read_text("utf-8")
    return [
        code.replace("path/to/release", str(release))
        for code in re.findall(rf"```{kind}\n(.+?)```", card, re.DOTALL)
    ]


def snippet(release: Path, kind: str, word: str) -> str:
    """Return the one snippet that holds a word."""
    (found,) = [code for code in snippets(release, kind) if word in code]
    return found


def run(code: str) -> dict[str, Any]:
    """Run code and return its names."""
    names: dict[str, Any] = {}
    exec(compile(code, "card", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what `datasets` prepares out of the user's cache."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def test_every_configuration_shown_loads(demo_release: Path) -> None:
    run(snippet(demo_release, "python", "streaming=True"))


def test_rows_are_filtered_by_form(demo_release: Path) -> None:
    rows = run(snippet(demo_release, "python", '"classification"'))["rows"]
    assert set(rows["form"]) == {"consultation", "encyclopedia"}


def test_polars_reads_native_rows(demo_release: Path) -> None:
    rows = run(snippet(demo_release, "python", "import polars"))["rows"]
    every = pl.read_parquet(demo_release / "mmed_ift" / "*" / "train-*.parquet")
    assert rows.height == (every["origin"] == "native").sum() > 0


@pytest.mark.slow
def test_trl_trains_on_the_answers_alone(demo_release: Path, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    code = snippet(demo_release, "python", "SFTTrainer")
    assert TRAINING in code
    short = (
        f"SFTConfig(output_dir={str(tmp_path / 'trained')!r}, max_steps=1, use_cpu=True, "
        "bf16=False, report_to='none', per_device_train_batch_size=2)"
    )
    code = code.replace(TRAINING, short)
    code = code.replace("path/to/model", str(write_model(tmp_path / "model")))
    trainer = run(code)["trainer"]
    assert trainer.state.global_step == 1
    tokens = trainer.train_dataset[0]
    told = trainer.processing_class.decode([token for token in tokens["labels"] if token != MASKED])
    asked = trainer.processing_class.decode(tokens["input_ids"]).removesuffix(told)
    assert asked.startswith("<|user|>")
    assert asked.endswith("<|assistant|>")
    assert told.endswith("<|end|>")


def test_axolotl_finds_the_rows(demo_release: Path) -> None:
    from datasets import load_dataset

    config = yaml.safe_load(snippet(demo_release, "yaml", "chat_template"))
    for part in (*config["datasets"], *config["test_datasets"]):
        # What its loader does with a folder; a split is named, so one table comes back.
        rows = load_dataset(part["path"], name=part["name"], split=part["split"])
        assert {"role", "content"} == rows.features[part["field_messages"]].feature.keys()


def test_axolotl_takes_the_configuration(demo_release: Path) -> None:
    schemas = pytest.importorskip("axolotl.utils.schemas.datasets")
    config = yaml.safe_load(snippet(demo_release, "yaml", "chat_template"))
    for part in (*config["datasets"], *config["test_datasets"]):
        read = schemas.SFTDataset.model_validate(part).model_dump(exclude_none=True)
        assert part.items() <= read.items()


def test_axolotl_masks_all_but_the_answers(demo_release: Path, tmp_path: Path) -> None:
    strategies = pytest.importorskip("axolotl.prompt_strategies.chat_template")
    loading = pytest.importorskip("axolotl.utils.data.shared")
    settings = pytest.importorskip("axolotl.utils.dict").DictDefault
    from transformers import AutoTokenizer

    config = yaml.safe_load(snippet(demo_release, "yaml", "chat_template"))
    tokenizer = AutoTokenizer.from_pretrained(write_model(tmp_path / "model"))
    given = settings(config["datasets"][0])
    rows = loading.load_dataset_with_config(given, use_auth_token=False)
    strategy = strategies.load(tokenizer, settings({"sequence_len": 4096}), given)
    tokens = strategy.tokenize_prompt(rows[0])
    labels = [token for token in tokens["labels"] if token != MASKED]
    assert tokenizer.decode(labels) == f"{rows[0]['messages'][-1]['content']}<|end|>"


def test_llama_factory_finds_the_rows(demo_release: Path) -> None:
    from datasets import load_dataset

    (entry,) = json.loads(snippet(demo_release, "json", "sharegpt")).values()
    rows = load_dataset(entry["hf_hub_url"], name=entry["subset"], split=entry["split"])
    tags = entry["tags"]
    for turns in rows[entry["columns"]["messages"]]:
        roles = [turn[tags["role_tag"]] for turn in turns]
        assert roles[-2:] == [tags["user_tag"], tags["assistant_tag"]]
        assert all(turn[tags["content_tag"]] for turn in turns)


def test_llama_factory_reads_prompt_and_answer(demo_release: Path, tmp_path: Path) -> None:
    parser = pytest.importorskip("llamafactory.data.parser")
    converter = pytest.importorskip("llamafactory.data.converter")
    arguments = pytest.importorskip("llamafactory.hparams").DataArguments()
    from datasets import load_dataset

    (tmp_path / "dataset_info.json").write_text(snippet(demo_release, "json", "sharegpt"))
    (found,) = parser.get_dataset_list(["mmed_ift"], str(tmp_path))
    rows = load_dataset(found.dataset_name, name=found.subset, split=found.split)
    read = converter.get_dataset_converter(found.formatting, found, arguments)(rows[0])
    *asked, told = rows[0]["messages"]
    assert read["_prompt"] == asked
    assert read["_response"] == [told]
