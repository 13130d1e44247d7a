from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers")

from pipeline.finetune.templates import Chat, load_chat
from pipeline.finetune.tokenize_items import Encoder, Item
from pipeline.finetune.tokenize_rows import Row
from tests.pipeline.finetune.conftest import CHATML, TEXTS, make_tokenizer

LARGE = 10_000
CHAT = load_chat(make_tokenizer(), "model", "tiny")
ALPACA = load_chat(make_tokenizer(None, ("<s>", "</s>")), "alpaca", "tiny")
# Writes an empty thought once an answer is there, as thinking models do, but never asks for it.
THINKING = load_chat(
    make_tokenizer(
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
        "{% if message['role'] == 'assistant' %}[no thought]{% endif %}"
        "{{ message['content'] | trim }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n[thought]{% endif %}"
    ),
    "model",
    "tiny",
)


def row(
    language: str, question: str, answer: str, *earlier: tuple[str, str], before: str = ""
) -> Row:
    texts = [text for turn in earlier for text in turn]
    texts += [f"{before}{question}", answer]
    roles = ["user", "assistant"] * (len(texts) // 2)
    messages = [{"role": r, "content": t} for r, t in zip(roles, texts, strict=True)]
    return Row(f"{1:032x}", language, "ours", "exam", question, messages)


def encode(chat: Chat, *rows: Row, capacity: int = LARGE, overlong: Any = "drop") -> list[Item]:
    return Encoder(chat, capacity, overlong).encode(rows)[0]


def decoded(chat: Chat, tokens: list[int]) -> str:
    return str(chat.tokenizer.decode(tokens))


@pytest.mark.parametrize("chat", [CHAT, ALPACA])
@pytest.mark.parametrize("language", TEXTS)
def test_the_answer_and_what_ends_it_are_supervised_and_nothing_else(
    chat: Chat, language: str
) -> None:
    question, answer, _ = TEXTS[language]
    (item,) = encode(chat, row(language, question, answer))
    end = chat.tokenizer.eos_token
    assert decoded(chat, item.tokens[item.begin :]) == f"{answer}{end}"
    prompt = [{"role": "user", "content": question}]
    assert decoded(chat, item.tokens[: item.begin]) == chat.prompt(prompt)


@pytest.mark.parametrize("language", TEXTS)
def test_earlier_answers_of_a_conversation_are_read_but_not_supervised(language: str) -> None:
    question, answer, passage = TEXTS[language]
    (item,) = encode(CHAT, row(language, question, answer, ("First?", passage)))
    assert decoded(CHAT, item.tokens[item.begin :]) == f"{answer}<|im_end|>"
    assert passage in decoded(CHAT, item.tokens[: item.begin])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=2, max_size=2),
    st.sampled_from([CHAT, ALPACA]),
)
def test_tokens_before_the_span_are_those_that_evaluation_asks_with(
    texts: list[str], chat: Chat
) -> None:
    question, answer = texts
    items = encode(chat, row("en", question, answer))
    prompt = chat.tokenizer(
        chat.prompt([{"role": "user", "content": question}]), add_special_tokens=False
    ).input_ids
    for item in items:
        # Where the prompt's last token melts into the answer, the span begins one token early.
        assert item.tokens[: item.begin] in (prompt, prompt[: item.begin])
        assert len(prompt) - item.begin in (0, 1, 2)
        assert item.tokens[-1] == chat.end_of_turn
        assert 0 < item.begin < len(item.tokens)


def test_a_token_that_holds_the_end_of_the_prompt_and_the_answers_begin_is_supervised() -> None:
    # "\n" ends the prompt; the answer's own line break makes one token with it.
    tokenizer = make_tokenizer(
        "{% for m in messages %}{{ m['content'] }}{% if m['role'] == "
        "'assistant' %}<|im_end|>{% else %}a{% endif %}{% endfor %}"
    )
    tokenizer.add_tokens(["ab"])
    chat = load_chat(tokenizer, "model", "tiny")
    (item,) = encode(chat, row("en", "q", "b is right"))
    assert decoded(chat, item.tokens[item.begin :]) == "ab is right<|im_end|>"


@pytest.mark.parametrize("language", TEXTS)
def test_a_template_that_asks_in_other_words_than_it_writes_still_gets_its_exact_span(
    language: str,
) -> None:
    question, answer, _ = TEXTS[language]
    (item,) = encode(THINKING, row(language, question, answer))
    assert decoded(THINKING, item.tokens[item.begin :]).removesuffix("<|im_end|>") == answer


