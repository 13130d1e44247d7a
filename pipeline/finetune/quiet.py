"""Keep other packages' chatter out of the lines of a run; all else that they say stays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import transformers.modeling_gguf_pytorch_utils as gguf
from transformers.utils import logging

_logging: Any = logging  # hardly typed
_gguf: Any = gguf


@contextmanager
def quiet() -> Iterator[None]:
    """Hide progress bars of transformers, and a warning that is for PEFT to heed."""
    had_bars, bar = _logging.is_progress_bar_enabled(), _gguf.tqdm
    _logging.disable_progress_bar()
    _gguf.tqdm = partial(bar, disable=True)  # it does not heed the switch
    try:
        with warnings.catch_warnings():
            # PEFT reads a property of models that transformers is about to rename.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            yield
    finally:
        _gguf.tqdm = bar
        if had_bars:
            _logging.enable_progress_bar()
