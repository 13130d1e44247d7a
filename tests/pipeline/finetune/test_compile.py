"""Compiled and checkpointed layers train as plain ones do, and compile once for all packs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend

from pipeline.errors import InputError
from pipeline.finetune.check import self_check
from pipeline.finetune.compile import checkpoint_layers, compile_layers, compiled_kernel
from pipeline.finetune.lora import add_adapters
from pipeline.finetune.loss import Kernel, packed_loss
from pipeline.finetune.model import forward_hidden, head_weight, load_model
from pipeline.finetune.settings import AdapterSettings
from tests.pipeline.finetune.packs import (
    CAPACITY,
    MAX_DOCS,
    MAX_LENGTH,
    make_documents,
    make_pack,
)

# Different in number of documents, lengths and tail; the last is all padding.
CONTENTS = [[64, 64, 64], [5, 9, 2, 40], [1] * 13, [63], [30] * 6, []]


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def _model(kind: str) -> nn.Module:
    model = load_model("random:tiny", dtype="float32")
    model.train()
    if kind == "full":
        return model
    torch.manual_seed(0)
    return add_adapters(model, AdapterSettings(rank=4), "random:tiny")


def _step(model: nn.Module, lengths: list[int], kernel: Kernel | None = None) -> list[Tensor]:
    """Return the loss and all gradients of one pack."""
    batch = make_pack(make_documents(lengths))
    hidden = forward_hidden(model, batch, MAX_LENGTH)
    loss = packed_loss(hidden, head_weight(model), batch, torch.tensor(50.0), kernel=kernel)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    return [loss.detach(), *torch.autograd.grad(loss, trained)]


# With LoRA what enters the first layer needs no gradient, and what enters the others does.
@pytest.mark.parametrize(("kind", "num_graphs"), [("full", 1), ("lora", 2)])
def test_layers_compile_once_over_packs_of_any_content(kind: str, num_graphs: int) -> None:
    plain, compiled = _model(kind), _model(kind)
    counter = CompileCounterWithBackend("aot_eager")
    compile_layers(compiled, counter)
    for lengths in CONTENTS:
        expected, got = _step(plain, lengths), _step(compiled, lengths)
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-7)
    assert counter.frame_count == num_graphs


def test_self_check_of_a_compiled_model_compiles_nothing_that_training_does_not() -> None:
    model = _model("full")
    counter = CompileCounterWithBackend("eager")
    compile_layers(model, counter)
    self_check(model, capacity=CAPACITY, max_docs=MAX_DOCS, max_length=MAX_LENGTH)
    for lengths in CONTENTS[:2]:
        _step(model, lengths)
    assert counter.frame_count == 1


@pytest.mark.parametrize(
    ("num_layers", "is_compiled"), [(0, False), (1, False), (3, False), (1, True)]
)
def test_checkpointing_any_number_of_layers_changes_no_gradient(
    num_layers: int, is_compiled: bool
) -> None:
    plain, recomputing = _model("full"), _model("full")
    checkpoint_layers(recomputing, num_layers)
    counter = CompileCounterWithBackend("aot_eager")
    if is_compiled:
        compile_layers(recomputing, counter)
    for lengths in CONTENTS[:2]:
        expected, got = _step(plain, lengths), _step(recomputing, lengths)
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-7)
    # Layers that recompute have another graph than those that do not.
    assert counter.frame_count <= 2


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_checkpointed_layers_keep_fewer_activations(kind: str) -> None:
    def kept(num_layers: int) -> int:
        model, sizes = _model(kind), []
        checkpoint_layers(model, num_layers)

        def note(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            forward_hidden(model, make_pack(make_documents([40, 9])), MAX_LENGTH)
        return sum(sizes)

    none, one, all_ = kept(0), kept(1), kept(3)
    assert none > 1.3 * one > 1.3 * all_


def test_compiled_loss_kernel_gives_the_loss_and_its_gradients() -> None:
    model, kernel = _model("full"), compiled_kernel("aot_eager")
    torch.testing.assert_close(_step(model, [20, 30], kernel), _step(model, [20, 30]))


def test_checkpointing_more_layers_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="the model has 3"):
        checkpoint_layers(_model("full"), 4)


@pytest.mark.slow
def test_inductor_compiles_layers_on_this_machine() -> None:
    plain, compiled = _model("full"), _model("full")
    compile_layers(compiled)
    for lengths in CONTENTS[:2]:
        expected = _step(plain, lengths)
        got = _step(compiled, lengths, compiled_kernel())
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)
