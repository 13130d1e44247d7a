"""The chunked loss is cross-entropy over the supervised tokens, in value and gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pipeline.finetune.collate import Batch
from pipeline.finetune.loss import Weighting, packed_loss, sum_cross_entropy, target_weights
from tests.pipeline.finetune.packs import CAPACITY, make_documents, make_pack

WIDTH, VOCABULARY = 16, 512
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


def _inputs(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(CAPACITY, WIDTH, generator=generator, dtype=dtype).requires_grad_()
    head = torch.randn(VOCABULARY, WIDTH, generator=generator, dtype=dtype)
    return hidden, head.requires_grad_()


def _pack() -> Batch[Tensor]:
    return make_pack(make_documents([17, 4, 33, 60, 5]))


def _plain(hidden: Tensor, head: Tensor, batch: Batch[Tensor]) -> Tensor:
    return F.cross_entropy(hidden @ head.t(), batch.labels.long(), reduction="sum")


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_value_and_gradients_are_those_of_plain_cross_entropy(dtype: torch.dtype) -> None:
    (hidden, head), batch = _inputs(dtype), _pack()
    divisor = torch.tensor(97.0, dtype=torch.float64)
    ours = packed_loss(hidden, head, batch, divisor)
    expected = _plain(hidden, head, batch) / 97
    got = torch.autograd.grad(ours, (hidden, head))
    want = torch.autograd.grad(expected, (hidden, head))
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(ours, expected, rtol=tolerance, atol=0)
    for mine, theirs in zip(got, want, strict=True):
        assert (mine - theirs).norm() <= tolerance * theirs.norm()


def test_frozen_head_leaves_the_gradient_of_the_hidden_states_as_it_is() -> None:
    batch, divisor = _pack(), torch.tensor(1.0)
    hidden, head = _inputs(torch.float64)
    trained = torch.autograd.grad(packed_loss(hidden, head, batch, divisor), hidden)[0]
    head = head.detach()
    frozen = torch.autograd.grad(packed_loss(hidden, head, batch, divisor), hidden)[0]
    assert torch.equal(trained, frozen)


def test_tied_head_gets_both_its_gradients() -> None:
    batch = _pack()
    embedding = _inputs(torch.float64)[1]

    def gradient(tied_loss: Tensor) -> Tensor:
        return torch.autograd.grad(tied_loss, embedding)[0]

    def hidden() -> Tensor:
        return F.embedding(batch.input_ids, embedding) * 0.1

    ours = gradient(packed_loss(hidden(), embedding, batch, torch.tensor(1.0)))
    expected = gradient(_plain(hidden(), embedding, batch))
    assert (ours - expected).norm() <= 1e-12 * expected.norm()


@settings(max_examples=20, deadline=None)
@given(chunk_rows=st.integers(1, 60), num_rows=st.integers(1, 50))
def test_chunks_of_any_size_give_the_same(chunk_rows: int, num_rows: int) -> None:
    hidden, head = _inputs(torch.float64)
    rows, labels = hidden[:num_rows], torch.arange(num_rows, dtype=torch.int32)
    weights = torch.rand(num_rows, dtype=torch.float64)
    ours = sum_cross_entropy(rows, head, labels, weights, chunk_rows=chunk_rows)
    each = F.cross_entropy(rows @ head.t(), labels.long(), reduction="none")
    expected = (each * weights).sum()
    got = torch.autograd.grad(ours, (hidden, head))
    want = torch.autograd.grad(expected, (hidden, head))
    torch.testing.assert_close((ours, got), (expected, want), rtol=1e-12, atol=1e-12)


def test_sum_over_packs_with_one_divisor_is_the_mean_of_the_step() -> None:
    lengths = [17, 4, 33, 60, 5]
    hidden, head = _inputs(torch.float64)
    whole = make_pack(make_documents(lengths))
    num_targets = torch.tensor(float((whole.labels >= 0).sum()), dtype=torch.float64)
    shares = torch.zeros((), dtype=torch.float64)
    begin = 0
    for document in make_documents(lengths):
        states = hidden.detach()[begin : begin + len(document)]
        states = F.pad(states, (0, 0, 0, CAPACITY - len(document)))
        shares += packed_loss(states, head.detach(), make_pack([document]), num_targets)
        begin += len(document)
    expected = F.cross_entropy(hidden @ head.t(), whole.labels.long())
    torch.testing.assert_close(shares, expected.detach(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("weighting", ["token", "sample"])
def test_padding_pack_gives_zero_loss_and_zero_gradient(weighting: Weighting) -> None:
    hidden, head = _inputs(torch.float32)
    loss = packed_loss(hidden, head, make_pack([]), torch.tensor(5.0), weighting)
    assert loss.item() == 0
    for gradient in torch.autograd.grad(loss, (hidden, head)):
        assert not gradient.any()


def test_sample_weighting_is_the_mean_of_the_means_of_documents() -> None:
    lengths = [17, 4, 33, 60, 5]
    (hidden, head), batch = _inputs(torch.float64), _pack()
    ours = packed_loss(hidden, head, batch, torch.tensor(5), "sample")
    labels = torch.split(batch.labels.long()[: sum(lengths)], lengths)
    states = torch.split(hidden[: sum(lengths)], lengths)
    means = [F.cross_entropy(x @ head.t(), y) for x, y in zip(states, labels, strict=True)]
    expected = torch.stack(means).mean()
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=0)


def test_weights_of_a_document_add_up_to_one() -> None:
    batch = make_pack(make_documents([64, 64, 64]))  # the last target is near the padding's place
    weights = target_weights(batch, "sample", torch.float64)
    document = torch.bucketize(batch.targets, batch.cu_seqlens[1:], right=True)
    sums = torch.zeros(16, dtype=torch.float64).index_add(0, document, weights)
    torch.testing.assert_close(sums, torch.tensor([1.0] * 3 + [0.0] * 13, dtype=torch.float64))


def test_bfloat16_gradients_are_not_shrunk_by_a_rounded_divisor() -> None:
    batch = _pack()
    hidden, head = (x.detach().bfloat16().requires_grad_() for x in _inputs(torch.float32))

    def gradient(divisor: float) -> Tensor:
        loss = packed_loss(hidden, head, batch, torch.tensor(divisor))
        return torch.autograd.grad(loss, hidden)[0].double() * divisor

    # 1/1003 in bfloat16 is off by 0.24 %; a projection averages the other roundings out.
    whole, divided = gradient(1), gradient(1003)
    assert abs((divided * whole).sum() / (whole * whole).sum() - 1) < 3e-4


def test_loss_without_gradients_has_the_same_value() -> None:
    (hidden, head), batch = _inputs(torch.float64), _pack()
    with_gradients = packed_loss(hidden, head, batch, torch.tensor(1.0))
    with torch.no_grad():
        without = packed_loss(hidden, head, batch, torch.tensor(1.0))
    assert torch.equal(with_gradients.detach(), without)
