"""Causal language models to train: loaded, checked, and run on one pack at a time."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import torch
import torch.nn.functional as F  # noqa: N812 -- the customary name
import transformers
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, PreTrainedModel
from transformers.configuration_utils import PreTrainedConfig

from pipeline.errors import InputError
from pipeline.finetune.attention import NAME, register
from pipeline.finetune.packaged import PACKAGED, find_packaged

RANDOM = "random:"
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32, "float64": torch.float64}

# Shapes to measure and to test with; what weights say does not change how fast they multiply.
_SHAPES: dict[str, dict[str, Any]] = {
    "llama-3-8b": {
        "vocab_size": 128256,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
    },
    "smollm2-135m": {
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0},
        "tie_word_embeddings": True,
    },
    "tiny": {
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
    },
}


class Packed(Protocol):
    """The part of a pack that a model reads; each on the model's device."""

    @property
    def input_ids(self) -> Tensor:
        """Token ids [capacity]."""

    @property
    def position_ids(self) -> Tensor:
        """Positions [capacity], from 0 in each document."""

    @property
    def cu_seqlens(self) -> Tensor:
        """Document offsets, int32 [max_docs + 1]."""


def load_model(
    source: str, *, dtype: str = "bfloat16", device: str = "cpu", seed: int = 0
) -> PreTrainedModel:
    """Load a causal language model that sees one document of a pack at a time.

    `source` is a folder, a Hub id (`owner/name` or `owner/name@revision`), a packaged model
    (`smollm2`), or `random:` and a shape (`llama-3-8b`, `smollm2-135m`, `tiny`) or the path of a
    config.json, whose weights are drawn from `seed`. Raises InputError where that is not possible.
    """
    register()
    place = find_device(device)
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}.")
    if source.startswith(RANDOM):
        model = _draw(source.removeprefix(RANDOM), DTYPES[dtype], place, seed)
    else:
        model = _read(source, DTYPES[dtype])
        cast(nn.Module, model).to(place)
    _check_family(model)
    if dtype == "float64":
        _norm_in_float64(model)
    return model


def model_title(source: str) -> str:
    """Return how tables and run cards name the weights of `source`."""
    if source in PACKAGED:
        return PACKAGED[source].title
    if source.startswith(RANDOM):
        return f"random weights in the shape of {source.removeprefix(RANDOM)}"
    return source


def find_device(name: str) -> torch.device:
    """Return the device called `cpu`, `cuda` or `cuda:0`; InputError where it is not there."""
    if name != "cpu" and not name.startswith("cuda"):
        raise InputError(f"device {name!r} is not cpu or cuda.")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(
            f"device {name!r}: torch {torch.__version__} finds no GPU; use --device cpu, or "
            "install a CUDA build of torch."
        )
    device = torch.device(name)
    if (device.index or 0) >= torch.cuda.device_count() and device.type == "cuda":
        raise InputError(
            f"device {name!r}: there are {torch.cuda.device_count()} GPUs; start as many processes."
        )
    return device


def check_vocabulary(model: nn.Module, vocabulary: int, tokenizer: str) -> None:
    """Refuse a tokenizer of more tokens than the model has embeddings."""
    num_rows = causal_model(model).get_input_embeddings().weight.shape[0]
    if vocabulary > num_rows:
        raise InputError(
            f"the tokenizer {tokenizer!r} has {vocabulary:,} tokens, the model embeds "
            f"{num_rows:,}; tokenize with the tokenizer of the model."
        )


def causal_model(model: Any) -> Any:  # noqa: ANN401 -- transformers' models are hardly typed
    """Return the model of transformers, out of its adapters where it has any."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def forward_hidden(model: nn.Module, batch: Packed, max_length: int) -> Tensor:
    """Return the last hidden states [capacity, width] of one pack.

    `max_length` bounds every document of every pack: a constant, or each new one compiles anew.
    """
    # A cache, even an empty one, makes other attentions see across documents.
    outputs = causal_model(model).base_model(
        input_ids=batch.input_ids.unsqueeze(0),
        position_ids=batch.position_ids.unsqueeze(0),
        use_cache=False,
        cu_seq_lens_q=batch.cu_seqlens,
        cu_seq_lens_k=batch.cu_seqlens,
        max_length_q=max_length,
        max_length_k=max_length,
    )
    return cast(Tensor, outputs.last_hidden_state[0])


def head_weight(model: nn.Module) -> nn.Parameter:
    """Return the output head [vocabulary, width], which may be the embedding too."""
    return cast(nn.Parameter, causal_model(model).get_output_embeddings().weight)


def _read(source: str, dtype: torch.dtype) -> PreTrainedModel:
    """Read weights; none may be left to chance."""
    options: dict[str, Any] = {"dtype": dtype, "attn_implementation": NAME}
    packaged = find_packaged(source)
    place, _, revision = (source, "", "") if Path(source).is_dir() else source.partition("@")
    if packaged:
        place, options["gguf_file"] = str(packaged[0]), packaged[1]
        if hasattr(transformers, "GgufConfig"):
            # Newer versions leave weights quantised otherwise, or marked so: not to be trained.
            options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    elif revision:
        options["revision"] = revision
    auto: Any = AutoModelForCausalLM
    try:
        model, report = auto.from_pretrained(place, output_loading_info=True, **options)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(
            f"{source!r}: no causal language model could be loaded ({why}). Give a folder with "
            "config.json and safetensors, a Hub id, or a packaged model such as smollm2."
        ) from error
    except KeyError as error:
        if error.args != (NAME,):
            raise
        # Families older than transformers' attention interface choose a class by this name.
        raise _no_exchangeable_attention(source) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(
            f"{source!r}: {len(missing)} weights are missing, such as {missing[0]!r}; give the "
            "whole model, as an adapter or a part of one cannot be trained on."
        )
    return cast(PreTrainedModel, model)


def _draw(shape: str, dtype: torch.dtype, device: torch.device, seed: int) -> PreTrainedModel:
    config: PreTrainedConfig
    if shape in _SHAPES:
        config = LlamaConfig(**_SHAPES[shape])
    elif Path(shape).is_file():
        config = AutoConfig.from_pretrained(shape)
    else:
        raise InputError(
            f"{RANDOM + shape!r}: {shape!r} is no config.json and none of {', '.join(_SHAPES)}."
        )
    auto: Any = AutoModelForCausalLM
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), device:
        torch.manual_seed(seed)
        model = auto.from_config(config, dtype=dtype, attn_implementation=NAME)
    return cast(PreTrainedModel, model)


def _check_family(model: Any) -> None:  # noqa: ANN401 -- transformers' models are hardly typed
    """Refuse models that cannot be given another attention or have more than a matrix as head."""
    kind = model.config.model_type
    if not type(model).is_backend_compatible():
        raise _no_exchangeable_attention(kind)
    if getattr(model.get_output_embeddings(), "bias", None) is not None:
        raise InputError(f"a model of type {kind!r} has a bias on its head; choose another one.")


def _no_exchangeable_attention(name: str) -> InputError:
    return InputError(
        f"{name!r}: a model of this family cannot be given packed attention; choose a Llama, Qwen, "
        "SmolLM2 or another one that takes transformers' attention interface."
    )


def _norm_in_float64(model: PreTrainedModel) -> None:
    """Keep RMS norms in float64, which transformers computes in float32 whatever comes in."""
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
            module.forward = partial(_rms_norm, module)


def _rms_norm(module: Any, states: Tensor) -> Tensor:  # noqa: ANN401 -- any family's norm
    return F.rms_norm(states, module.weight.shape, module.weight, module.variance_epsilon)
