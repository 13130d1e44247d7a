"""Keys and bands of whole columns, held against their definition row by row."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.features import (
    Reader,
    bands_of,
    count_words,
    features_of,
    is_empty,
    new_vocabulary,
)
from pipeline.dedup.records import ROWS, fold_rows, of_items
from pipeline.dedup.similarity import jaccard_of_pairs
from pipeline.frames import ITEM_COLUMNS
from pipeline.keys import exact_key, record_shingles
from pipeline.text.normalize import comparison_key
from pipeline.text.shingles import jaccard
from schemas.item import LANGUAGES
from tests.pipeline.stages.cases import CASES, case
from tests.pipeline.stages.rows import Row, sample_mcq, sample_qa


def items(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ITEM_COLUMNS)


def sample_items(language: str) -> list[Row]:
    changed = CASES[language]
    return [
        case(language),
        case(language, question=changed.reworded),
        case(language, question=changed.other_number, context=changed.answer),
        sample_mcq(language),
        sample_mcq(language, options=["β", "γ", "β²"], answer_indices=[1, 2]),
        sample_qa(language),
        sample_qa(language, answer=""),
    ]


def texts(question: str, *options: str, answer: str = "", language: str = "en") -> pl.DataFrame:
    row = ("1", language, question, list(options), [answer], "")
    return pl.DataFrame([row], schema=ROWS, orient="row")


@pytest.mark.parametrize("language", LANGUAGES)
def test_folded_texts_are_comparison_keys(language: str) -> None:
    rows = of_items(items(*sample_items(language)))
    folded = fold_rows(rows).folded
    written = [*rows["question"], *rows["context"], *rows["options"].explode().drop_nulls()]
    for place, text in enumerate(written):
        assert folded.text(place) == comparison_key(text, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_jaccard_is_that_of_the_sets_of_shingles(language: str) -> None:
    rows = sample_items(language)
    pairs = list(combinations(range(len(rows)), 2))
    left, right = np.array(pairs).T
    found = jaccard_of_pairs(fold_rows(of_items(items(*rows))), left, right)
    for (one, other), value in zip(pairs, found, strict=True):
        expected = jaccard(record_shingles(rows[one]), record_shingles(rows[other]))
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("at_least", [0.5, 0.8, 1.0])
def test_a_jaccard_that_is_asked_for_is_the_same_and_others_are_0(
    language: str, at_least: float
) -> None:
    rows = fold_rows(of_items(items(*sample_items(language))))
    left, right = np.array(list(combinations(range(len(rows)), 2))).T
    whole = jaccard_of_pairs(rows, left, right)
    expected = np.where(whole >= at_least, whole, 0)
    assert (jaccard_of_pairs(rows, left, right, at_least=at_least) == expected).all()


@pytest.mark.parametrize("language", LANGUAGES)
def test_exact_keys_are_equal_where_those_of_single_rows_are(language: str) -> None:
    rows = sample_items(language)
    rows += [row | {"question": row["question"].upper()} for row in rows]
    rows += [row | {"language": "es" if language == "fr" else "fr"} for row in rows]
    keys = features_of(of_items(items(*rows)))["exact_key"]
    for one, other in combinations(range(len(rows)), 2):
        assert (keys[one] == keys[other]) == (exact_key(rows[one]) == exact_key(rows[other]))


def test_what_was_said_before_is_part_of_the_question() -> None:
    first = sample_qa("en", history=[{"role": "user", "content": "I am pregnant."}])
    features = features_of(of_items(items(sample_qa("en"), first)))
    assert features["exact_key"].n_unique() == features["asked_key"].n_unique() == 2


@pytest.mark.parametrize("rows_of_a_part", [1, 3, 100])
def test_bands_and_keys_do_not_depend_on_the_other_rows(rows_of_a_part: int) -> None:
    rows = of_items(items(*(row for code in LANGUAGES for row in sample_items(code))))
    whole = features_of(rows)
    parts = [features_of(part) for part in rows.iter_slices(rows_of_a_part)]
    assert pl.concat(parts).drop("words").equals(whole.drop("words"))
    at_once, by_part = new_vocabulary(), new_vocabulary()
    count_words(at_once, whole["words"])
    for one in parts:
        count_words(by_part, one["words"])
    assert np.array_equal(at_once, by_part)


@pytest.mark.parametrize("language", [*LANGUAGES, "de", ""])
@pytest.mark.parametrize("text", ["", " ", "…?!", "■ □", "\u200f\u200e", "«»"])
def test_record_without_letters_is_empty_and_shares_no_band(language: str, text: str) -> None:
    assert is_empty(features_of(texts(text, language=language))).to_list() == [True]


@pytest.mark.parametrize("language", LANGUAGES)
def test_options_alone_make_no_records_alike(language: str) -> None:
    rows = (sample_mcq(language, question=text, context="") for text in ("!!!", "( ( (", ""))
    assert is_empty(features_of(of_items(items(*rows)))).to_list() == [True] * 3


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text", ["a", "5", "😀", "肝", "я", "½", "㎎" * 9, "e\u0301", "ﷺ" * 9, "𝒳"]
)
def test_short_and_strange_texts_have_bands(language: str, text: str) -> None:
    features = features_of(texts(text, language=language))
    assert (bands_of(features) != 0).all()


def test_very_long_record_is_folded_whole() -> None:
    long = "Сердце перекачивает кровь. " * 100_000
    one, other = (texts(long + end, language="ru") for end in ("а", "б"))
    features = features_of(pl.concat([one, other]))
    assert features["exact_key"].n_unique() == 2


@settings(max_examples=150, deadline=None)
@given(st.text(), st.lists(st.text(), max_size=4), st.sampled_from(LANGUAGES))
def test_any_text_is_folded_alone_and_in_a_column_alike(
    question: str, options: list[str], language: str
) -> None:
    clean = [text.encode("utf-8", "replace").decode() for text in (question, *options)]
    folded = fold_rows(texts(clean[0], *clean[1:], language=language)).folded
    assert folded.text(0) == comparison_key(clean[0], language)
    for place, option in enumerate(clean[1:]):
        assert folded.text(2 + place) == comparison_key(option, language)


@pytest.mark.parametrize("threads", [1, 3])
def test_words_are_counted_alike_in_any_number_of_threads(threads: int) -> None:
    rows = of_items(items(*(row for language in LANGUAGES for row in sample_items(language))))
    expected = new_vocabulary()
    count_words(expected, features_of(rows)["words"])
    reader = Reader()
    with ThreadPoolExecutor(threads) as pool:
        parts = [*pool.map(reader.features_of, map(fold_rows, rows.iter_slices(2)))]
    assert (reader.vocabulary() == expected).all()
    names = ["exact_key", "answer_key", "bands", "sketch"]
    assert pl.concat(parts).select(names).equals(features_of(rows).select(names))
