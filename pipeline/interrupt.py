"""Ctrl-C: where it strikes, where it waits, and the line in which a command ends with it.

Python raises `KeyboardInterrupt` wherever the main thread happens to be. In Python code that
polars calls back from Rust that becomes a panic (measured: 1 of 1,200 reads that were interrupted),
and in the callback of a weak reference it is printed and lost. polars also raises one of its own,
so that one Ctrl-C strikes a second time, in what cleans up after the first.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import NoReturn

from pipeline.errors import INTERRUPTED

# Commands that keep what they have finished.
RESUMING = frozenset({"build", "fetch", "translate", "score-translation", "tokenize", "train"})
_FRAGILE_FILES = ("/polars/", "/weakref.py", "/_weakrefset.py")


def strike_safely() -> None:
    """From now on, let Ctrl-C raise `KeyboardInterrupt` once, and where nothing swallows it."""
    # Otherwise it is ignored, as in a background job.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _strike)


def led_to(error: BaseException | None) -> bool:
    """Tell whether an exception is a `KeyboardInterrupt` or was raised while handling one."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def strike_no_more() -> None:
    """Ignore Ctrl-C from now on: nothing is left to stop but Python's own end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end() -> NoReturn:
    """Tell in one line that the command was interrupted, and end it."""
    strike_no_more()
    goes_on = sys.argv[1:2] and sys.argv[1] in RESUMING and "--dry-run" not in sys.argv
    how = "goes on where this one stopped" if goes_on else "begins anew"
    print(f"mmed: interrupted; the same command {how}.", file=sys.stderr)  # noqa: T201
    sys.exit(INTERRUPTED)


@contextmanager
def held_back() -> Iterator[None]:
    """Let a Ctrl-C that comes inside the block strike at its end."""
    if threading.current_thread() is not threading.main_thread():  # it never strikes here
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def _strike(_number: int, frame: FrameType | None) -> None:
    if led_to(sys.exception()):  # the command is ending already; let it clean up
        return
    place = _outside_fragile_code(frame)
    if place is None or place is frame:
        raise KeyboardInterrupt
    # As a debugger does: at the next instruction of that frame, be it to go on or to unwind.
    place.f_trace, place.f_trace_opcodes = _raise, True
    sys.settrace(_trace_nothing)


def _outside_fragile_code(frame: FrameType | None) -> FrameType | None:
    """Return the frame that called the outermost fragile one, or the given one."""
    place = frame
    while frame is not None:
        if _is_fragile(frame.f_code):
            place = frame.f_back
        frame = frame.f_back
    return place


def _is_fragile(code: CodeType) -> bool:
    """Tell whether native code may have called this and would not pass an exception on."""
    return (
        any(part in code.co_filename for part in _FRAGILE_FILES)
        or code.co_name == "__del__"
        or code.co_qualname == "_get_module_lock.<locals>.cb"  # importlib's weak reference
    )


def _raise(_frame: FrameType, _event: str, _argument: object) -> NoReturn:
    raise KeyboardInterrupt  # which also ends the tracing


def _trace_nothing(_frame: FrameType, _event: str, _argument: object) -> None:
    return None
