"""Mask: no personal data in any text of a record, and a flag that says what was there."""

from __future__ import annotations

import pytest

from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import flag, frame, make, run, sample_mcq, sample_qa

PERSONAL = {
    "en": ("My number is (202) 555-0147, MRN: 00482913.", ("PHONE", "RECORD_NUMBER")),
    "zh": ("我的手机13812345678，病历号：20230415。", ("PHONE", "RECORD_NUMBER")),
    "ja": ("電話は090-1234-5678、カルテ番号12345678です。", ("PHONE", "RECORD_NUMBER")),
    "fr": ("Mon mobile : 06 12 34 56 78, numéro de dossier : 4567812.", ("PHONE", "RECORD_NUMBER")),
    "ru": ("Телефон +7 (916) 123-45-67, номер карты 123456.", ("PHONE", "RECORD_NUMBER")),
    "es": ("Mi móvil es 612 345 678 y mi DNI 12345678Z.", ("NATIONAL_ID", "PHONE")),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_personal_data_goes_from_every_text_of_a_record(language: str) -> None:
    text, kinds = PERSONAL[language]
    row = sample_mcq(
        language,
        question=text,
        context=text,
        answer=text,
        rationale=text,
        options=[text, "β"],
        history=[{"role": "user", "content": text}],
        flags=[flag("linked_case", text)],
    )
    [kept], dropped = run(make("mask"), row)
    assert dropped == {}
    texts = [kept[name] for name in ("question", "context", "answer", "rationale")]
    texts += [kept["options"][0], kept["history"][0]["content"], kept["flags"][0]["evidence"]]
    assert len(set(texts)) == 1
    assert all(f"[{kind}]" in texts[0] for kind in kinds)
    assert not any(character.isdigit() for character in texts[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_masked_record_says_what_kinds_were_there_and_how_many(language: str) -> None:
    text, kinds = PERSONAL[language]
    [kept], _ = run(make("mask"), sample_qa(language, question=text, answer=text))
    assert kept["flags"] == [
        {
            "name": "personal_data",
            "other_id": None,
            "value": 4.0,
            "evidence": ", ".join(kinds),
        }
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_record_without_personal_data_is_left_alone(language: str) -> None:
    rows = [sample_mcq(language), sample_qa(language, flags=[flag("linked_case", "Q 12")])]
    kept, _ = run(make("mask"), *rows)
    assert kept == frame(*rows).to_dicts()


def test_only_the_record_that_holds_something_changes() -> None:
    rows = [sample_qa("en"), sample_mcq("en", rationale="Ask jane@example.org")]
    kept, _ = run(make("mask"), *rows)
    assert kept[0] == frame(rows[0]).to_dicts()[0]
    assert kept[1]["rationale"] == "Ask [EMAIL]"
    assert [one["id"] for one in kept] == [row["id"] for row in rows]


@pytest.mark.parametrize("role", ["validation", "benchmark", "reference"])
def test_protecting_rows_are_masked_too(role: str) -> None:
    row = sample_qa("en", role=role, answer="Write to jane@example.org")
    assert run(make("mask"), row)[0][0]["answer"] == "Write to [EMAIL]"


def test_masking_twice_flags_once() -> None:
    stage = make("mask")
    once, _ = run(stage, sample_qa("en", answer="Write to jane@example.org"))
    assert run(stage, *once)[0] == once
