"""One command at a time in a folder of results; it imports no more than `pipeline.finetune` may."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other commands out of a folder, made where it is not there.

    An `InputError` says that one is there already, or that the folder cannot be written.
    The system lifts the lock when a process ends, however it ends.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        if error.errno in FULL:
            raise  # no fault of the folder: `stopping_when_disk_is_full` tells what to do
        raise InputError(
            f"{folder}: cannot be written ({os.strerror(error.errno or errno.EIO)}). "
            "Give another folder with --out."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{folder}: another command is writing here. Wait for it, or give another --out."
            ) from error
        yield
