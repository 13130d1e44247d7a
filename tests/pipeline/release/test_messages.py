"""What a model is trained to read and say: instructions in every language, letters first."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.keys import text_digest
from pipeline.release.messages import messages, wording
from pipeline.text.language import detect
from schemas.item import LANGUAGES
from tests.pipeline.stages.rows import SAMPLES, Row, mcq, qa, sample_mcq, sample_qa

STYLES = ("letter", "letter_text", "rationale")
IDS = [text_digest(str(number)) for number in range(64)]


def user(row: Row, **settings: Any) -> str:
    return messages(row, "letter_text", **settings)[-2]["content"]


def said(row: Row, style: str) -> str:
    return messages(row, style)[-1]["content"]


def instruction(row: Row) -> str:
    return user(row).split("\n\n")[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_open_question_stands_alone(language: str) -> None:
    sample = SAMPLES[language]
    for style in STYLES:
        assert messages(sample_qa(language, rationale="Why."), style) == [
            {"role": "user", "content": sample.open_question},
            {"role": "assistant", "content": sample.answer},
        ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_multiple_choice_is_instruction_question_and_lettered_options(language: str) -> None:
    sample = SAMPLES[language]
    first, question, options = user(sample_mcq(language)).split("\n\n")
    assert first in wording()[language]["one"]
    assert question == sample.question
    assert options == "\n".join(f"{a}. {b}" for a, b in zip("ABCD", sample.options, strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("several", "name"), [(False, "one"), (True, "several")])
def test_rule_of_the_exam_chooses_the_wording_and_the_key_does_not(
    language: str, several: bool, name: str
) -> None:
    for keyed in ([0], [0, 2]):
        row = sample_mcq(language, several_allowed=several, answer_indices=keyed)
        assert instruction(row) in wording()[language][name]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["one", "several"])
def test_paraphrase_follows_from_the_id_and_all_are_used(language: str, name: str) -> None:
    rows = [sample_mcq(language, id=one, several_allowed=name == "several") for one in IDS]
    used = [instruction(row) for row in rows]
    assert used == [instruction(row | {"question": "β"}) for row in rows]
    assert sorted(set(used)) == sorted(wording()[language][name])


@pytest.mark.parametrize("language", LANGUAGES)
def test_instructions_are_in_the_language_of_the_question(language: str) -> None:
    for texts in wording()[language].values():
        for text in texts if isinstance(texts, list) else []:
            assert detect(text, "").language == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_wording_calls_an_option_correct(language: str) -> None:
    correct = {"en": "correct", "zh": "正确", "ja": "正しい", "fr": "correct", "ru": "верн"}
    for name in ("one", "several"):
        for text in wording()[language][name]:
            assert correct.get(language, "correct") not in text.casefold()


@pytest.mark.parametrize(
    "stem",
    [
        "空気感染するのはどれか。2つ選べ。",
        "空気感染するのはどれか。２つ選べ。",
        "誤っているのはどれか。3つ選べ。",
        "適切なものを二つ選びなさい。",
        "当てはまるものを5個選択せよ。",
        "当てはまるものをすべて選べ。",
        "当てはまるものを全て選びなさい。",
    ],
)
@pytest.mark.parametrize("several", [True, False])
def test_japanese_stem_that_says_how_many_is_followed(stem: str, several: bool) -> None:
    options = SAMPLES["ja"].options
    used = {
        instruction(mcq(stem, options, (0, 1), "ja", id=one, several_allowed=several))
        for one in IDS
    }
    assert used == set(wording()["ja"]["follow_stem"])


@pytest.mark.parametrize(
    "stem",
    ["第一選択薬はどれか。", "選択的β遮断薬はどれか。", "2つの検査のうち先に行うのはどれか。"],
)
def test_other_japanese_stems_have_the_ordinary_wording(stem: str) -> None:
    row = mcq(stem, SAMPLES["ja"].options, (0,), "ja")
    assert instruction(row) in wording()["ja"]["one"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_style_begins_with_the_letters(language: str) -> None:
    one = sample_mcq(language, rationale="Because.\n\nIndeed.")
    two = one | {"answer_indices": [1, 3], "several_allowed": True}
    a, b, _, d = SAMPLES[language].options
    assert said(one, "letter") == "A"
    assert said(one, "letter_text") == f"A. {a}"
    assert said(one, "rationale") == f"A. {a}\n\nBecause.\n\nIndeed."
    assert said(two, "letter") == "B, D"
    assert said(two, "letter_text") == f"B, D\nB. {b}\nD. {d}"
    assert said(two, "rationale") == f"B, D\nB. {b}\nD. {d}\n\nBecause.\n\nIndeed."


@pytest.mark.parametrize("language", LANGUAGES)
def test_rationale_style_without_rationale_is_the_answer_alone(language: str) -> None:
    row = sample_mcq(language)
    assert said(row, "rationale") == said(row, "letter_text")


@pytest.mark.parametrize("language", LANGUAGES)
def test_passage_stands_under_its_heading_before_the_question(language: str) -> None:
    own, sample = wording()[language], SAMPLES[language]
    passage = f"{own['context']}\n{sample.answer}\n\n{own['question']}\n{sample.question}"
    row = sample_mcq(language, context=sample.answer)
    first, rest = user(row).split("\n\n", 1)
    assert first in own["one"]
    assert rest.startswith(f"{passage}\n\nA. ")
    assert user(qa(sample.question, "β", language, context=sample.answer)) == passage


@pytest.mark.parametrize("language", LANGUAGES)
def test_earlier_turns_come_first(language: str) -> None:
    sample = SAMPLES[language]
    history = [
        {"role": "user", "content": sample.question},
        {"role": "assistant", "content": sample.options[0]},
    ]
    told = messages(sample_qa(language, history=history), "letter")
    assert told[:2] == history
    assert [turn["role"] for turn in told] == ["user", "assistant"] * 2
    assert told[2]["content"] == sample.open_question


@pytest.mark.parametrize("language", LANGUAGES)
def test_classification_names_its_labels_and_says_that_it_is_an_exercise(language: str) -> None:
    exercise = {
        "en": ("exercise", "diagnosis"),
        "zh": ("练习", "诊断"),
        "ja": ("練習", "診断"),
        "fr": ("exercice", "diagnostic"),
        "ru": ("упражнени|учебное задание", "диагноз"),
        "es": ("ejercicio", "diagnóstico"),
    }[language]
    labels = ("J30", "K21", "N39")
    for one in IDS:
        row = sample_qa(language, id=one, form="classification", answer="K21")
        first, text = user(row, labels=labels).split("\n\n")
        assert all(label in first for label in labels)
        assert all(any(word in first.casefold() for word in w.split("|")) for w in exercise)
        assert "{" not in first
        assert text == SAMPLES[language].open_question
        assert said(row, "rationale") == "K21"


def test_options_of_a_classification_are_its_labels() -> None:
    row = mcq("I sneeze in spring.", ("Allergy", "Influenza"), form="classification")
    assert all(label in instruction(row) for label in ("Allergy", "Influenza"))
