from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.spans import CHARACTERS, Run, compare
from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import sample_qa


def told(runs: tuple[Run, ...], differs: bool) -> list[str]:
    return [run.text for run in runs if run.differs == differs]


@given(st.text(max_size=CHARACTERS), st.text(max_size=CHARACTERS), st.sampled_from(LANGUAGES))
def test_runs_are_the_texts_and_what_is_equal_is_equal(
    left: str, right: str, language: str
) -> None:
    first, second = compare(left, right, language)
    assert "".join(run.text for run in first) == left
    assert "".join(run.text for run in second) == right
    equal = ["".join("".join(told(runs, differs=False)).split()) for runs in (first, second)]
    assert equal[0] == equal[1]
    assert (told(first, differs=True) + told(second, differs=True) == []) == (left == right)


@pytest.mark.parametrize("code", LANGUAGES)
def test_only_the_number_that_differs_is_marked(code: str) -> None:
    text = sample_qa(code)["question"]
    first, second = compare(f"{text} 5 mg", f"{text} 7 mg", code)
    assert told(first, differs=True) == ["5"]
    assert told(second, differs=True) == ["7"]


def test_a_late_difference_of_long_texts_is_shown() -> None:
    text = "word " * 300
    first, second = compare(f"{text}yes {text}", f"{text}no {text}", "en")
    assert told(first, differs=True) == ["yes"]
    assert told(second, differs=True) == ["no"]
    assert first[0].text == "… "
    assert first[-1].text == " …"


def test_long_texts_that_share_nothing_behind_their_beginning_differ() -> None:
    text = "肝" * CHARACTERS
    first, second = compare(text + "左" * CHARACTERS, text + "右" * CHARACTERS, "zh")
    assert {*"".join(told(first, differs=True))} == {"左"}
    assert {*"".join(told(second, differs=True))} == {"右"}
