from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("transformers")

from pipeline.errors import InputError
from pipeline.finetune.templates import Chat, load_chat
from tests.pipeline.finetune.conftest import CHATML, TEXTS, make_tokenizer

LLAMA = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")


def turns(language: str) -> list[dict[str, str]]:
    question, answer, _ = TEXTS[language]
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def llama3() -> Chat:
    return load_chat(make_tokenizer(None, LLAMA), "llama3", "tiny")


def alpaca() -> Chat:
    return load_chat(make_tokenizer(None, ("<s>", "</s>")), "alpaca", "tiny")


def own() -> Chat:
    return load_chat(make_tokenizer(), "model", "tiny")


@pytest.mark.parametrize("make", [own, llama3, alpaca])
@pytest.mark.parametrize("language", TEXTS)
def test_what_asks_for_an_answer_begins_the_whole_conversation(make: Any, language: str) -> None:
    chat = make()
    question, answer, _ = TEXTS[language]
    prompt = chat.prompt(turns(language)[:1])
    whole = chat.conversation(turns(language))
    assert whole.startswith(prompt)
    assert question in prompt
    assert whole[len(prompt) :].startswith(answer)


def test_the_llama_3_template_writes_its_headers_and_one_begin_of_text() -> None:
    assert llama3().conversation(turns("en")[:1] + turns("fr")) == (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n"
        f"{TEXTS['en'][0]}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
        f"{TEXTS['fr'][0]}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
        f"{TEXTS['fr'][1]}<|eot_id|>"
    )


def test_the_alpaca_template_writes_a_system_line_only_where_there_is_none() -> None:
    system = {"role": "system", "content": "Answer briefly."}
    assert alpaca().prompt([system, *turns("en")[:1]]) == (
        f"<s>Answer briefly.\n\n### Instruction:\n{TEXTS['en'][0]}\n\n### Response:\n"
    )
    assert alpaca().prompt(turns("en")[:1]).startswith("<s>Below is an instruction")


def test_what_a_template_writes_by_itself_is_stated() -> None:
    template = (
        "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are Tiny<|im_end|>\n"
        "{% endif %}" + CHATML
    )
    chat = load_chat(make_tokenizer(template), "model", "tiny")
    assert chat.facts()["opening"] == (
        "<|im_start|>system\nYou are Tiny<|im_end|>\n<|im_start|>user\n"
    )


@pytest.mark.parametrize("date", ["{{ date_string }}", "{{ strftime_now('%d %b %Y') }}"])
def test_a_date_in_a_template_is_the_same_on_any_day(date: str) -> None:
    chat = load_chat(make_tokenizer(f"Today: {date}\n{CHATML}"), "model", "tiny")
    assert chat.opening.startswith("Today: 26 Jul 2024\n")


def test_an_answer_ends_with_the_first_special_token_after_it() -> None:
    assert own().end_of_turn == own().tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert llama3().end_of_turn == llama3().tokenizer.convert_tokens_to_ids("<|eot_id|>")


def test_templates_that_differ_have_other_digests() -> None:
    assert len({own().digest, llama3().digest, alpaca().digest}) == 3
    assert own().digest == own().digest


@pytest.mark.parametrize(
    ("template", "name", "message"),
    [
        (None, "model", "has no chat template. Name one in the recipe: `template: llama3`"),
        (CHATML, "llama3", r"ends an answer with '<\|eot_id\|>', which is no special token"),
        ("{{ raise_exception('no') }}", "model", "does not write a question and its answer"),
        ("{{ messages[0]['content'] }}", "model", "does not write a question and its answer"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_with_those_that_can(
    template: str | None, name: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_chat(make_tokenizer(template), name, "tiny")
    assert "alpaca" in str(caught.value)
    assert "\n" not in str(caught.value)
