"""Starts one process per GPU, as `torchrun` does, and tells in one line why they ended."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from pipeline.errors import InputError, MmedError, StoppedError

_ERROR_FILE = "TORCHELASTIC_ERROR_FILE"  # set for each process
_KINDS = {kind.exit_code: kind for kind in (MmedError, InputError, StoppedError)}


def launch(path: Path, processes: int) -> None:
    """Run `python -m pipeline.finetune` with a `run.json` in several processes of this machine.

    Raises the `MmedError` that ended the first of them to fail; the others are stopped.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=str(os.getpid()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    # It logs the failure of each process, with tracebacks of its own.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    start: Any = elastic_launch(config, sys.executable)
    try:
        start("-m", "pipeline.finetune", str(path))
    except SignalException as error:
        raise KeyboardInterrupt from error
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        if failure.exitcode in _KINDS and failure.error_file != "<N/A>":
            raise _KINDS[failure.exitcode](failure.message) from error
        raise MmedError(
            f"{path}: one of {processes} processes ended with {failure.exitcode}; what it said is "
            "above. The same command goes on from the last checkpoint."
        ) from error


def tell(error: MmedError) -> None:
    """Hand an error of this process to the one that launched it, or to the user."""
    line = " ".join(str(error).splitlines())
    if _ERROR_FILE not in os.environ:
        sys.stderr.write(f"mmed: {line}\n")
        return
    told = {"message": line, "timestamp": int(time.time())}
    Path(os.environ[_ERROR_FILE]).write_text(json.dumps(told), encoding="utf-8")
