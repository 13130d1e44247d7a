"""What counts as holding a protected item: bad scans, parts of longer texts, runs of 64."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contamination.find import Protected
from pipeline.text.normalize import comparison_key
from schemas.item import LANGUAGES
from tests.pipeline.contamination.scans import SCANS
from tests.pipeline.stages.cases import CASES
from tests.pipeline.stages.rows import SAMPLES, Row, frame, mcq, qa, sample_mcq, sample_qa


def found(rows: list[Row], items: list[Row], containment: float = 0.8) -> dict[str, Any]:
    """Return, per kind of match and row, the item and the value."""
    matches = Protected(frame(*items), containment).matches(frame(*rows))
    return {
        f"{one['kind']} {one['id']}": (one["item"], round(one["value"], 3))
        for one in matches.iter_rows(named=True)
    }


def similar(row: Row, item: Row, containment: float = 0.8) -> float:
    """Return the share of an item that a row holds, 0 where that is too little."""
    matches = found([row | {"id": "t"}], [item | {"id": "b", "role": "benchmark"}], containment)
    return float(matches.get("similar t", ("", 0.0))[1])


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_scans_of_one_question_count_as_one(language: str) -> None:
    scan = SCANS[language]
    row = mcq(scan.scanned_question, scan.scanned_options, (0,), language)
    item = mcq(scan.question, scan.options, (0,), language)
    assert comparison_key(scan.question, language) != comparison_key(
        scan.scanned_question, language
    )
    assert similar(row, item) > 0.8
    assert similar(item, row) > 0.8


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_scan_without_options_is_recognised_by_its_long_question(language: str) -> None:
    scan = SCANS[language]
    row = qa(scan.scanned_question, scan.options[0], language)
    assert similar(row, mcq(scan.question, scan.options, (0,), language)) > 0.8


@pytest.mark.parametrize("language", LANGUAGES)
def test_order_of_the_options_and_further_ones_change_nothing(language: str) -> None:
    question, options, *_ = SAMPLES[language]
    item = mcq(question, options, (0,), language)
    turned = mcq(question, ("β", *reversed(options), "γ δ"), (0,), language)
    assert similar(turned, item) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_question_is_another_whatever_the_language(language: str) -> None:
    items = [sample_mcq(code, id=f"b{code}", role="benchmark") for code in LANGUAGES]
    rows = [qa(CASES[language].question, CASES[language].answer, language, id="case")]
    rows += [sample_qa(language, id="open")]
    assert found(rows, items) == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_short_phrase_does_not_make_a_longer_text_its_copy(language: str) -> None:
    phrase = SAMPLES[language].open_question
    item = qa(phrase, "", language)
    assert similar(qa(f"{CASES[language].question} {phrase}", "", language), item) == 0
    assert similar(qa(phrase, "", language), item) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_shingles_that_stand_far_from_each_other_do_not_count(language: str) -> None:
    question = f"{CASES[language].question} {SAMPLES[language].open_question}"
    half = len(question) // 2
    between = (CASES[language].answer + " ") * 4
    apart = f"{question[:half]} {between} {question[half:]}"
    assert similar(qa(apart, "", language), qa(question, "", language)) == 0
    assert similar(qa(f"{between}{question}{between}", "", language), qa(question, "", language))


def test_a_context_counts_as_part_of_the_question_and_its_long_question_also_alone() -> None:
    question, context = SCANS["en"].question, CASES["en"].answer
    item = qa(question, "", context=context)
    assert similar(qa(f"{context} {question}", ""), item) == 1
    assert similar(qa(question, ""), item) == 1
    assert similar(qa("Which of these is right?", "", context=context), item) == 0


def test_a_benchmark_item_is_told_before_a_validation_item() -> None:
    items = [
        sample_mcq("en", id="a", role="validation"),
        sample_mcq("en", id="b", role="benchmark"),
    ]
    items += [sample_mcq("en", id="c", role="benchmark")]
    told = found([sample_mcq("en", id="t")], items)
    assert {kind: item for kind, (item, _) in told.items()} == {"similar t": "b", "run t": "b"}


def run_length(row: Row, item: Row) -> float:
    """Return the length of the run that a row shares with an item, 0 where there is none."""
    matches = found([row | {"id": "t"}], [item | {"id": "b", "role": "benchmark"}])
    return float(matches.get("run t", ("", 0.0))[1])


LONG = "".join(chr(ord("a") + step * step % 23) for step in range(300))


@pytest.mark.parametrize("length", [31, 63, 64, 65, 100, 200])
@pytest.mark.parametrize("start", [0, 1, 17, 31, 32, 45])
def test_a_run_is_found_from_64_letters_on_wherever_it_begins(length: int, start: int) -> None:
    row = qa(f"1234 {LONG[start : start + length]} 5678", "")
    expected = length if length >= 64 else 0
    assert run_length(row, qa(f"9 {LONG} 9", "")) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_stands_in_answers_and_rationales_too(language: str) -> None:
    question = CASES[language].question
    letters = len([one for one in comparison_key(question, language) if one.isalnum()])
    assert letters >= 64 or language in ("zh", "ja")
    item = qa(question * 2, "", language)
    told = sample_qa(language, answer=f"«{question * 2}»")
    reasoned = sample_mcq(language, rationale=f"«{question * 2}»")
    assert run_length(told, item) == run_length(reasoned, item) == 2 * letters
    assert run_length(sample_qa(language), item) == 0


def test_the_run_is_shown_with_its_spaces() -> None:
    question = CASES["en"].question
    item = frame(qa(question, "", id="b", role="benchmark"))
    row = frame(qa(f"Please tell me. {question.upper()}", "", id="t"))
    [run] = Protected(item).matches(row).filter(kind="run")["evidence"]
    assert run == comparison_key(question, "en")


@settings(max_examples=150, deadline=None)
@given(
    st.text("ab 1é日末ー", max_size=150), st.text("ab 1é日末ー", max_size=150), st.integers(0, 140)
)
def test_runs_are_those_that_comparing_every_place_finds(
    first: str, second: str, shared: int
) -> None:
    first, second = first + LONG[:shared], LONG[:shared] + second
    left, right = (
        "".join(filter(str.isalnum, comparison_key(text, "en"))) for text in (first, second)
    )
    longest = 0
    for start in range(len(left)):
        while left[start : start + longest + 1] in right and start + longest < len(left):
            longest += 1
    expected = longest if longest >= 64 else 0
    assert run_length(qa(first, ""), qa(second, "")) == expected


def rough(text: str) -> str:
    """Return the letters of a text, the few of this test made one as a scanner would."""
    key = unicodedata.normalize("NFD", comparison_key(text, "en"))
    letters = "".join(filter(str.isalnum, key)).replace("rn", "m")
    return letters.translate(str.maketrans("1i0", "llo"))


@settings(max_examples=150, deadline=None)
@given(st.text("rnab 1é0", max_size=60), st.text("rnabil 1é0", max_size=60))
def test_shares_are_those_that_comparing_sets_finds(question: str, before: str) -> None:
    """Of an item with options, in a text too short for the stretch to leave anything out."""
    item = mcq(question, ("malaria", "noma"), (0,))
    row = mcq(before + question[5:], ("noma", "malaria", "x"), (0,))
    own = shingles(rough(question)) | shingles("malaria") | {"noma"}
    text = rough(f"{before}{question[5:]}")
    held = own & (shingles(text) | shingles("malaria") | {"noma", "x"})
    if len(text) > 1.2 * len(rough(question)):
        return
    share = len(held) / len(own)
    assert similar(row, item, 0.5) == (round(share, 3) if share >= 0.5 else 0)


def shingles(text: str) -> set[str]:
    """Return the five-letter n-grams of a text."""
    return {text[start : start + 5] for start in range(max(len(text) - 4, 1))} - {""}


def test_texts_without_letters_and_empty_frames_match_nothing() -> None:
    empty = [qa("", "", id="a", role="benchmark"), qa("?!", "", id="b", role="benchmark")]
    assert found([qa("", "", id="t"), qa("…", "", id="u")], empty) == {}
    assert found([sample_mcq("en", id="t")], []) == {}
    assert found([], empty) == {}