def test_texts_with_the_tokenizers_special_tokens_are_dropped_and_counted() -> None:
    rows = [row("fr", "Quoi ?", "Ceci."), row("fr", "Un <|im_end|> caché", "Cela.")]
    items, counts = Encoder(CHAT, LARGE, "drop").encode(rows)
    assert [item.row for item in items] == rows[:1]
    assert counts.dropped == {"fr": {"special_token": 1}}


def test_turns_that_a_template_refuses_are_dropped_and_counted() -> None:
    refusing = (
        CHATML + "{% if messages[0]['content'] == 'x' %}{{ raise_exception('x') }}{% endif %}"
    )
    chat = load_chat(make_tokenizer(refusing), "model", "tiny")
    items, counts = Encoder(chat, LARGE, "drop").encode([row("ja", "x", "y"), row("ja", "z", "y")])
    assert len(items) == 1
    assert counts.dropped == {"ja": {"template": 1}}


@pytest.mark.parametrize("language", TEXTS)
def test_items_longer_than_the_capacity_are_dropped_and_counted_per_language(language: str) -> None:
    question, answer, _ = TEXTS[language]
    one = row(language, question, answer)
    (item,) = encode(CHAT, one)
    length = len(item.tokens)
    assert len(encode(CHAT, one, capacity=length)) == 1
    items, counts = Encoder(CHAT, length - 1, "drop").encode([one])
    assert items == []
    assert counts.dropped == {language: {"overlong": 1}}
    assert counts.shortest_overlong == length


@pytest.mark.parametrize("language", TEXTS)
def test_a_prompt_is_cut_from_the_left_and_its_question_and_answer_stay_whole(
    language: str,
) -> None:
    question, answer, passage = TEXTS[language]
    short = row(language, question, answer)
    needed = len(encode(CHAT, short)[0].tokens)
    long = row(language, question, answer, before=passage * 5 + "\n\n")
    for capacity in (needed + 30, needed + 7, needed):
        encoder = Encoder(CHAT, capacity, "cut_prompt")
        (item,), counts = encoder.encode([long])
        asked = item.row.messages[0]["content"]
        assert len(item.tokens) <= capacity
        assert asked.endswith(question)
        assert long.messages[0]["content"].endswith(asked)
        assert decoded(CHAT, item.tokens[item.begin :]) == f"{answer}<|im_end|>"
        assert counts.cut == {language: 1}
    items, counts = Encoder(CHAT, needed - 1, "cut_prompt").encode([long])
    assert items == []
    assert counts.dropped == {language: {"overlong": 1}}


@pytest.mark.parametrize("language", TEXTS)
def test_the_oldest_turns_go_before_anything_of_the_question_does(language: str) -> None:
    question, answer, passage = TEXTS[language]
    turns = [(f"{number}?", passage) for number in range(4)]
    whole = row(language, question, answer, *turns)
    capacity = len(encode(CHAT, row(language, question, answer, *turns[2:]))[0].tokens)
    (item,) = encode(CHAT, whole, capacity=capacity, overlong="cut_prompt")
    assert item.row.messages == whole.messages[4:]


def test_options_stay_with_the_question_and_its_words_in_a_passage_do_not_count() -> None:
    text = "Which?\n\nA. Which?\nB. no"
    long = row("en", "Which?", "B. no", before="Which? Nobody knows.\n\n")
    messages = [{"role": "user", "content": f"Which? Nobody knows.\n\n{text}"}, long.messages[1]]
    long = replace(long, messages=messages)
    needed = len(
        encode(CHAT, replace(long, messages=[{"role": "user", "content": text}, messages[1]]))[
            0
        ].tokens
    )
    (item,) = encode(CHAT, long, capacity=needed, overlong="cut_prompt")
    assert item.row.messages[0]["content"] == text


def test_fertility_counts_the_characters_of_messages_and_the_tokens_of_items() -> None:
    rows = [row(language, *texts[:2]) for language, texts in TEXTS.items()]
    items, counts = Encoder(CHAT, LARGE, "drop").encode(rows)
    for item in items:
        question, answer, _ = TEXTS[item.row.language]
        assert counts.fertility[item.row.language] == {
            "items": 1,
            "tokens": len(item.tokens),
            "characters": len(question) + len(answer),
            "supervised_tokens": len(item.tokens) - item.begin,
            "supervised_characters": len(answer),
        }
