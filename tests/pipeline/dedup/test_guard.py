"""What keeps two similar records apart, and what may differ between two that say the same."""

from __future__ import annotations

import pytest

from pipeline.dedup.compare import difference
from schemas.item import LANGUAGES
from tests.pipeline.stages.cases import CASES, case
from tests.pipeline.stages.rows import mcq, qa, sample_mcq


@pytest.mark.parametrize("language", LANGUAGES)
def test_equal_records_and_reworded_ones_do_not_differ(language: str) -> None:
    row = case(language)
    assert difference(row, row) == ""
    assert difference(row, case(language, question=CASES[language].reworded)) == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["context", "question", "answer"])
@pytest.mark.parametrize(
    ("change", "kind"),
    [("other_number", "numbers"), ("negated", "negation"), ("other_drug", "wording")],
)
def test_difference_names_kind_and_place(language: str, text: str, change: str, kind: str) -> None:
    found = CASES[language]
    left, right = case(language), case(language)
    left[text], right[text] = found.question, getattr(found, change)
    place = "answer" if text == "answer" else "question"  # of which the context is a part
    assert difference(left, right) == difference(right, left) == f"{kind} of the {place}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_options_count_as_a_set(language: str) -> None:
    row = sample_mcq(language)
    turned = {"options": row["options"][::-1], "answer_indices": [3]}
    assert difference(row, row | turned) == ""
    assert difference(row, row | {"options": [*row["options"][:3], "β"]}) == "options"


@pytest.mark.parametrize(
    ("language", "left", "right"),
    [
        ("en", "Which food holds vitamin A?", "Which food holds vitamin D?"),
        ("en", "How does hepatitis A begin?", "How does hepatitis begin?"),
        ("en", "What is a high pressure?", "What is a low pressure?"),
        ("en", "Na+ above 145 and K+ < 3.5", "Na+ above 145 and K+ > 3.5"),
        ("en", "HBsAg (+)", "HBsAg (-)"),
        ("en", "before the meal", "after the meal"),
        ("fr", "la carence en vitamine A", "la carence en vitamine D"),
        ("fr", "un déficit en protéine S", "un déficit en protéine D"),
        ("fr", "sur la plaie", "sous la plaie"),
        ("es", "vacuna contra la hepatitis A", "vacuna contra la hepatitis"),
        ("es", "aumenta la presión", "disminuye la presión"),
        ("ru", "передача гепатита B", "передача гепатита C"),
        ("ru", "дефицит витамина К", "дефицит витамина С"),
        ("ru", "группа крови O", "группа крови B"),
        ("ru", "до еды", "после еды"),
        ("zh", "大于正常", "小于正常"),
        ("zh", "饭前服用", "饭后服用"),
        ("ja", "心臓または腎臓", "心臓と腎臓"),
        ("ja", "心臓か腎臓", "心臓と腎臓"),
        ("ja", "3歳から", "3歳まで"),
        ("ja", "酵素を阻害する", "酵素に阻害される"),
        ("ja", "正常より高い", "正常の高い"),
        ("ja", "がんの検診", "かんの検診"),
    ],
)
def test_small_word_or_letter_that_changes_the_meaning_differs(
    language: str, left: str, right: str
) -> None:
    assert difference(qa(left, "β", language), qa(right, "β", language)) != ""


@pytest.mark.parametrize(
    ("language", "left", "right"),
    [
        ("en", "A man with the flu", "The man with flu"),
        ("en", "He coughs. A scan is done.", "He coughs. The scan is done."),
        ("zh", "患者的血压", "患者血压"),
        ("ja", "血圧は高いですか", "血圧が高いか"),
        ("ja", "症状がみられました。", "症状はみられた"),
        ("fr", "L’examen du foie", "Examen de foie"),
        ("fr", "À quel âge ?", "À cet âge"),
        ("ru", "Что же это за боль", "Это за боль"),
        ("ru", "У больного боль", "Больного боль"),
        ("es", "La tos del niño", "Tos de un niño"),
    ],
)
def test_function_words_may_differ(language: str, left: str, right: str) -> None:
    assert difference(qa(left, "β", language), qa(right, "β", language)) == ""


def test_letter_of_a_type_is_the_same_in_either_script_in_russian() -> None:
    latin, cyrillic = "вирус гепатита B", "вирус гепатита В"
    assert difference(qa(latin, "β", "ru"), qa(cyrillic, "β", "ru")) == ""


def test_order_of_content_words_counts() -> None:
    left, right = "the heart pumps blood", "the blood pumps heart"
    assert difference(qa(left, "β"), qa(right, "β")) == "wording of the question"


def test_key_of_multiple_choice_is_compared_by_the_answer() -> None:
    options = ("Insulin", "Glucagon")
    rows = [mcq("Which hormone?", options, (index,)) for index in (0, 1)]
    assert difference(*rows) == "wording of the answer"


@pytest.mark.parametrize("language", LANGUAGES)
def test_punctuation_alone_makes_no_difference(language: str) -> None:
    question = CASES[language].question
    assert difference(case(language), case(language, question=f"« … — ?! {question} »")) == ""
