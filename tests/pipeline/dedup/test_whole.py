"""The whole path over rows in memory: what is dropped for what, and what is only flagged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl
import pytest

from pipeline.dedup import deduplicate, pairs
from pipeline.text import fold
from pipeline.text.normalize import comparison_key
from schemas.item import LANGUAGES
from tests.pipeline.stages.cases import CASES
from tests.pipeline.stages.rows import SAMPLES

SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "language": pl.String(),
        "question": pl.String(),
        "options": pl.List(pl.String()),
        "answer": pl.String(),
    }
)


def rows(*found: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(found, SCHEMA, orient="row")


def drops(frame: pl.DataFrame) -> dict[str, str]:
    return dict(deduplicate(frame).dropped.select("id", "kept_instead").iter_rows())


@pytest.mark.parametrize("language", LANGUAGES)
def test_copy_goes_and_another_number_stays_flagged(language: str) -> None:
    case = CASES[language]
    frame = rows(
        ("1", language, case.question, [], case.answer),
        ("2", language, case.question.upper(), [], case.answer),
        ("3", language, case.reworded, [], case.answer),
        ("4", language, case.other_number, [], case.answer),
    )
    found = deduplicate(frame)
    assert drops(frame) == {"2": "1", "3": "1"}
    assert found.flagged.select("id", "near").rows() == [("1", "4"), ("4", "1")]
    assert set(found.flagged["reason"]) == {"numbers of the question"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_misprint_is_told_from_another_word_by_how_often_each_occurs(language: str) -> None:
    misprinted = {
        "en": ("metformin", "metfornin"),
        "zh": ("造影", "造彰"),
        "ja": ("造影", "造彰"),
        "fr": ("metformine", "metfornine"),
        "ru": ("метформин", "метформнн"),
        "es": ("metformina", "metfornina"),
    }[language]
    case = CASES[language]
    assert misprinted[0] in case.question
    pair = [
        ("1", language, case.question, None, case.answer),
        ("2", language, case.question.replace(*misprinted), None, case.answer),
    ]
    assert drops(rows(*pair)) == {}  # nothing tells which of the two words is meant
    other = SAMPLES[language].open_question
    many = [
        (f"m{n}", language, f"{other} {n} {case.question[n:]}", None, f"{n}") for n in range(1, 5)
    ]
    assert drops(rows(*pair, *many)).get("2") == "1"


def test_codes_of_one_language_meet_and_those_of_two_do_not() -> None:
    question, answer = CASES["en"].question, CASES["en"].answer
    codes = ["en", "EN", "en-US", " en", "fr", "de", "DE", "it", None]
    frame = rows(*((str(number), code, question, [], answer) for number, code in enumerate(codes)))
    assert drops(frame) == {"1": "0", "2": "0", "3": "0", "6": "5"}


@pytest.mark.parametrize("code", ["de", "", "EN"])
def test_similar_rows_of_any_language_are_compared(code: str) -> None:
    case = CASES["en"]
    frame = rows(
        ("1", code, case.question, [], case.answer), ("2", code, case.other_drug, [], case.answer)
    )
    assert deduplicate(frame).flagged["id"].to_list() == ["1", "2"]


def test_verdict_on_a_pair_does_not_depend_on_the_next_record() -> None:
    question = CASES["zh"].question.rstrip("？")
    pair = [("a", "zh", question, None, ""), ("b", "zh", f"{question}癌", None, "")]
    others = [
        ("c", "zh", "癌症患者如何止痛才合适？", None, ""),
        ("d", "zh", "癌症早期有哪些表现？", None, ""),
    ]
    assert drops(rows(*pair)) == drops(rows(*pair, *others)) == {}


def test_null_option_is_an_empty_one() -> None:
    options = [*SAMPLES["en"].options, None]
    frame = rows(
        ("1", "en", SAMPLES["en"].question, options, ""),
        ("2", "en", SAMPLES["en"].question, options[::-1], ""),
        ("3", "en", SAMPLES["en"].question, None, ""),
    )
    assert drops(frame) == {"2": "1"}


def orders(frame: pl.DataFrame) -> Iterable[pl.DataFrame]:
    yield frame.reverse()
    yield frame.sample(fraction=1, shuffle=True, seed=1)


@pytest.mark.parametrize("threads", [1, 2])
def test_order_of_rows_and_number_of_threads_change_nothing(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = rows(
        *(
            (f"{code}{number}", code, text, [], CASES[code].answer)
            for code in LANGUAGES
            for number, text in enumerate(CASES[code][:1] + CASES[code][2:])
        )
    )
    found = deduplicate(frame)
    monkeypatch.setattr(pairs, "PAIRS_AT_A_TIME", 3)
    for other in orders(frame):
        again = deduplicate(other, threads=threads)
        assert again.dropped.equals(found.dropped)
        assert again.flagged.equals(found.flagged)


def test_character_of_eighteen_letters_is_folded() -> None:
    assert comparison_key("\ufdfa" * 9, "en") == comparison_key("\ufdfa", "en") * 9


def test_kinds_of_characters_are_the_same_in_every_compiled_module() -> None:
    from pipeline.dedup import align

    for name in ("LETTER", "DIGIT", "SIGN", "IDEOGRAPH"):
        assert getattr(align, name) == getattr(fold, name)
