"""Normalize: NFC and clean line ends in every published text, the author's words untouched."""

from __future__ import annotations

import unicodedata

import pytest

from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import SAMPLES, frame, make, run, sample_mcq, sample_qa


@pytest.mark.parametrize("language", LANGUAGES)
def test_sound_text_is_left_exactly_as_its_author_wrote_it(language: str) -> None:
    rows = [sample_mcq(language), sample_qa(language)]
    kept, dropped = run(make("normalize"), *rows)
    assert kept == frame(*rows).to_dicts()
    assert dropped == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_debris_goes_from_every_text_of_a_record(language: str) -> None:
    sample = SAMPLES[language]
    dirty = unicodedata.normalize("NFD", f"\ufeff{sample.open_question} \r\n\r\n\r\n\u200b")
    clean = unicodedata.normalize("NFC", sample.open_question)
    row = sample_mcq(
        language,
        question=dirty,
        context=dirty,
        answer=dirty,
        rationale=dirty,
        topic=dirty,
        options=[dirty, "β"],
        history=[{"role": "user", "content": dirty}],
    )
    [kept], _ = run(make("normalize"), row)
    texts = [kept[name] for name in ("question", "context", "answer", "rationale", "topic")]
    assert [*texts, kept["options"][0], kept["history"][0]["content"]] == [clean] * 7
    assert kept["options"][1] == "β"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Na⁺ above 145 mmol/L or 10⁶ cells"),
        ("zh", "ＨＢｓＡｇ（＋）、体温38.5 ℃"),
        ("ja", "ﾋﾟﾛｶﾙﾋﾟﾝ 2％、①または②"),
        ("fr", "37,8 °C « au repos » : œdème"),
        ("ru", "ещё 1 500 мг, № 5"),
        ("es", "1.ª dosis, ½ comprimido"),
    ],
)
def test_width_signs_and_fractions_are_kept(language: str, text: str) -> None:
    [kept], _ = run(make("normalize"), sample_qa(language, answer=text, options=[text]))
    assert (kept["answer"], kept["options"]) == (text, [text])


def test_normalising_twice_changes_nothing() -> None:
    row = sample_qa("en", answer="First line. \r\n\r\n\r\n\u2028Second\x00 line.\t")
    stage = make("normalize")
    once, _ = run(stage, row)
    assert run(stage, *once)[0] == once
    assert once[0]["answer"] == "First line.\n\nSecond line."


def test_empty_shard_stays_empty() -> None:
    assert run(make("normalize")) == ([], {})
