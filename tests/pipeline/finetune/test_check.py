"""The self-check passes packs that are kept apart and refuses every known way to mix them up."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pipeline.errors import InputError
from pipeline.finetune.check import Forward, make_probe, self_check
from pipeline.finetune.lora import add_adapters
from pipeline.finetune.model import Packed, causal_model, forward_hidden, load_model
from pipeline.finetune.settings import AdapterSettings
from tests.pipeline.finetune.packs import CAPACITY, MAX_DOCS, MAX_LENGTH


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return load_model("random:tiny", dtype="float32")


def _check(model: nn.Module, forward: Forward = forward_hidden) -> float:
    return self_check(
        model, capacity=CAPACITY, max_docs=MAX_DOCS, max_length=MAX_LENGTH, forward=forward
    )


def _document_numbers(batch: Packed) -> Tensor:
    positions = torch.arange(len(batch.input_ids))
    return torch.bucketize(positions, batch.cu_seqlens[1:], right=True)


def _as_transformers_does(model: nn.Module, batch: Packed, **options: object) -> Tensor:
    """Run one row with transformers' own attention, as a hand-written training loop would."""
    causal = causal_model(model)
    causal.set_attn_implementation("sdpa")
    outputs = causal.base_model(batch.input_ids[None], **options)
    causal.set_attn_implementation("mmed_varlen")
    hidden: Tensor = outputs.last_hidden_state[0]
    return hidden


def _cache_left_on(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
    del max_length
    return _as_transformers_does(
        model, batch, position_ids=batch.position_ids[None], use_cache=True
    )


def _mask_of_ones(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
    del max_length
    ones = torch.ones_like(batch.input_ids)[None]
    positions = batch.position_ids[None]
    return _as_transformers_does(
        model, batch, position_ids=positions, attention_mask=ones, use_cache=False
    )


def _mask_of_document_numbers(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
    del max_length
    numbers = _document_numbers(batch)[None] + 1
    positions = batch.position_ids[None]
    return _as_transformers_does(
        model, batch, position_ids=positions, attention_mask=numbers, use_cache=False
    )


def _no_positions(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
    del max_length
    return _as_transformers_does(model, batch, use_cache=False)


def _lengths_that_sdpa_ignores(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
    lengths = {
        "cu_seq_lens_q": batch.cu_seqlens,
        "cu_seq_lens_k": batch.cu_seqlens,
        "max_length_q": max_length,
        "max_length_k": max_length,
    }
    return _as_transformers_does(model, batch, use_cache=False, **lengths)


def _scrambled_positions(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
    """Keep documents apart, with positions of another distance."""
    numbers = _document_numbers(batch)
    seen = (numbers[:, None] == numbers) & torch.ones(CAPACITY, CAPACITY).tril().bool()
    positions = (batch.position_ids[None] * 3) % max_length
    return _as_transformers_does(
        model, batch, position_ids=positions, attention_mask=seen[None, None], use_cache=False
    )


def _unwritten_rows(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
    hidden = forward_hidden(model, batch, max_length).clone()
    hidden[MAX_LENGTH - 1] = torch.nan
    return hidden


@pytest.mark.parametrize(
    ("dtype", "limit"), [("float64", 1e-6), ("float32", 1e-5), ("bfloat16", 0.05)]
)
def test_training_path_passes_far_below_the_limit(dtype: str, limit: float) -> None:
    assert _check(load_model("random:tiny", dtype=dtype)) < limit


def test_training_path_with_adapters_passes() -> None:
    model = add_adapters(
        load_model("random:tiny", dtype="float32"), AdapterSettings(), "random:tiny"
    )
    assert _check(model.train()) < 1e-5


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize(
    "contaminated",
    [
        _cache_left_on,
        _mask_of_ones,
        _mask_of_document_numbers,
        _no_positions,
        _lengths_that_sdpa_ignores,
        _unwritten_rows,
    ],
)
def test_silent_contamination_is_refused(contaminated: Forward, dtype: str) -> None:
    model = load_model("random:tiny", dtype=dtype)
    with pytest.raises(InputError, match="packed than apart") as caught:
        _check(model, contaminated)
    assert "\n" not in str(caught.value)


def test_wrong_positions_are_refused() -> None:
    model = load_model("random:tiny", dtype="float32")
    with pytest.raises(InputError, match="packed than apart"):
        _check(model, _scrambled_positions)


def test_what_transformers_does_right_passes_too() -> None:
    def positions_alone(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
        del max_length
        positions = batch.position_ids[None]
        return _as_transformers_does(model, batch, position_ids=positions, use_cache=False)

    model = load_model("random:tiny", dtype="float32")
    assert _check(model, positions_alone) < 1e-5


def test_attention_that_mixes_documents_only_in_one_layer_is_refused() -> None:
    def leak(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
        layer = causal_model(model).base_model.layers[1].self_attn
        handle = layer.register_forward_pre_hook(
            lambda _, __, kwargs: ((), kwargs | {"cu_seq_lens_q": batch.cu_seqlens[[0, -1]]}),
            with_kwargs=True,
        )
        hidden = forward_hidden(model, batch, max_length)
        handle.remove()
        return hidden

    with pytest.raises(InputError, match="packed than apart"):
        _check(load_model("random:tiny", dtype="bfloat16"), leak)


@settings(max_examples=30, deadline=None)
@given(capacity=st.integers(2, 400), max_length=st.integers(1, 400))
def test_probe_fills_any_pack_with_documents_that_a_plan_allows(
    model: nn.Module, capacity: int, max_length: int
) -> None:
    max_docs = max(8, -(-capacity // max_length))
    probe = make_probe(model, capacity, max_docs, max_length)
    offsets = probe.cu_seqlens.tolist()
    lengths = [end - begin for begin, end in pairwise(offsets)]
    assert len(offsets) == max_docs + 1
    assert (offsets[0], offsets[-1]) == (0, capacity)
    assert all(0 <= length <= max_length for length in lengths)
    assert lengths[0] == lengths[1] > 0
    expected = [place for length in lengths for place in range(length)]
    assert probe.position_ids.tolist() == expected
