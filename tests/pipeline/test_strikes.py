"""Where Ctrl-C strikes a command: in code that it can end, once, and what the command says then."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import active_children
from types import FrameType

import polars as pl
import pytest

from pipeline import interrupt
from pipeline.engine.local import LocalEngine
from tests.pipeline.engine import tasks


@pytest.fixture(autouse=True)
def _struck_safely() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt.strike_safely()
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def press_after(seconds: float) -> None:
    threading.Timer(seconds, press).start()


def on_call_of(name: str, file: str, action: Callable[[], None]) -> None:
    """Do something once, inside the next call of a function that lies in such a file."""

    def watch(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name == name and code.co_filename.endswith(file):
            sys.setprofile(None)
            action()

    sys.setprofile(watch)


def test_interrupt_in_what_polars_calls_back_is_no_panic(capfd: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"dose": [{"drug": "ибупрофен", "mg": 200}]})
    on_call_of("__init__", "polars/datatypes/classes.py", press)
    with pytest.raises(KeyboardInterrupt):
        frame.schema  # noqa: B018 - reads the types, which Rust makes by calling Python
    assert capfd.readouterr().err == ""


class Presses:
    """Has Ctrl-C pressed when it is collected, where Python ignores exceptions."""

    def __del__(self) -> None:
        press()


def lose(thing: list[Presses]) -> None:
    thing.clear()
    time.sleep(5)  # the next instruction, which the interrupt strikes


def test_interrupt_is_not_lost_in_a_destructor(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        lose([Presses()])
    assert capfd.readouterr().err == ""


def work_and_clean_up(cleaned: list[str]) -> None:
    try:
        press()
    finally:
        press()
        cleaned.append("all")


def test_interrupt_does_not_disturb_the_cleaning_up_after_another() -> None:
    cleaned: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        work_and_clean_up(cleaned)
    assert cleaned == ["all"]


def test_interrupt_that_was_caught_does_not_keep_out_the_next() -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            press()


@interrupt.held_back()
def work_whole(done: list[str]) -> None:
    press()
    done.append("all")


def test_interrupt_that_is_held_back_strikes_at_the_end() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        work_whole(done)
    assert done == ["all"]


def test_interrupts_stay_ignored_where_they_were() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt.strike_safely()
    press()


def sleep_on_two_workers(delay_s: float) -> None:
    with LocalEngine(2) as engine:
        press_after(delay_s)
        list(engine.map(tasks.sleep_for_a_minute, range(4)))


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.1, 0.5])
def test_interrupt_does_not_wait_for_workers_and_leaves_none(
    delay_s: float, capfd: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sleep_on_two_workers(delay_s)
    while active_children():
        assert time.monotonic() - started < 20
        time.sleep(0.01)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("build demo.yaml", "goes on where this one stopped"),
        ("fetch starter", "goes on where this one stopped"),
        ("build demo.yaml --dry-run", "begins anew"),
        ("dedup in.parquet out", "begins anew"),
        ("language in.parquet out.parquet", "begins anew"),
    ],
)
def test_end_says_what_the_same_command_will_do(
    command: str,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["mmed", *command.split()])
    with pytest.raises(SystemExit) as ended:
        interrupt.end()
    assert ended.value.code == 130
    assert capsys.readouterr().err == f"mmed: interrupted; the same command {how}.\n"
