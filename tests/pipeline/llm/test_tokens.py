"""Estimates of tokens: rather too many, for every script."""

from __future__ import annotations

import pytest

from pipeline.llm.tokens import estimate_tokens, prompt_tokens
from tests.pipeline.llm.loopback import TEXTS, request

# What the tokenizer cl100k_base makes of the texts.
COUNTED = {"en": 13, "zh": 23, "ja": 26, "fr": 15, "ru": 24, "es": 16}


@pytest.mark.parametrize("language", TEXTS)
def test_an_estimate_is_above_the_count_and_not_far_above(language: str) -> None:
    assert COUNTED[language] <= estimate_tokens(TEXTS[language]) <= 2.5 * COUNTED[language]


def test_a_number_may_be_read_digit_by_digit() -> None:
    assert estimate_tokens("1234567890") == 10


def test_nothing_is_nothing_and_odd_characters_do_no_harm() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("👩‍⚕️") >= 2
    assert estimate_tokens("\ud83d") > 0


def test_every_message_and_the_schema_count() -> None:
    assert prompt_tokens(request()) > estimate_tokens(TEXTS["en"])
    assert prompt_tokens(request(schema={"type": "object"})) > prompt_tokens(request())
