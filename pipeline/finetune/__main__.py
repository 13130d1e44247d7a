"""`python -m pipeline.finetune run.json`: train, on one process or under `torchrun`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipeline.errors import INTERRUPTED, MmedError
from pipeline.finetune.launch import tell
from pipeline.finetune.train import train


def main(arguments: list[str]) -> int:
    """Train what the one argument says; return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m pipeline.finetune run.json\n")
        return 2
    try:
        train(Path(arguments[0]))
    except MmedError as error:
        tell(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED  # the one who launched it says so
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    if "WORLD_SIZE" in os.environ:
        # Python's own end meets threads of the process group, and aborts now and then: that would
        # stop the first process while it writes the model.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
