from __future__ import annotations

import pytest

from pipeline.translation.back_translation import back_translation_problems
from schemas.item import LANGUAGES, Language
from tests.pipeline.translation.parallel import DOSE


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_must_come_back(language: Language) -> None:
    text = DOSE[language]
    assert back_translation_problems(text, text, language) == []
    (problem,) = back_translation_problems(text, text.replace("500", "300"), language)
    assert problem.check == "back_translation"
