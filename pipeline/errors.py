"""Errors with a promise about the exit code; anything else is a bug and shows its traceback."""

from __future__ import annotations

INTERRUPTED = 130  # 128 + SIGINT, as shells have it and typer too


class MmedError(Exception):
    """A known failure, told in one line."""

    exit_code = 1


class InputError(MmedError):
    """The input, the recipe or the output folder is not usable; the user has to change it."""

    exit_code = 2


class StoppedError(MmedError):
    """Work is left, nothing is lost, and the same command goes on."""

    exit_code = 3


class BalanceError(Exception):
    """A stage lost or invented rows: a bug, so its traceback is shown."""
