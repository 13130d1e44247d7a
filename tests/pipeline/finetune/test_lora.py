"""Adapters train in float32, compute as the base does, and leave in PEFT's own format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from pipeline.errors import InputError
from pipeline.finetune.lora import (
    add_adapters,
    export_merged,
    save_adapters,
)
from pipeline.finetune.loss import packed_loss
from pipeline.finetune.model import forward_hidden, head_weight, load_model
from pipeline.finetune.settings import TARGETS, AdapterSettings
from tests.pipeline.finetune.packs import MAX_LENGTH, make_documents, make_pack

LENGTHS = [17, 33, 60]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    load_model("random:tiny", dtype="float32").save_pretrained(folder)
    return folder


def _loss(model: nn.Module) -> Tensor:
    batch = make_pack(make_documents(LENGTHS))
    hidden = forward_hidden(model, batch, MAX_LENGTH)
    return packed_loss(hidden, head_weight(model), batch, torch.tensor(100.0))


def _trained(model: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in model.parameters() if weight.requires_grad]


def _adapted(base: Path, dtype: str, num_steps: int = 5) -> PeftModel:
    torch.manual_seed(0)
    model = add_adapters(load_model(str(base), dtype=dtype), AdapterSettings(rank=4), "a/base")
    optimizer = torch.optim.AdamW(_trained(model), lr=0.01)
    for _ in range(num_steps):
        optimizer.zero_grad()
        torch.autograd.backward(_loss(model))
        optimizer.step()
    return model


def _logits(model: nn.Module) -> Tensor:
    ids = make_documents([40])[0][None]
    with torch.no_grad():
        logits: Tensor = model(ids, use_cache=False).logits
    return logits


def _our_logits(model: nn.Module) -> Tensor:
    batch = make_pack(make_documents([40]))
    with torch.no_grad():
        return (forward_hidden(model, batch, MAX_LENGTH) @ head_weight(model).t())[:40]


def test_adapters_are_the_only_weights_trained_and_change_nothing_at_first(base: Path) -> None:
    plain, adapted = load_model(str(base), dtype="float32"), _adapted(base, "float32", 0)
    assert torch.equal(_loss(plain), _loss(adapted))
    names = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert len(names) == 3 * len(TARGETS) * 2
    assert all("lora_" in name for name in names)


def test_saved_adapter_gives_the_same_logits_in_plain_peft(base: Path, tmp_path: Path) -> None:
    adapted = _adapted(base, "float32")
    save_adapters(adapted, tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    without = _logits(plain)
    logits = _logits(PeftModel.from_pretrained(plain, tmp_path))[0]
    torch.testing.assert_close(_our_logits(adapted), logits, rtol=1e-5, atol=1e-5)
    assert (logits - without).norm() > 0.1 * without.norm()


def test_saved_adapter_of_a_bfloat16_base_gives_the_same_logits_in_plain_peft(
    base: Path, tmp_path: Path
) -> None:
    adapted = _adapted(base, "bfloat16")
    save_adapters(adapted, tmp_path)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    # Plain PEFT computes adapters as we do, in bfloat16, where it is told not to cast them.
    logits = _logits(PeftModel.from_pretrained(plain, tmp_path, autocast_adapter_dtype=False))
    torch.testing.assert_close(_our_logits(adapted), logits[0], rtol=0.03, atol=0.03)


def test_saved_adapter_is_float32_and_names_no_place_of_this_machine(
    base: Path, tmp_path: Path
) -> None:
    save_adapters(_adapted(base, "bfloat16", 1), tmp_path)
    weights = load_file(tmp_path / "adapter_model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "a/base"
    assert str(base) not in json.dumps(config)


def test_merged_model_is_a_plain_one_with_the_same_logits(base: Path, tmp_path: Path) -> None:
    adapted = _adapted(base, "float32")
    before = _our_logits(adapted)
    export_merged(adapted, tmp_path)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    torch.testing.assert_close(_logits(merged)[0], before, rtol=1e-4, atol=1e-5)
    assert not any("lora" in name for name, _ in merged.named_parameters())
    assert "mmed" not in (tmp_path / "config.json").read_text()


def test_adapters_of_a_bfloat16_base_compute_and_keep_activations_in_bfloat16(base: Path) -> None:
    model = add_adapters(load_model(str(base), dtype="bfloat16"), AdapterSettings(rank=4), "base")
    assert {weight.dtype for weight in _trained(model)} == {torch.float32}
    wide: list[tuple[int, ...]] = []

    def note(tensor: Tensor) -> Tensor:
        if tensor.dtype == torch.float32 and tensor.shape[-1] >= 64 and tensor.shape[-2] > 4:
            wide.append(tuple(tensor.shape))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        query = model.get_submodule("base_model.model.model.layers.0.self_attn.q_proj")
        out = query(torch.ones(1, 192, 64, dtype=torch.bfloat16, requires_grad=True))
    assert out.dtype == torch.bfloat16
    assert not wide


def test_float32_adapters_keep_updates_that_bfloat16_ones_lose(base: Path) -> None:
    def move(dtype: torch.dtype) -> float:
        """Return how far 15 small steps bring the adapters of a bfloat16 base."""
        torch.manual_seed(0)
        model = add_adapters(
            load_model(str(base), dtype="bfloat16"), AdapterSettings(rank=4), "base"
        )
        for weight in _trained(model):
            weight.data = weight.data.to(dtype)
        inward = [w for n, w in model.named_parameters() if "lora_A" in n]
        start = [weight.detach().double().clone() for weight in inward]
        optimizer = torch.optim.AdamW(_trained(model), lr=1e-5, weight_decay=0.0)
        for _ in range(15):
            optimizer.zero_grad()
            torch.autograd.backward(_loss(model))
            optimizer.step()
        moved = [(w.double() - s).norm() for w, s in zip(inward, start, strict=True)]
        return float(torch.stack(moved).norm().detach())

    assert move(torch.bfloat16) < 0.5 * move(torch.float32)


def test_target_that_names_no_layer_is_refused() -> None:
    settings = AdapterSettings(targets=("q_proj", "c_attn"))
    with pytest.raises(InputError, match="no layer called c_attn"):
        add_adapters(load_model("random:tiny"), settings, "base")
