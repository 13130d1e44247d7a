"""The default engine: order, faults of a task, and a process that is killed."""

from __future__ import annotations

import os

import pytest

from pipeline.engine.local import LocalEngine
from pipeline.errors import InputError, StoppedError
from tests.pipeline.engine import tasks


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_tasks(workers: int) -> None:
    with LocalEngine(workers) as engine:
        found = list(engine.map(tasks.square_slowly_from_the_end, range(6)))
    assert found == [0, 1, 4, 9, 16, 25]


def test_two_workers_are_other_processes_and_one_is_this() -> None:
    with LocalEngine(2) as engine:
        assert os.getpid() not in set(engine.map(tasks.own_process, range(4)))
    with LocalEngine(1) as engine:
        assert set(engine.map(tasks.own_process, range(4))) == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_fault_of_a_task_arrives_as_it_was_raised(workers: int) -> None:
    with (
        LocalEngine(workers) as engine,
        pytest.raises(InputError, match=r"ward\.csv: the third is wrong") as fault,
    ):
        list(engine.map(tasks.refuse_the_third, range(6)))
    assert fault.value.exit_code == 2


def test_process_that_is_killed_stops_the_build_with_work_left() -> None:
    with (
        LocalEngine(2) as engine,
        pytest.raises(StoppedError, match="the same command again") as fault,
    ):
        list(engine.map(tasks.die_at_the_third, range(6)))
    assert fault.value.exit_code == 3
