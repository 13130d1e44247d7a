"""Which way a figure is better follows from its floor and its goal."""

import json

import pytest

from benchmarks.figures import Figure, publish


@pytest.mark.parametrize(
    ("value", "floor", "goal", "fails"),
    [
        (31, 30, 15, True),
        (29, 30, 15, False),
        (0.97, 0.98, 0.99, True),
        (0.985, 0.98, 0.99, False),
        (0.5, 1, 1, True),
        (1, 1, 1, False),
        (99, None, None, False),
    ],
)
def test_a_value_beyond_its_floor_fails(
    value: float,
    floor: float | None,
    goal: float | None,
    fails: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert publish([Figure("one", value, "s", floor, goal)], as_json=True) == int(fails)
    printed = capsys.readouterr()
    expected = {"name": "one", "value": value, "unit": "s", "floor": floor, "goal": goal}
    assert json.loads(printed.out) == {"figures": [expected]}
    assert ("one" in printed.err) == fails
