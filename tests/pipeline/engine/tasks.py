"""Work for the processes of an engine; a module of its own, so that they load nothing else."""

from __future__ import annotations

import os
import signal
import time

from pipeline.errors import InputError


def square_slowly_from_the_end(number: int) -> int:
    """Return the square, later tasks sooner."""
    time.sleep(max(0.0, 0.05 - number * 0.01))
    return number * number


def own_process(_: int) -> int:
    """Return the process that this ran in."""
    return os.getpid()


def refuse_the_third(number: int) -> int:
    """Find fault with one of the inputs."""
    if number == 3:
        raise InputError("ward.csv: the third is wrong.")
    return number


def die_at_the_third(number: int) -> int:
    """Be killed, as by a system that is out of memory."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def sleep_for_a_minute(_: int) -> None:
    """Do what nobody wants to wait for."""
    time.sleep(60)
