"""Curves for TensorBoard, where a recipe asks for them; one folder per stage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import InputError

FOLDER = "tensorboard"


def find_writer() -> Any:  # noqa: ANN401 -- of a package that need not be there
    """Return torch's writer; an `InputError` names the command that installs what it needs."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "`tensorboard` is not installed. Run `pip install tensorboard`, or set "
            "`tensorboard: false`."
        ) from error
    return SummaryWriter


class Board:
    """Draws one stage; what an interrupted call drew from `start` on is no longer shown."""

    def __init__(self, folder: Path, stage: str, start: int) -> None:
        self._writer = find_writer()(str(folder / FOLDER / stage), purge_step=start)

    def draw(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to the curve of each name."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def flush(self) -> None:
        """Let readers see what is drawn."""
        self._writer.flush()
