"""The tokenizer of a model: found, loaded, and told apart from any other."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from pipeline.errors import InputError
from pipeline.finetune.packaged import find_packaged


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a packaged model, of a local folder, or of a Hub id.

    A Hub id may end in `@revision`. An `InputError` says why there is none.
    """
    packaged = find_packaged(name)
    if packaged:
        return _load_from_gguf(*packaged)
    place, _, revision = (name, "", "") if Path(name).is_dir() else name.partition("@")
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, revision=revision or "main")
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            f"{name!r}: no tokenizer could be loaded ({_first_line(error)}). Give a folder of a "
            "model, a Hub id, or a packaged model such as smollm2."
        ) from error
    if not tokenizer.is_fast:
        raise InputError(f"{name!r}: its tokenizer has no fast version (no tokenizer.json).")
    return _plain(tokenizer)


def _load_from_gguf(folder: Path, file: str) -> PreTrainedTokenizerBase:
    tokenizer = _plain(AutoTokenizer.from_pretrained(folder, gguf_file=file))
    # transformers reads the vocabulary of the file but not its `tokenizer.ggml.pre = smollm`,
    # which cuts digits one by one: without it "\n\n7" gives other tokens than the model has seen.
    backend(tokenizer).pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    return tokenizer


def _plain(tokenizer: Any) -> PreTrainedTokenizerBase:  # noqa: ANN401 - an AutoTokenizer's
    """Return the tokenizer without the truncation and padding that its file may ask for."""
    backend(tokenizer).no_truncation()
    backend(tokenizer).no_padding()
    return cast(PreTrainedTokenizerBase, tokenizer)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def backend(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """Return what does the work, in Rust and on all cores."""
    return cast(Tokenizer, tokenizer.backend_tokenizer)


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a digest of everything that decides which tokens a text becomes."""
    special = json.dumps(tokenizer.special_tokens_map, sort_keys=True, default=str)
    return sha256((backend(tokenizer).to_str() + special).encode()).hexdigest()
