"""A whole run: its stages, its outcome, and what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import MistralConfig, MistralForCausalLM

from pipeline.errors import InputError, MmedError
from pipeline.finetune.check import self_check
from pipeline.finetune.model import load_model
from pipeline.finetune.pool import open_pool
from pipeline.finetune.train import train
from tests.pipeline.finetune.runs import losses, write_items, write_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = write_run(tmp_path_factory.mktemp("finished"))
    return path.parent, train(path)


def test_two_stages_run_one_after_the_other_and_learn(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    folder, card = finished
    lines = losses(folder)
    assert [line["stage"] for line in lines] == sorted(line["stage"] for line in lines)
    for stage in card["stages"]:
        own = [line["loss"] for line in lines if line["stage"] == stage["name"]]
        assert len(own) == stage["steps"]
        assert all(map(math.isfinite, own))
    ift = [line["loss"] for line in lines if line["stage"] == "ift"]
    assert np.mean(ift[-3:]) < np.mean(ift[:3])


def test_the_card_tells_pools_plans_code_and_tokens_per_language(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    folder, card = finished
    assert json.loads((folder / "run_card.json").read_text()) == card
    ift, mc = card["stages"]
    pool = open_pool(folder / "pools" / "ift")
    assert ift["pool"] == pool.facts["digest"]
    assert {*ift["languages"]} == {"en", "zh", "ja", "fr", "ru", "es"}
    tokens = sum(one["tokens"] for one in ift["languages"].values())
    assert tokens == 2 * pool.lengths.sum()  # two epochs
    assert mc["loss_is_divided_by"].startswith("items")
    assert ift["packed_against_apart"] < 1e-5
    assert f"| en | {ift['languages']['en']['items']} |" in (folder / "run_card.md").read_text(
        encoding="utf-8"
    )


def test_replay_takes_the_stated_share_of_the_stage_before(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    _, card = finished
    items = sum(one["items"] for one in card["stages"][1]["languages"].values())
    assert items == 60 + 20  # a quarter of all


def test_the_adapter_is_what_peft_loads(finished: tuple[Path, dict[str, Any]]) -> None:
    from peft import PeftModel

    folder, _ = finished
    base = load_model("random:tiny", dtype="float32", seed=5)
    adapted: Any = PeftModel.from_pretrained(base, folder / "adapter")
    saved = load_file(folder / "adapter" / "adapter_model.safetensors")
    assert any(weight.abs().sum() > 0 for name, weight in saved.items() if "lora_B" in name)
    assert adapted.peft_config["default"].r == 4


def test_a_finished_run_is_not_trained_again(finished: tuple[Path, dict[str, Any]]) -> None:
    folder, card = finished
    before = (folder / "losses.jsonl").read_bytes()
    assert train(folder / "run.json") == card
    assert (folder / "losses.jsonl").read_bytes() == before


def test_full_fine_tuning_leaves_a_model_that_loads(tmp_path: Path) -> None:
    stage = {"name": "ift", "pool": "pools/ift", "lr": 1e-3, "max_steps": 4}
    train(write_run(tmp_path, lora=None, stages=[stage]))
    trained = load_model(str(tmp_path / "model"), dtype="float32")
    drawn = load_model("random:tiny", dtype="float32", seed=5)
    changed = [
        not torch.equal(one, other)
        for one, other in zip(trained.parameters(), drawn.parameters(), strict=True)
    ]
    assert all(changed)


def test_merged_weights_are_base_plus_adapter(tmp_path: Path) -> None:
    stage = {"name": "ift", "pool": "pools/ift", "lr": 1e-2, "max_steps": 4}
    train(write_run(tmp_path, merge=True, stages=[stage]))
    from peft import PeftModel

    base = load_model("random:tiny", dtype="float32", seed=5)
    adapted: Any = PeftModel.from_pretrained(base, tmp_path / "adapter")
    expected = adapted.merge_and_unload().state_dict()
    merged = load_model(str(tmp_path / "model"), dtype="float32").state_dict()
    for name, weight in merged.items():
        torch.testing.assert_close(weight, expected[name])


def test_merged_weights_can_be_asked_for_when_the_run_is_finished(tmp_path: Path) -> None:
    stage = {"name": "ift", "pool": "pools/ift", "lr": 1e-2, "max_steps": 2}
    train(write_run(tmp_path, stages=[stage]))
    before = (tmp_path / "losses.jsonl").read_bytes()
    train(write_run(tmp_path, stages=[stage], merge=True))
    assert (tmp_path / "losses.jsonl").read_bytes() == before
    assert load_model(str(tmp_path / "model"), dtype="float32")


def test_packed_logits_are_compared_in_the_dtype_that_a_full_run_computes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def noting(model: Any, **shapes: Any) -> float:
        compared.append(model.dtype)
        return self_check(model, **shapes)

    monkeypatch.setattr("pipeline.finetune.trainee.self_check", noting)
    stage = {"name": "ift", "pool": "pools/ift", "lr": 1e-3, "max_steps": 1}
    train(write_run(tmp_path, lora=None, dtype="bfloat16", stages=[stage]))
    assert compared == [torch.bfloat16]
    saved = load_file(tmp_path / "model" / "model.safetensors")
    assert {one.dtype for one in saved.values()} == {torch.float32}


def test_each_stage_begins_with_a_line_of_what_it_will_see(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = train(write_run(tmp_path))
    said = capsys.readouterr().err.splitlines()
    for stage in card["stages"]:
        (line,) = (one for one in said if one.startswith(f"{stage['name']}: ") and "items" in one)
        items = sum(one["items"] for one in stage["languages"].values())
        assert line.startswith(
            f"{stage['name']}: {items} items in {stage['steps']} steps, efficiency 0.9"
        )
        for language, seen in stage["languages"].items():
            assert f"{language} {seen['tokens']}" in line


def test_a_temperature_above_one_evens_languages_out(tmp_path: Path) -> None:
    write_items(tmp_path / "pools" / "ift", count=90)
    stages = [{"name": "ift", "pool": "pools/ift", "lr": 1e-3, "temperature": 1000, "epochs": 3}]
    _make_uneven(tmp_path / "pools" / "ift")
    card = train(write_run(tmp_path, stages=stages))
    planned = [one["tokens"] for one in card["stages"][0]["languages"].values()]
    assert max(planned) < 1.4 * min(planned)


def _make_uneven(folder: Path) -> None:
    language = np.load(folder / "language.npy")
    language[18:60] = 0  # most items are English now
    np.save(folder / "language.npy", language)


def test_a_loss_that_is_no_number_names_step_pack_and_records(tmp_path: Path) -> None:
    stage = {"name": "ift", "pool": "pools/ift", "lr": 1e38, "warmup": 0}
    with pytest.raises(
        MmedError, match=r"stage ift, step \d+, pack \d+: the loss is nan.*Records: [0-9a-f]{32}"
    ):
        train(write_run(tmp_path, stages=[stage], clip=1e30))
    assert all(math.isfinite(line["loss"]) for line in losses(tmp_path))


@pytest.mark.parametrize("is_capturing", [False, True])
def test_too_little_memory_is_told_with_what_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_capturing: bool
) -> None:
    def run_out(*_: object) -> None:
        try:
            raise torch.OutOfMemoryError("Tried to allocate 9 GiB.")
        finally:
            if is_capturing:  # what ends a capture covers the error that broke it off
                raise RuntimeError("operation failed due to a previous error during capture")

    monkeypatch.setattr("pipeline.finetune.train.make_trainee", run_out)
    with pytest.raises(InputError, match=r"9 GiB\)\. Set `checkpointing: true` or `graphs: false`"):
        train(write_run(tmp_path))


@pytest.mark.parametrize("is_compiled", [False, True])
def test_model_that_sees_fewer_tokens_back_is_refused_in_one_line(
    tmp_path: Path, is_compiled: bool
) -> None:
    config = MistralConfig(
        vocab_size=512,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        sliding_window=8,
    )
    MistralForCausalLM(config).save_pretrained(tmp_path / "mistral")
    path = write_run(tmp_path, model=str(tmp_path / "mistral"), compile=is_compiled)
    with pytest.raises(InputError, match="lower `capacity` to 8") as told:
        train(path)
    assert "\n" not in str(told.value)


def test_a_pool_of_other_contents_than_the_run_was_prepared_for_is_refused(tmp_path: Path) -> None:
    stage = {"name": "ift", "pool": "pools/ift", "lr": 1e-3, "pool_digest": "0" * 64}
    with pytest.raises(InputError, match="not the pool that the run was prepared with"):
        train(write_run(tmp_path, stages=[stage]))


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    stage = {"name": "ift", "pool": "pools/ift", "lr": 1e-3, "max_steps": 4}
    train(write_run(tmp_path, stages=[stage]))
    with pytest.raises(InputError, match="of another plan, pool or recipe"):
        train(write_run(tmp_path, stages=[stage | {"lr": 2e-3}]))


def test_a_stage_does_not_go_on_from_another_stage_than_its_recipe_has(tmp_path: Path) -> None:
    ift = {"name": "ift", "pool": "pools/ift", "lr": 1e-3, "max_steps": 2}
    mc = {"name": "mc", "pool": "pools/mc", "lr": 1e-3, "max_steps": 2}
    train(write_run(tmp_path, stages=[ift]))
    train(write_run(tmp_path, stages=[ift, mc]))  # a stage more goes on from what is there
    assert [line["stage"] for line in losses(tmp_path)] == ["ift", "ift", "mc", "mc"]
    with pytest.raises(InputError, match="of another plan, pool or recipe"):
        train(write_run(tmp_path, stages=[ift | {"lr": 2e-3}, mc]))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"capacity": 32}, "items are longer than a pack of 32 tokens"),
        ({"device": "cuda"}, "finds no GPU"),
        ({"model": "random:none"}, "is no config.json"),
        ({"tokenizer": "other"}, "made with the tokenizer of 'none', and the run's is 'other'"),
        ({"stages": [{"name": "ift", "pool": "pools/none", "lr": 1e-3}]}, "no token pool"),
        ({"packs_per_step": None}, "packs_per_step"),
    ],
)
def test_what_cannot_be_trained_is_told_in_one_line(
    changes: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    if changes.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    path = write_run(tmp_path, **changes)
    if changes.get("packs_per_step", 1) is None:
        values = json.loads(path.read_text())
        del values["packs_per_step"]
        path.write_text(json.dumps(values))
    with pytest.raises(InputError, match=expected):
        train(path)


def test_a_pool_of_a_larger_vocabulary_than_the_model_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    facts = tmp_path / "pools" / "ift" / "pool.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"vocabulary": 9999}))
    with pytest.raises(InputError, match="has 9,999 tokens, the model embeds 512"):
        train(path)
